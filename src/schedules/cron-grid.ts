import { CronPattern } from 'croner'
import { CalendarGrid } from './calendar-grid.js'
import { ScheduleError } from './errors.js'
import { dayOfWeek, daysInMonth, wallMidnight } from './wall-time.js'

const MAX_TEXT = 1024
/** How croner marks the last such weekday of a month; the bits below are the first to the fifth. */
const LAST_WEEKDAY_BIT = 32

/**
 * The seconds that match a cron string. croner reads the text; its fields are copied into lists, since a pattern of its own holds
 * 80 kB and its search is slow. Throws `ScheduleError`, also where no second ever matches.
 */
export function cronGrid(expression: string, path = 'cron.expression'): CalendarGrid {
  const pattern = readPattern(expression, path)
  const years = pattern.starYear ? {} : { years: listed(pattern.year) }
  const grid = new CalendarGrid({
    seconds: listed(pattern.second),
    minutes: listed(pattern.minute),
    hours: listed(pattern.hour),
    months: listed(pattern.month, 1),
    ...years,
    days: dayRule(pattern),
  })
  if (grid.next(wallMidnight(1900, 1, 0)) === undefined) {
    throw new ScheduleError(path, `${shown(expression)} names a day that no month has; it would never come`)
  }
  return grid
}

function readPattern(expression: string, path: string): CronPattern {
  if (expression.length > MAX_TEXT) throw new ScheduleError(path, `is longer than ${MAX_TEXT} characters`)
  try {
    return new CronPattern(expression, 'UTC')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^CronPattern: /, '') : String(cause)
    const fields = 'write five fields (minute hour day month weekday), six with seconds first, or seven with years last'
    throw new ScheduleError(path, `${shown(expression)} cannot be read (${reason}); ${fields}`, { cause })
  }
}

/** As cron has it: where both day fields are restricted, either will do (`+` before the weekday: both must match). */
function dayRule(pattern: CronPattern): (year: number, month: number) => readonly number[] {
  const days = listed(pattern.day, 1)
  const nearest = listed(pattern.nearestWeekdays, 1)
  const weekdays = [...pattern.dayOfWeek]
  const { lastDayOfMonth, lastWeekday, starDOM: anyDay, starDOW: anyWeekday, useAndLogic: both } = pattern
  return (year, month) => {
    const length = daysInMonth(year, month)
    const first = dayOfWeek(wallMidnight(year, month, 1))
    const weekdayOf = (day: number): number => (first + day - 1) % 7
    const byDay = new Set(days)
    for (const day of nearest) if (day <= length) byDay.add(nearestWorkday(day, length, weekdayOf(day)))
    if (lastDayOfMonth) byDay.add(length)
    if (lastWeekday) byDay.add(lastWorkday(length, weekdayOf(length)))
    const isByWeekday = (day: number): boolean => {
      const mask = weekdays[weekdayOf(day)] ?? 0
      const nth = 1 << Math.floor((day - 1) / 7)
      return (mask & nth) !== 0 || ((mask & LAST_WEEKDAY_BIT) !== 0 && day + 7 > length)
    }
    const matches = (day: number): boolean => {
      if (anyWeekday) return byDay.has(day)
      if (both || anyDay) return byDay.has(day) && isByWeekday(day)
      return byDay.has(day) || isByWeekday(day)
    }
    return Array.from({ length }, (_, index) => index + 1).filter(matches)
  }
}

/** Monday to Friday, within the month. */
function nearestWorkday(day: number, length: number, weekday: number): number {
  if (weekday === 0) return day === length ? day - 2 : day + 1
  if (weekday === 6) return day === 1 ? day + 2 : day - 1
  return day
}

function lastWorkday(length: number, weekday: number): number {
  if (weekday === 0) return length - 2
  return weekday === 6 ? length - 1 : length
}

/** The places of what is set. */
function listed(flags: readonly number[], first = 0): readonly number[] {
  return flags.flatMap((flag, index) => (flag ? [index + first] : []))
}

function shown(expression: string): string {
  return JSON.stringify(expression.slice(0, 64))
}
