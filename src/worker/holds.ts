import type { Clock } from '../lib/runtime.js'
import type { EpochMs } from '../lib/time.js'
import { Alarm } from './alarm.js'
import type { Running } from './running.js'

/** Deliveries that wait here for their eta. */
export class Holds implements Disposable {
  readonly #alarm: Alarm<Running>
  readonly #held = new Map<Running, Disposable>()

  constructor(clock: Clock, due: (running: Running) => void) {
    this.#alarm = new Alarm(clock, 'wall', running => {
      this.#held.delete(running)
      due(running)
    })
  }

  get size(): number {
    return this.#held.size
  }

  get waiting(): Iterable<Running> {
    return this.#held.keys()
  }

  has(running: Running): boolean {
    return this.#held.has(running)
  }

  enter(running: Running, until: EpochMs): void {
    this.#held.set(running, this.#alarm.set(until, running))
  }

  leave(running: Running): void {
    this.#held.get(running)?.[Symbol.dispose]()
    this.#held.delete(running)
  }

  /** Everybody leaves, earliest first; who they were. */
  clear(): readonly Running[] {
    this.#held.clear()
    return this.#alarm.clear()
  }

  [Symbol.dispose](): void {
    this.clear()
  }
}
