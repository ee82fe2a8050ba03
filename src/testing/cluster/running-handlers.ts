import { runningTask } from '../../app/current-task.js'
import type { TaskContext } from '../../app/task-context.js'
import type { Clock } from '../../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'

interface Handler {
  /** Timers it waits for. */
  timers: number
  /** It did not move for so long in real time that it is taken to wait for virtual time, or for nothing at all. */
  stuck: boolean
}

/** The handlers under way, and what each waits for: its virtual clock, or something real. */
export class RunningHandlers {
  readonly #handlers = new Map<TaskContext, Handler>()

  get size(): number {
    return this.#handlers.size
  }

  enter(context: TaskContext): void {
    this.#handlers.set(context, { timers: 0, stuck: false })
  }

  leave(context: TaskContext): void {
    this.#handlers.delete(context)
  }

  has(context: TaskContext): boolean {
    return this.#handlers.has(context)
  }

  contexts(): readonly TaskContext[] {
    return [...this.#handlers.keys()]
  }

  /** Some handler has no timer of its own: it may wait for something real. */
  get anyBusy(): boolean {
    for (const { timers, stuck } of this.#handlers.values()) if (timers === 0 && !stuck) return true
    return false
  }

  /** Waiting for them any longer is no use. */
  giveUp(): void {
    for (const handler of this.#handlers.values()) if (handler.timers === 0) handler.stuck = true
  }

  /** The same clock; timers set by a handler count as its own. */
  clock(clock: Clock): Clock {
    return new HandlerClock(clock, () => this.#hold())
  }

  /** Undefined outside handlers. */
  #hold(): (() => void) | undefined {
    const context = runningTask()
    const handler = context === undefined ? undefined : this.#handlers.get(context)
    if (handler === undefined) return undefined
    handler.timers++
    handler.stuck = false
    let held = true
    return () => {
      if (held) handler.timers--
      held = false
    }
  }
}

class HandlerClock implements Clock {
  readonly #clock: Clock
  readonly #hold: () => (() => void) | undefined

  constructor(clock: Clock, hold: () => (() => void) | undefined) {
    this.#clock = clock
    this.#hold = hold
  }

  now(): EpochMs {
    return this.#clock.now()
  }

  steady(): SteadyMs {
    return this.#clock.steady()
  }

  timer(ms: Ms, ring: () => void): Disposable {
    const release = this.#hold()
    if (release === undefined) return this.#clock.timer(ms, ring)
    const timer = this.#clock.timer(ms, () => {
      release()
      ring()
    })
    return {
      [Symbol.dispose]: () => {
        release()
        timer[Symbol.dispose]()
      },
    }
  }

  async sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
    const release = this.#hold()
    try {
      await this.#clock.sleep(ms, signal)
    } finally {
      release?.()
    }
  }
}
