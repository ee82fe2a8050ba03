import type { EpochMs, Ms } from '../lib/time.js'
import { ScheduleError } from './errors.js'
import { addDays, addMonths, type IsoDuration, readIsoDuration } from './iso-duration.js'
import type { Schedule } from './schedule.js'
import type { RepeatingSpec } from './schedule-spec.js'
import { readWallText, type WallText } from './wall-text.js'
import { DAY, HOUR, type WallMs } from './wall-time.js'
import { Zone } from './zone.js'

const MAX_TEXT = 256
const MEAN_MONTH: Ms = 30.436875 * DAY
const LAST_INSTANT: EpochMs = 253_402_300_799_999
const FORM = 'write R5/2026-01-01T00:00:00Z/PT1H, or R/… for no end'

/**
 * ISO 8601 repeating intervals: `R5/START/DURATION`, `R5/START/END`, `R5/DURATION/END`. `R5` is due five times, beginning with the start
 * (with the end, counted back from it, in the third form); `R` and `R-1` without end. Each instant is counted from the start, so that
 * a month after the 31st of January and two months after it are the end of February and the 31st of March.
 */
export class Repeating implements Schedule {
  readonly #start: WallMs
  readonly #zone: Zone
  readonly #duration: IsoDuration
  /** Infinity = without end. */
  readonly #times: number
  readonly #mean: Ms

  /** `zone` is that of the entry or, where there is none, of the app; `isNamed` tells which. */
  constructor(spec: Omit<RepeatingSpec, 'kind' | 'zone'>, zone: Zone, isNamed: boolean, path = 'repeating') {
    const read = readExpression(spec.expression, zone, isNamed, `${path}.expression`)
    this.#start = read.start
    this.#zone = read.zone
    this.#duration = read.duration
    this.#times = read.times
    this.#mean = read.duration.months * MEAN_MONTH + read.duration.days * DAY + read.duration.ms
  }

  next(last: EpochMs): EpochMs | undefined {
    const index = this.#indexAfter(last)
    const instant = index < this.#times ? this.#instant(index) : undefined
    return instant !== undefined && instant <= LAST_INSTANT ? instant : undefined
  }

  latest(last: EpochMs, now: EpochMs): EpochMs | undefined {
    const index = Math.min(this.#indexAfter(now), this.#times) - 1
    const instant = index < 0 ? undefined : this.#instant(index)
    return instant !== undefined && instant > last ? instant : undefined
  }

  /** The first index whose instant lies after `last`; may be beyond the last of all. */
  #indexAfter(last: EpochMs): number {
    let index = Math.max(0, Math.floor((last - this.#zone.instant(this.#start)) / this.#mean))
    while (index > 0 && this.#instant(index - 1) > last) index--
    while (index < this.#times && this.#instant(index) <= last) index++
    return index
  }

  #instant(index: number): EpochMs {
    const { months, days, ms } = this.#duration
    const wall = addDays(addMonths(this.#start, months * index), days * index)
    return this.#zone.instant(wall) + ms * index
  }
}

interface Expression {
  readonly start: WallMs
  readonly zone: Zone
  readonly duration: IsoDuration
  readonly times: number
}

function readExpression(text: string, zone: Zone, isNamed: boolean, path: string): Expression {
  const parts = text.length > MAX_TEXT ? [] : text.trim().split('/')
  const times = timesOf(parts[0] ?? '')
  if (parts.length !== 3 || times === undefined) throw unreadable(text, path)
  if (times < 1)
    throw new ScheduleError(path, `${shown(text)} repeats ${times} times; give R1 or more, or R for no end`)
  const [first = '', second = ''] = parts.slice(1)
  const [begin, end] = [readWallText(first), readWallText(second)]
  const clock = zoneOf(begin ?? end, zone, isNamed)
  const isBack = begin === undefined
  const duration = readIsoDuration(isBack ? first : second) ?? between(begin, end, clock)
  const anchor = begin ?? end
  if (duration === undefined || anchor === undefined) throw unreadable(text, path)
  if (duration.months === 0 && duration.days === 0 && duration.ms <= 0) {
    throw new ScheduleError(path, `${shown(text)} repeats after no time at all; its duration must be above 0`)
  }
  const wall = wallOf(anchor, clock)
  if (!isBack) return checked({ start: wall, zone: clock, duration, times }, text, path)
  if (times === Number.POSITIVE_INFINITY) {
    throw new ScheduleError(path, `${shown(text)} has neither start nor number; ${FORM}`)
  }
  const steps = times - 1
  const start = addDays(addMonths(wall, -duration.months * steps), -duration.days * steps)
  return checked({ start: start - duration.ms * steps, zone: clock, duration, times }, text, path)
}

/** Infinity for `R` and `R-1`. */
function timesOf(text: string): number | undefined {
  const [, digits] = /^R(-1|\d{0,9})$/.exec(text) ?? []
  if (digits === undefined) return undefined
  return digits === '' || digits === '-1' ? Number.POSITIVE_INFINITY : Number(digits)
}

function zoneOf(text: WallText | undefined, zone: Zone, isNamed: boolean): Zone {
  const offset = text?.offset
  return offset === undefined || isNamed ? zone : new Zone(`UTC${offset / HOUR}`, offset)
}

function wallOf({ wall, offset }: WallText, zone: Zone): WallMs {
  return offset === undefined ? wall : zone.wall(wall - offset)
}

function between(begin: WallText | undefined, end: WallText | undefined, zone: Zone): IsoDuration | undefined {
  if (begin === undefined || end === undefined) return undefined
  return { months: 0, days: 0, ms: zone.instant(wallOf(end, zone)) - zone.instant(wallOf(begin, zone)) }
}

function checked(expression: Expression, text: string, path: string): Expression {
  if (Number.isFinite(expression.start) && expression.start <= LAST_INSTANT) return expression
  throw unreadable(text, path)
}

function unreadable(text: string, path: string): ScheduleError {
  return new ScheduleError(path, `${shown(text)} cannot be read; ${FORM}`)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}
