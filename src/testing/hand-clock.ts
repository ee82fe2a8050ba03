import { Heap } from '../lib/heap.js'
import type { Clock } from '../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../lib/time.js'
import { turnOfTheLoop } from './cluster/real-work.js'

interface Timer {
  readonly due: SteadyMs
  readonly order: number
  ring: (() => void) | undefined
}

/** A clock that stands still until a test moves it. Wall time can be set by itself. */
export class HandClock implements Clock {
  readonly #timers = new Heap<Timer>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order))
  #steady: SteadyMs = 0
  #epoch: EpochMs = 1_790_000_000_000
  #order = 0

  now(): EpochMs {
    return this.#epoch + this.#steady
  }

  steady(): SteadyMs {
    return this.#steady
  }

  timer(ms: Ms, ring: () => void): Disposable {
    const timer: Timer = { due: this.#steady + Math.max(0, ms), order: this.#order++, ring }
    this.#timers.push(timer)
    return {
      [Symbol.dispose]() {
        timer.ring = undefined
      },
    }
  }

  sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.timer(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = (): void => {
        timer[Symbol.dispose]()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort)
    })
  }

  /** Rings every timer due within `ms` in its turn (late ones at once), and lets everything that follows from it happen. */
  async pass(ms: Ms): Promise<void> {
    const end = this.#steady + ms
    await turnOfTheLoop()
    for (let next = this.#timers.peek(); next !== undefined && next.due <= end; next = this.#timers.peek()) {
      this.#timers.pop()
      if (next.ring === undefined) continue
      this.#steady = Math.max(this.#steady, next.due)
      next.ring()
      await turnOfTheLoop()
    }
    this.#steady = end
    await turnOfTheLoop()
  }

  /** Moves the wall clock, and only that. */
  step(ms: Ms): void {
    this.#epoch += ms
  }

  /** As if the process stood still: time passes, and whatever became due rings late. */
  stall(ms: Ms): void {
    this.#steady += ms
  }
}
