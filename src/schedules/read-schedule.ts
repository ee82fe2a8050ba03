import { parseDuration } from '../lib/duration.js'
import { suggest } from '../lib/suggest.js'
import type { Ms } from '../lib/time.js'
import { ScheduleError } from './errors.js'
import type { ScheduleSpec } from './schedule-spec.js'
import { cron, crontab, every, once, repeating } from './specs.js'
import { readInstant } from './wall-text.js'
import { DAY, HOUR, MINUTE, SECOND } from './wall-time.js'

/**
 * What stands as `schedule` in an entry: seconds, text, Celery's timedelta as an object, or a spec. Text is a duration (`30s`), five
 * fields of a crontab, six or seven of a cron string, `@daily`, an ISO 8601 repeating interval, or a date and time.
 */
export type ScheduleInput = number | string | TimeDelta | ScheduleSpec

/** Python's timedelta by its arguments; added up. */
export interface TimeDelta {
  readonly weeks?: number
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
  readonly milliseconds?: number
}

const SPANS: Readonly<Record<keyof TimeDelta, Ms>> = {
  weeks: 7 * DAY,
  days: DAY,
  hours: HOUR,
  minutes: MINUTE,
  seconds: SECOND,
  milliseconds: 1,
}

type Check = 'number' | 'text' | 'boolean' | 'field' | 'span' | 'instant' | readonly string[]

const CLOCK_CHANGES = { skipped: ['shift', 'skip'], repeated: ['once', 'twice'] } as const

/** Members of each kind; a question mark behind those that may be absent. */
const MEMBERS: Readonly<Record<ScheduleSpec['kind'], Readonly<Record<string, Check>>>> = {
  interval: { every: 'span', 'relative?': 'boolean', 'zone?': 'text' },
  crontab: {
    'minute?': 'field',
    'hour?': 'field',
    'dayOfWeek?': 'field',
    'dayOfMonth?': 'field',
    'monthOfYear?': 'field',
    'zone?': 'text',
    'skipped?': CLOCK_CHANGES.skipped,
    'repeated?': CLOCK_CHANGES.repeated,
  },
  cron: { expression: 'text', 'zone?': 'text', 'skipped?': CLOCK_CHANGES.skipped, 'repeated?': CLOCK_CHANGES.repeated },
  solar: { event: 'text', latitude: 'number', longitude: 'number' },
  repeating: { expression: 'text', 'zone?': 'text' },
  once: { at: 'instant' },
}

/** Reads whatever stands where a schedule should. The members' shapes are checked here, what they say in `makeSchedule`. Throws `ScheduleError`. */
export function readSchedule(value: unknown, path = 'schedule'): ScheduleSpec {
  if (typeof value === 'number') return every(value)
  if (typeof value === 'string') return ofText(value.trim(), path)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable(value, path)
  // Members of any object can be looked at.
  const members = value as Readonly<Record<string, unknown>>
  return 'kind' in members ? ofSpec(members, path) : ofTimeDelta(members, path)
}

function ofText(text: string, path: string): ScheduleSpec {
  if (parseDuration(text) !== undefined) return every(text)
  if (/^R[^/]*\//.test(text)) return repeating(text)
  if (readInstant(text) !== undefined) return once(text)
  const fields = text.split(/\s+/).length
  if (text.startsWith('@') || fields === 6 || fields === 7) return cron(text)
  if (fields === 5) return crontab(text)
  throw unreadable(text, path)
}

function ofTimeDelta(members: Readonly<Record<string, unknown>>, path: string): ScheduleSpec {
  const names = Object.keys(members)
  if (names.length === 0) throw unreadable('{}', path)
  let ms = 0
  for (const name of names) {
    if (!isSpan(name)) throw unknownMember(name, Object.keys(SPANS), path)
    const amount = members[name]
    if (typeof amount !== 'number') throw new ScheduleError(`${path}.${name}`, `takes a number, not ${shown(amount)}`)
    ms += amount * SPANS[name]
  }
  return { kind: 'interval', every: ms }
}

function isSpan(name: string): name is keyof TimeDelta {
  return Object.hasOwn(SPANS, name)
}

function ofSpec(members: Readonly<Record<string, unknown>>, path: string): ScheduleSpec {
  const { kind } = members
  if (!isKind(kind))
    throw new ScheduleError(`${path}.kind`, `${shown(kind)} is none of ${Object.keys(MEMBERS).join(', ')}`)
  const checks = MEMBERS[kind]
  const names = Object.keys(checks).map(name => name.replace('?', ''))
  const spec: Record<string, unknown> = { kind }
  for (const name of Object.keys(members)) {
    if (name !== 'kind' && !names.includes(name)) throw unknownMember(name, names, path)
  }
  for (const [key, check] of Object.entries(checks)) {
    const name = key.replace('?', '')
    const value = members[name]
    if (value === undefined || value === null) {
      if (key === name) throw new ScheduleError(`${path}.${name}`, `is missing; a schedule of kind ${kind} needs it`)
      continue
    }
    const read = readMember(value, check)
    if (read === undefined) throw new ScheduleError(`${path}.${name}`, `takes ${wordOf(check)}, not ${shown(value)}`)
    spec[name] = read
  }
  // Every member of the kind has just been checked.
  return spec as unknown as ScheduleSpec
}

function isKind(kind: unknown): kind is ScheduleSpec['kind'] {
  return typeof kind === 'string' && Object.hasOwn(MEMBERS, kind)
}

/** The value as the spec has it; undefined when it does not fit. */
function readMember(value: unknown, check: Check): unknown {
  if (check === 'number') return typeof value === 'number' ? value : undefined
  if (check === 'text') return typeof value === 'string' ? value : undefined
  if (check === 'boolean') return typeof value === 'boolean' ? value : undefined
  if (check === 'span') return typeof value === 'string' ? parseDuration(value) : readMember(value, 'number')
  if (check === 'instant') return typeof value === 'string' ? readInstant(value) : readMember(value, 'number')
  if (check !== 'field') return check.find(word => word === value)
  if (Array.isArray(value)) return value.every(one => typeof one === 'number') ? value : undefined
  return typeof value === 'number' || typeof value === 'string' ? value : undefined
}

function wordOf(check: Check): string {
  if (check === 'number') return 'a number'
  if (check === 'boolean') return 'true or false'
  if (check === 'span') return 'ms, or text such as 1h30m'
  if (check === 'instant') return 'ms since 1970, or text such as 2026-01-01T09:00:00Z'
  if (check === 'field') return 'a number, a list of numbers, or text'
  return check === 'text' ? 'text' : check.join(' or ')
}

function unknownMember(name: string, known: readonly string[], path: string): ScheduleError {
  const near = suggest(name, known)
  const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
  return new ScheduleError(`${path}.${name.slice(0, 64)}`, `is not known; ${hint}`)
}

function unreadable(value: unknown, path: string): ScheduleError {
  const forms =
    "seconds, text such as '30s', '30 4 * * mon' or 'R5/2026-01-01T00:00:00Z/PT1H', or what every(), crontab() … make"
  return new ScheduleError(path, `${shown(value)} is no schedule; give ${forms}`)
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80)
}
