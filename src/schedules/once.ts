import type { EpochMs } from '../lib/time.js'
import type { Schedule } from './schedule.js'

/** Due a single time. */
export class Once implements Schedule {
  readonly #at: EpochMs

  constructor(at: EpochMs) {
    this.#at = at
  }

  next(last: EpochMs): EpochMs | undefined {
    return this.#at > last ? this.#at : undefined
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    return this.#at > last && this.#at <= now ? this.#at : undefined
  }
}
