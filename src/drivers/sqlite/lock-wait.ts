import { standStill } from '../../lib/stand-still.js'
import type { Ms } from '../../lib/time.js'
import { SqliteError } from '../errors.js'

/** Of one wait: short at first, and never long. */
const PAUSES: readonly Ms[] = [0.2, 0.2, 0.3, 0.3, 0.5, 0.5, 1, 1, 1, 1]
const LONGEST: Ms = 2

/**
 * Waits for the locks of other connections, in the place of SQLite's own busy handler. That one sleeps ever longer, up to 100 ms:
 * beside a worker that commits without a pause whoever has waited long looks less and less often, and misses every gap for
 * seconds. Here all look equally often.
 */
export class LockWait {
  readonly #limit: Ms
  readonly #pause: (time: Ms) => void

  /** `limit`: how long in all. `pause`: without one the thread stands still, which belongs to the file. */
  constructor(limit: Ms, pause: (time: Ms) => void = standStill) {
    this.#limit = limit
    this.#pause = pause
  }

  /** Tries again while the answer is BUSY; throws it when the time is over. */
  patiently<T>(act: () => T): T {
    let waited: Ms = 0
    for (let tries = 0; ; tries++) {
      try {
        return act()
      } catch (error) {
        if (!(error instanceof SqliteError) || error.sqlite !== 'BUSY' || waited >= this.#limit) throw error
      }
      const time = PAUSES[tries] ?? LONGEST
      this.#pause(time)
      waited += time
    }
  }
}
