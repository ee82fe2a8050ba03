import type { Ms } from '../lib/time.js'

/** What a clock on the wall shows, as milliseconds since it showed 1970-01-01 00:00. Not an instant: no zone is known. */
export type WallMs = number

export const SECOND: Ms = 1000
export const MINUTE: Ms = 60_000
export const HOUR: Ms = 3_600_000
export const DAY: Ms = 86_400_000

export interface WallDate {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
}

export function wallDate(wall: WallMs): WallDate {
  const date = new Date(wall)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** Midnight of the date. Months below 1 and above 12 are those of other years; days beyond the month's end are of the next. */
export function wallMidnight(year: number, month: number, day: number): WallMs {
  const date = new Date(0)
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day)
  return date.getTime()
}

export function startOfDay(wall: WallMs): WallMs {
  return Math.floor(wall / DAY) * DAY
}

export function timeOfDay(wall: WallMs): Ms {
  return wall - startOfDay(wall)
}

export function daysInMonth(year: number, month: number): number {
  return new Date(wallMidnight(year, month + 1, 0)).getUTCDate()
}

/** Sunday = 0. */
export function dayOfWeek(wall: WallMs): number {
  return new Date(wall).getUTCDay()
}
