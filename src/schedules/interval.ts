import type { EpochMs, Ms } from '../lib/time.js'
import type { Schedule } from './schedule.js'
import { DAY, HOUR, MINUTE, SECOND } from './wall-time.js'
import type { Zone } from './zone.js'

/** Due again when so much time has passed since it was last, whatever clocks on walls do. Source: celery/schedules.py:schedule. */
export class Interval implements Schedule {
  readonly #every: Ms

  constructor(every: Ms) {
    this.#every = every
  }

  next(last: EpochMs): EpochMs {
    return last + this.#every
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    const passed = Math.floor((now - last) / this.#every)
    return passed >= 1 ? last + passed * this.#every : undefined
  }
}

/**
 * Celery's `relative`: counted on the clock of a zone and rounded down to its day, hour, minute or second, whichever is the largest
 * that the interval reaches. Source: celery/utils/time.py:remaining, delta_resolution.
 */
export class RelativeInterval implements Schedule {
  readonly #every: Ms
  readonly #unit: Ms
  readonly #zone: Zone

  constructor(every: Ms, zone: Zone) {
    this.#every = every
    this.#unit = [DAY, HOUR, MINUTE].find(unit => every >= unit) ?? SECOND
    this.#zone = zone
  }

  next(last: EpochMs): EpochMs {
    const end = this.#zone.wall(last) + this.#every
    const place = this.#zone.place(end - (((end % this.#unit) + this.#unit) % this.#unit))
    if (place.kind === 'plain') return place.instant
    if (place.kind === 'skipped') return place.shifted
    return place.first > last ? place.first : place.second
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    const first = this.next(last)
    if (first > now) return undefined
    const start = this.#zone.wall(first)
    const step = this.#every - (this.#every % this.#unit)
    // Clocks may have been set back since the latest one.
    const shown = now + Math.max(this.#zone.offset(now), this.#zone.offset(now - DAY))
    let steps = Math.floor((shown - start) / step)
    while (steps > 0 && this.#zone.instant(start + steps * step) > now) steps--
    return steps > 0 ? Math.max(first, this.#zone.instant(start + steps * step)) : first
  }
}
