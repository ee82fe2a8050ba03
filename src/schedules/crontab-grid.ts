import { CalendarGrid } from './calendar-grid.js'
import { FIELDS, readCrontabField } from './crontab-field.js'
import { ScheduleError } from './errors.js'
import type { CrontabSpec } from './schedule-spec.js'
import { dayOfWeek, daysInMonth, wallMidnight } from './wall-time.js'

const LEAP_YEAR = 2024

/** The minutes that match all five fields. Throws `ScheduleError`, also where none ever will. */
export function crontabGrid(spec: Omit<CrontabSpec, 'kind'>, path = 'crontab'): CalendarGrid {
  const read = (name: keyof typeof FIELDS): readonly number[] =>
    readCrontabField(FIELDS[name], spec[name] ?? '*', `${path}.${name}`)
  const [minutes, hours, weekdays, days, months] = [
    read('minute'),
    read('hour'),
    read('dayOfWeek'),
    read('dayOfMonth'),
    read('monthOfYear'),
  ]
  const [first = 1] = days
  if (months.every(month => first > daysInMonth(LEAP_YEAR, month))) {
    throw new ScheduleError(
      `${path}.dayOfMonth`,
      `none of the months in monthOfYear has a day ${first}; it would never come`,
    )
  }
  return new CalendarGrid({
    seconds: [0],
    minutes,
    hours,
    months,
    days(year, month) {
      const weekday = dayOfWeek(wallMidnight(year, month, 1))
      const length = daysInMonth(year, month)
      return days.filter(day => day <= length && weekdays.includes((weekday + day - 1) % 7))
    },
  })
}
