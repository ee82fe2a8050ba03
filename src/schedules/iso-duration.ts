import type { Ms } from '../lib/time.js'
import {
  DAY,
  daysInMonth,
  HOUR,
  MINUTE,
  SECOND,
  startOfDay,
  timeOfDay,
  type WallMs,
  wallDate,
  wallMidnight,
} from './wall-time.js'

/** Months and days are counted by the calendar, the rest by the clock. */
export interface IsoDuration {
  readonly months: number
  readonly days: number
  readonly ms: Ms
}

const DURATION = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d+))?S)?)?$/
const MAX_DIGITS = 64

/** `P1Y2M10DT2H30M`, `P2W`, `PT0.5S`. Undefined when it is none. */
export function readIsoDuration(text: string): IsoDuration | undefined {
  const found = text.length > MAX_DIGITS || text.endsWith('T') || text === 'P' ? null : DURATION.exec(text)
  if (found === null) return undefined
  const [years, months, weeks, days, hours, minutes, seconds] = found
    .slice(1, 8)
    .map(digits => Number(digits ?? 0)) as [number, number, number, number, number, number, number]
  const fraction = Number((found[8] ?? '').slice(0, 3).padEnd(3, '0'))
  return {
    months: years * 12 + months,
    days: weeks * 7 + days,
    ms: hours * HOUR + minutes * MINUTE + seconds * SECOND + fraction,
  }
}

/** The same day of the month so many months later, or its last where it has no such day. */
export function addMonths(wall: WallMs, months: number): WallMs {
  const { year, month, day } = wallDate(wall)
  const target = wallDate(wallMidnight(year, month + months, 1))
  const last = daysInMonth(target.year, target.month)
  return wallMidnight(target.year, target.month, Math.min(day, last)) + timeOfDay(wall)
}

export function addDays(wall: WallMs, days: number): WallMs {
  return startOfDay(wall) + days * DAY + timeOfDay(wall)
}
