import type { EpochMs } from '../lib/time.js'
import type { ClockChangeOptions } from './schedule-spec.js'
import type { WallGrid } from './wall-grid.js'
import { DAY, type WallMs } from './wall-time.js'
import type { Zone } from './zone.js'

/** The instants at which the clock of a zone shows the times of a grid, in the order of the clock. */
export class ZonedGrid {
  readonly #grid: WallGrid
  readonly #zone: Zone
  readonly #skips: boolean
  readonly #twice: boolean

  constructor(grid: WallGrid, zone: Zone, options: ClockChangeOptions = {}) {
    this.#grid = grid
    this.#zone = zone
    this.#skips = options.skipped === 'skip'
    this.#twice = options.repeated === 'twice'
  }

  /** The first one after `last`. */
  next(last: EpochMs): EpochMs | undefined {
    const again = this.#twice ? this.#secondPass(last) : undefined
    for (let wall = this.#grid.next(this.#zone.wall(last)); wall !== undefined; wall = this.#grid.next(wall)) {
      const instant = this.#instantAfter(wall, last)
      if (instant === undefined) continue
      return again === undefined ? instant : Math.min(again, instant)
    }
    return again
  }

  /** The last one after `last` that is not after `now`: where `next` arrives that goes on from each to the next. */
  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    const instant = this.#previous(now)
    if (instant === undefined || instant <= last) return undefined
    const change = this.#shiftedAt(instant)
    if (change === undefined) return instant
    // Of the times that were skipped, and of those that they were shifted past, only the first is arrived at.
    let found: EpochMs | undefined
    for (let at = this.next(Math.max(last, change - 1)); at !== undefined && at <= now; at = this.next(at)) found = at
    return found ?? (last < change ? this.latest(last, change - 1) : undefined)
  }

  /** When clocks skipped time, if `instant` may be one of those shifted by it or come before one of them. */
  #shiftedAt(instant: EpochMs): EpochMs | undefined {
    const gap = this.#zone.offset(instant) - this.#zone.offset(instant - DAY)
    if (this.#skips || gap <= 0) return undefined
    const place = this.#zone.place(this.#zone.wall(instant) - gap)
    return place.kind === 'skipped' ? place.change : undefined
  }

  #previous(now: EpochMs): EpochMs | undefined {
    const wall = this.#zone.wall(now)
    const place = this.#zone.place(wall)
    const isAgain = place.kind === 'repeated' && now >= place.change
    // What the clock showed before it was set back.
    const shown = isAgain ? wall + place.second - place.first : wall
    if (isAgain && this.#twice) {
      const again = this.#grid.previous(wall)
      if (again !== undefined && again >= this.#zone.wall(place.change)) return again + (now - wall)
    }
    for (let one = this.#grid.previous(shown); one !== undefined; one = this.#grid.previous(one - 1)) {
      const instant = this.#instantUpTo(one, now)
      if (instant !== undefined) return instant
    }
    return undefined
  }

  #instantAfter(wall: WallMs, last: EpochMs): EpochMs | undefined {
    const place = this.#zone.place(wall)
    if (place.kind === 'skipped' && this.#skips) return undefined
    if (place.kind === 'repeated' && this.#twice && place.first <= last) return place.second
    const instant = this.#zone.instant(wall)
    return instant > last ? instant : undefined
  }

  #instantUpTo(wall: WallMs, now: EpochMs): EpochMs | undefined {
    const place = this.#zone.place(wall)
    if (place.kind === 'skipped' && this.#skips) return undefined
    if (place.kind === 'repeated' && this.#twice && place.second <= now) return place.second
    const instant = this.#zone.instant(wall)
    return instant <= now ? instant : undefined
  }

  /** Where `last` lies before clocks are set back over its own time: the first time that they show once more. */
  #secondPass(last: EpochMs): EpochMs | undefined {
    const place = this.#zone.place(this.#zone.wall(last))
    if (place.kind !== 'repeated' || last >= place.change) return undefined
    const start = this.#zone.wall(place.change)
    const wall = this.#grid.next(start - 1)
    if (wall === undefined || wall >= start + place.second - place.first) return undefined
    return place.change + wall - start
  }
}
