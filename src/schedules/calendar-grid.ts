import type { Ms } from '../lib/time.js'
import type { WallGrid } from './wall-grid.js'
import { HOUR, MINUTE, SECOND, startOfDay, timeOfDay, type WallMs, wallDate, wallMidnight } from './wall-time.js'

const FIRST_YEAR = 1900
const LAST_YEAR = 9999

/** What matches, each list ascending and not empty. */
export interface CalendarRule {
  readonly seconds: readonly number[]
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  /** 1 to 12. */
  readonly months: readonly number[]
  /** Absent = all. */
  readonly years?: readonly number[]
  /** Those of a month in which something matches, ascending. */
  days(year: number, month: number): readonly number[]
}

/** The seconds that match a rule. A step walks the months until the next match, never the times in between. */
export class CalendarGrid implements WallGrid {
  readonly #rule: CalendarRule

  constructor(rule: CalendarRule) {
    this.#rule = rule
  }

  next(wall: WallMs): WallMs | undefined {
    const midnight = startOfDay(wall)
    if (this.#isDay(midnight)) {
      const time = this.#timeAfter(timeOfDay(wall))
      if (time !== undefined) return midnight + time
    }
    const day = this.#dayAfter(midnight)
    return day === undefined ? undefined : day + this.#edge(0)
  }

  previous(wall: WallMs): WallMs | undefined {
    const midnight = startOfDay(wall)
    if (this.#isDay(midnight)) {
      const time = this.#timeUpTo(timeOfDay(wall))
      if (time !== undefined) return midnight + time
    }
    const day = this.#dayBefore(midnight)
    return day === undefined ? undefined : day + this.#edge(-1)
  }

  #isDay(midnight: WallMs): boolean {
    const { year, month, day } = wallDate(midnight)
    return this.#daysOf(year, month).includes(day)
  }

  #daysOf(year: number, month: number): readonly number[] {
    const { months, years } = this.#rule
    if (!months.includes(month) || years?.includes(year) === false) return []
    return this.#rule.days(year, month)
  }

  #dayAfter(midnight: WallMs): WallMs | undefined {
    let { year, month, day: after } = wallDate(midnight)
    for (; year <= LAST_YEAR; year++, month = 1) {
      for (; month <= 12; month++, after = 0) {
        const day = this.#daysOf(year, month).find(one => one > after)
        if (day !== undefined) return wallMidnight(year, month, day)
      }
    }
    return undefined
  }

  #dayBefore(midnight: WallMs): WallMs | undefined {
    let { year, month, day: before } = wallDate(midnight)
    for (; year >= FIRST_YEAR; year--, month = 12) {
      for (; month >= 1; month--, before = 32) {
        const day = this.#daysOf(year, month).findLast(one => one < before)
        if (day !== undefined) return wallMidnight(year, month, day)
      }
    }
    return undefined
  }

  /** The first (0) or the last (-1) time of a day. */
  #edge(end: 0 | -1): Ms {
    const { hours, minutes, seconds } = this.#rule
    return timeOf(hours.at(end) ?? 0, minutes.at(end) ?? 0, seconds.at(end) ?? 0)
  }

  #timeAfter(time: Ms): Ms | undefined {
    const { hours, minutes, seconds } = this.#rule
    const { hour, minute, second } = takeApart(time)
    if (hours.includes(hour)) {
      const sameMinute = minutes.includes(minute) ? seconds.find(one => one > second) : undefined
      if (sameMinute !== undefined) return timeOf(hour, minute, sameMinute)
      const later = minutes.find(one => one > minute)
      if (later !== undefined) return timeOf(hour, later, seconds.at(0) ?? 0)
    }
    const later = hours.find(one => one > hour)
    return later === undefined ? undefined : timeOf(later, minutes.at(0) ?? 0, seconds.at(0) ?? 0)
  }

  #timeUpTo(time: Ms): Ms | undefined {
    const { hours, minutes, seconds } = this.#rule
    const { hour, minute, second } = takeApart(time)
    if (hours.includes(hour)) {
      const sameMinute = minutes.includes(minute) ? seconds.findLast(one => one <= second) : undefined
      if (sameMinute !== undefined) return timeOf(hour, minute, sameMinute)
      const earlier = minutes.findLast(one => one < minute)
      if (earlier !== undefined) return timeOf(hour, earlier, seconds.at(-1) ?? 0)
    }
    const earlier = hours.findLast(one => one < hour)
    return earlier === undefined ? undefined : timeOf(earlier, minutes.at(-1) ?? 0, seconds.at(-1) ?? 0)
  }
}

function timeOf(hour: number, minute: number, second: number): Ms {
  return hour * HOUR + minute * MINUTE + second * SECOND
}

function takeApart(time: Ms): { readonly hour: number; readonly minute: number; readonly second: number } {
  return {
    hour: Math.floor(time / HOUR),
    minute: Math.floor((time % HOUR) / MINUTE),
    second: Math.floor((time % MINUTE) / SECOND),
  }
}
