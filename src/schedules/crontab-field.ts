import { suggest } from '../lib/suggest.js'
import { ScheduleError } from './errors.js'
import type { CrontabField } from './schedule-spec.js'

export interface FieldRange {
  /** The member of `CrontabSpec`. */
  readonly name: 'minute' | 'hour' | 'dayOfWeek' | 'dayOfMonth' | 'monthOfYear'
  readonly min: number
  readonly max: number
}

/** In the order of Celery's constructor. */
export const FIELDS: Readonly<Record<FieldRange['name'], FieldRange>> = {
  minute: { name: 'minute', min: 0, max: 59 },
  hour: { name: 'hour', min: 0, max: 23 },
  dayOfWeek: { name: 'dayOfWeek', min: 0, max: 6 },
  dayOfMonth: { name: 'dayOfMonth', min: 1, max: 31 },
  monthOfYear: { name: 'monthOfYear', min: 1, max: 12 },
}

const MONTHS: readonly string[] = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** What a star stands for; one list for all crontabs. */
const EVERYTHING: Readonly<Record<FieldRange['name'], readonly number[]>> = {
  minute: upTo(0, 59),
  hour: upTo(0, 23),
  dayOfWeek: upTo(0, 6),
  dayOfMonth: upTo(1, 31),
  monthOfYear: upTo(1, 12),
}

const MAX_TEXT = 1024
const PART = /^\s*(?:(\*)|([^-/*]*)(?:-([^-/*]*))?)(?:\/(.*))?$/s
const FOREIGN = /[?LW#@]/

/**
 * The numbers that a field stands for, ascending. Celery's grammar: parts with commas between them, each of them `*`, `*​/n`, `a`,
 * `a-b` or `a-b/n`; a range whose end comes before its beginning goes round. Names count by their first three letters.
 * What Celery ignores behind a whole part is refused. Throws `ScheduleError`.
 * Source: celery/schedules.py:crontab_parser, celery/utils/time.py:weekday.
 */
export function readCrontabField(range: FieldRange, field: CrontabField, path: string = range.name): readonly number[] {
  if (field === '*') return EVERYTHING[range.name]
  const numbers = typeof field === 'string' ? ofText(range, field, path) : ofNumbers(range, field, path)
  return [...new Set(numbers)].sort((a, b) => a - b)
}

function ofNumbers(range: FieldRange, field: number | readonly number[], path: string): readonly number[] {
  const numbers: readonly unknown[] = Array.isArray(field) ? field : [field]
  if (numbers.length === 0) throw new ScheduleError(path, 'has no number, so it would never come; leave it out for all')
  return numbers.map(number => {
    if (typeof number === 'number' && Number.isInteger(number)) return within(range, number, path)
    throw new ScheduleError(path, `takes whole numbers, a list of them, or text, not ${shown(number)}`)
  })
}

function ofText(range: FieldRange, text: string, path: string): readonly number[] {
  // Most fields are that simple, and schedules are many.
  if (/^\d{1,2}$/.test(text)) return [within(range, Number(text), path)]
  if (text.length > MAX_TEXT) throw new ScheduleError(path, `is longer than ${MAX_TEXT} characters`)
  return text.split(',').flatMap(part => ofPart(range, part, text, path))
}

function ofPart(range: FieldRange, part: string, text: string, path: string): readonly number[] {
  if (part.trim() === '') throw new ScheduleError(path, `${shown(text)} has an empty part`)
  const [whole, star, from = '', to, step] = PART.exec(part) ?? []
  if (whole === undefined) throw unreadable(range, part, path)
  if (step !== undefined && star === undefined && to === undefined) {
    throw new ScheduleError(
      path,
      `${shown(part)} has a step without a range; write ${range.min}-${range.max}/5, or */5`,
    )
  }
  const members = star === undefined ? between(range, part, from, to, path) : upTo(range.min, range.max)
  if (step === undefined) return members
  const every = stepOf(step, part, path)
  return members.filter((_, index) => index % every === 0)
}

function between(range: FieldRange, part: string, from: string, to: string | undefined, path: string): number[] {
  const first = numberOf(range, from, part, path)
  if (to === undefined) return [first]
  const last = numberOf(range, to, part, path)
  return first <= last ? upTo(first, last) : [...upTo(first, range.max), ...upTo(range.min, last)]
}

function numberOf(range: FieldRange, text: string, part: string, path: string): number {
  const word = text.trim()
  if (/^\d{1,9}$/.test(word)) return within(range, Number(word), path)
  if (!/^[a-z]+$/i.test(word)) throw unreadable(range, part, path)
  const letters = word.slice(0, 3).toLowerCase()
  const month = MONTHS.indexOf(letters)
  if (month >= 0) return within(range, month + 1, path)
  const weekday = WEEKDAYS.indexOf(letters)
  if (weekday >= 0) return within(range, weekday, path)
  throw unreadable(range, part, path)
}

function stepOf(text: string, part: string, path: string): number {
  const step = /^\d{1,9}$/.test(text.trim()) ? Number(text) : 0
  if (step > 0) return step
  throw new ScheduleError(path, `${shown(part)} needs a whole number above 0 behind the slash`)
}

function within({ min, max, name }: FieldRange, number: number, path: string): number {
  if (number >= min && number <= max) return number
  const sunday = name === 'dayOfWeek' && number === 7 ? '; Sunday is 0' : ''
  throw new ScheduleError(path, `${number} is outside ${min} to ${max}${sunday}`)
}

function unreadable(range: FieldRange, part: string, path: string): ScheduleError {
  const known = range.name === 'monthOfYear' ? MONTHS : range.name === 'dayOfWeek' ? WEEKDAYS : []
  const near = suggest(part.trim(), known)
  const hint =
    near !== undefined
      ? `did you mean ${near}?`
      : FOREIGN.test(part)
        ? 'signs such as L, W, # and ? are for cron()'
        : GRAMMAR
  return new ScheduleError(path, `${shown(part)} cannot be read; ${hint}`)
}

const GRAMMAR = 'write *, */n, a, a-b or a-b/n, several with commas between them'

function upTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 64)) : String(value).slice(0, 64)
}
