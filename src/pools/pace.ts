import type { Ms } from '../lib/time.js'

/** Calls that are quicker than this, by and large, cost less than handing them over does. */
const QUICK: Ms = 2

/** The part that the newest call has in the mean. */
const SHARE = 1 / 16

/** How long calls take, by and large: a mean that forgets. Until something is known of them, they are slow. */
export class Pace {
  #mean: Ms = Number.POSITIVE_INFINITY

  get isQuick(): boolean {
    return this.#mean < QUICK
  }

  took(time: Ms): void {
    this.#mean = this.#mean === Number.POSITIVE_INFINITY ? time : this.#mean + (time - this.#mean) * SHARE
  }

  /** One that has not ended has taken so long by now: others may as well. */
  isAt(time: Ms): void {
    if (this.#mean < time) this.#mean = time
  }
}
