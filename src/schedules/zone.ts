import type { EpochMs, Ms } from '../lib/time.js'
import { DAY, type WallMs } from './wall-time.js'

/** Where on the line of instants a time of the wall clock lies. */
export type WallPlace =
  | { readonly kind: 'plain'; readonly instant: EpochMs }
  /** Clocks skip it at `change`. `shifted` = as much after the change as it would lie after it on the old clock. */
  | { readonly kind: 'skipped'; readonly shifted: EpochMs; readonly change: EpochMs }
  /** Clocks show it twice, before and after they are set back at `change`. */
  | { readonly kind: 'repeated'; readonly first: EpochMs; readonly second: EpochMs; readonly change: EpochMs }

/** A day of instants: the offset before it, and where it changes within, if it does. */
interface Stretch {
  readonly before: Ms
  readonly change: EpochMs
  readonly after: Ms
}

/** Bounds memory: a zone that is asked about more days than these forgets them all. */
const MAX_STRETCHES = 4096

/**
 * The wall clock of one place. `measure` is its offset from UTC, or tells it at an instant and may be slow; what it told is remembered
 * by days. No place has ever set its clocks twice within a day.
 */
export class Zone {
  readonly name: string
  readonly #measure: Ms | ((instant: EpochMs) => Ms)
  readonly #stretches = new Map<number, Stretch>()

  constructor(name: string, measure: Ms | ((instant: EpochMs) => Ms)) {
    this.name = name
    this.#measure = measure
  }

  /** Milliseconds east of UTC. */
  offset(instant: EpochMs): Ms {
    if (typeof this.#measure === 'number') return this.#measure
    const { before, change, after } = this.#stretch(Math.floor(instant / DAY), this.#measure)
    return instant < change ? before : after
  }

  wall(instant: EpochMs): WallMs {
    return instant + this.offset(instant)
  }

  /** As PEP 495 has it for `fold` 0: of two instants the first, and a skipped time by the clock that was valid before. */
  instant(wall: WallMs): EpochMs {
    const place = this.place(wall)
    if (place.kind === 'plain') return place.instant
    return place.kind === 'skipped' ? place.shifted : place.first
  }

  place(wall: WallMs): WallPlace {
    const before = this.offset(wall - DAY)
    const after = this.offset(wall + DAY)
    if (before === after) return { kind: 'plain', instant: wall - before }
    const [old, fresh] = [wall - before, wall - after]
    const [isOld, isFresh] = [this.offset(old) === before, this.offset(fresh) === after]
    if (isOld !== isFresh) return { kind: 'plain', instant: isOld ? old : fresh }
    const isAfter = (instant: EpochMs): boolean => this.offset(instant) === after
    return isOld
      ? { kind: 'repeated', first: old, second: fresh, change: firstOf(old, fresh, isAfter) }
      : { kind: 'skipped', shifted: old, change: firstOf(fresh, old, isAfter) }
  }

  #stretch(day: number, measure: (instant: EpochMs) => Ms): Stretch {
    const known = this.#stretches.get(day)
    if (known !== undefined) return known
    if (this.#stretches.size >= MAX_STRETCHES) this.#stretches.clear()
    // A change at the very beginning of a day belongs to it, so the look begins one millisecond earlier.
    const [low, high] = [day * DAY - 1, (day + 1) * DAY - 1]
    const before = this.#stretches.get(day - 1)?.after ?? measure(low)
    const after = this.#stretches.get(day + 1)?.before ?? measure(high)
    const change = before === after ? Number.POSITIVE_INFINITY : firstOf(low, high, at => measure(at) === after)
    const stretch = { before, change, after }
    this.#stretches.set(day, stretch)
    return stretch
  }
}

/** The first instant after `low`, and not after `high`, from which on it is so. */
function firstOf(low: EpochMs, high: EpochMs, isSo: (instant: EpochMs) => boolean): EpochMs {
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isSo(middle)) high = middle
    else low = middle
  }
  return high
}
