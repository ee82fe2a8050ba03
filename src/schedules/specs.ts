import { parseDuration } from '../lib/duration.js'
import type { EpochMs } from '../lib/time.js'
import { ScheduleError } from './errors.js'
import type { CronSpec, CrontabSpec, IntervalSpec, OnceSpec, RepeatingSpec, SolarSpec } from './schedule-spec.js'
import type { SolarEvent } from './solar-event.js'
import { readInstant } from './wall-text.js'

/** Every so many seconds, or text such as `'30s'`, `'1h30m'`. */
export function every(span: number | string, options: Pick<IntervalSpec, 'relative' | 'zone'> = {}): IntervalSpec {
  const ms = parseDuration(span)
  if (ms === undefined)
    throw new ScheduleError('interval.every', `takes seconds, or text such as 30s or 1h30m, not ${shown(span)}`)
  return { kind: 'interval', every: ms, ...options }
}

/** Celery's crontab: `crontab({ minute: 30, hour: 4, dayOfWeek: 'mon-fri' })`, or its five fields as one text. */
export function crontab(fields: Omit<CrontabSpec, 'kind'>): CrontabSpec
export function crontab(text: string, options?: Pick<CrontabSpec, 'zone' | 'skipped' | 'repeated'>): CrontabSpec
export function crontab(
  fields: Omit<CrontabSpec, 'kind'> | string,
  options: Pick<CrontabSpec, 'zone' | 'skipped' | 'repeated'> = {},
): CrontabSpec {
  if (typeof fields !== 'string') return { kind: 'crontab', ...fields }
  const parts = fields.trim().split(/\s+/)
  const [minute, hour, dayOfMonth, monthOfYear, dayOfWeek] = parts
  if (parts.length !== 5 || minute === undefined || hour === undefined) throw fiveFields(fields)
  if (dayOfMonth === undefined || monthOfYear === undefined || dayOfWeek === undefined) throw fiveFields(fields)
  return { kind: 'crontab', minute, hour, dayOfWeek, dayOfMonth, monthOfYear, ...options }
}

/** A cron string, also with seconds, `L`, `W`, `#`: `cron('0 0 9 L * *', { zone: 'Europe/Berlin' })`. */
export function cron(expression: string, options: Omit<CronSpec, 'kind' | 'expression'> = {}): CronSpec {
  return { kind: 'cron', expression, ...options }
}

/** An event of the sun at a place; degrees, north and east positive. */
export function solar(event: SolarEvent, latitude: number, longitude: number): SolarSpec {
  return { kind: 'solar', event, latitude, longitude }
}

/** ISO 8601: `repeating('R5/2026-01-01T00:00:00Z/PT1H')`. */
export function repeating(expression: string, options: Pick<RepeatingSpec, 'zone'> = {}): RepeatingSpec {
  return { kind: 'repeating', expression, ...options }
}

/** A single time: an instant in ms, a `Date`, or ISO 8601 text; text without an offset is UTC. */
export function once(at: EpochMs | Date | string): OnceSpec {
  if (typeof at !== 'string') return { kind: 'once', at: Number(at) }
  const instant = readInstant(at)
  if (instant !== undefined) return { kind: 'once', at: instant }
  throw new ScheduleError('once.at', `${shown(at)} is no date and time; write 2026-01-01T09:00:00Z`)
}

function fiveFields(text: string): ScheduleError {
  return new ScheduleError(
    'crontab',
    `${shown(text)} is not five fields (minute, hour, day of month, month, day of week); six and more are for cron()`,
  )
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value).slice(0, 80)
}
