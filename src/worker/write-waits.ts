import type { Clock, Log } from '../lib/runtime.js'
import type { Ms, SteadyMs } from '../lib/time.js'

/** A line at most so often: many tasks wait for one store. */
const PAUSE: Ms = 10_000

/**
 * Log lines about ends of tasks that wait for a store or a broker (D47): tasks run on meanwhile, and without a word nobody
 * would know why their results do not appear.
 */
export class WriteWaits {
  readonly #clock: Pick<Clock, 'steady'>
  readonly #log: Log
  #last: SteadyMs = Number.NEGATIVE_INFINITY
  #untold = 0

  constructor({ clock, log }: { readonly clock: Pick<Clock, 'steady'>; readonly log: Log }) {
    this.#clock = clock
    this.#log = log
  }

  /** What belongs to the end of task `id` could not be written at the first try, and is tried again. */
  note(id: string, why: string): void {
    this.#untold++
    const now = this.#clock.steady()
    if (now - this.#last < PAUSE) return
    const others = this.#untold > 1 ? ` and ${this.#untold - 1} others before it` : ''
    this.#log.warning(`The end of task ${id}${others} cannot be written yet, and is tried again: ${why}`)
    this.#last = now
    this.#untold = 0
  }
}
