import type { LimitWindow } from '../brokers/limits/limit-window.js'
import type { Ms } from '../lib/time.js'
import { parseRate } from './rate.js'
import type { CountedRate, Rate, RateLimit, TaskLimits } from './rate-limit.js'
import type { Settings } from './settings.js'
import type { TaskOptions } from './task-options.js'

/** What one window may count: it is kept as a number, so this only stops mistakes. */
export const MAX_WINDOW_COUNT = 1_000_000_000
/** Each place of a concurrency limit is an entry in the store. */
export const MAX_CONCURRENT = 10_000
/** Windows of one limit. */
export const MAX_WINDOWS = 8

const UNIT_MS: Readonly<Record<string, Ms>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** Undefined for the many tasks that have none: then nobody has to look further. */
export function taskLimits(options: TaskOptions, settings: Settings): TaskLimits | undefined {
  const given = options.rateLimit ?? settings.taskDefaultRateLimit
  const plain = typeof given === 'string' || typeof given === 'number' ? given : null
  const rate = parseRate(plain) ?? 0
  const counted = plain === null ? countedRate(given) : undefined
  const { maxConcurrent, concurrencyKey: key } = options
  const concurrent = maxConcurrent === undefined || maxConcurrent === null ? undefined : { max: maxConcurrent, key }
  if (rate === 0 && counted === undefined && concurrent === undefined) return undefined
  return { rate, written: rate === 0 ? null : plain, counted, concurrent }
}

function countedRate(given: unknown): CountedRate | undefined {
  const limit = readRateLimit(given)
  if (limit === undefined) return undefined
  const windows = [limit.limit].flat().map(rateWindow).filter(isWindow)
  return windows.length === 0 ? undefined : { windows, scope: limit.scope ?? 'worker', key: limit.key }
}

/** The long form of what may be given in two; undefined = none. */
function readRateLimit(given: unknown): RateLimit | undefined {
  if (given === undefined || given === null) return undefined
  // The option was checked when the task was defined.
  return Array.isArray(given) ? { limit: given } : (given as RateLimit)
}

/** Can it be read? For the check of task options. */
export function isRateLimit(value: unknown): boolean {
  if (Array.isArray(value)) return areWindows(value)
  if (typeof value !== 'object' || value === null) return parseRate(value) !== undefined
  const { limit, scope = 'worker', key, ...others } = value as Record<string, unknown>
  return (
    areWindows([limit].flat()) &&
    (scope === 'worker' || scope === 'cluster') &&
    (key === undefined || typeof key === 'function') &&
    Object.keys(others).length === 0
  )
}

/** Windows or keys that each worker counts for itself. */
export function countsInWorker(value: TaskOptions['rateLimit']): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || (value as RateLimit).scope !== 'cluster'
}

function areWindows(rates: readonly unknown[]): boolean {
  return (
    rates.length > 0 &&
    rates.length <= MAX_WINDOWS &&
    rates.every(rate => (typeof rate === 'string' || typeof rate === 'number') && rateWindow(rate) !== undefined)
  )
}

function isWindow(window: LimitWindow | 'none' | undefined): window is LimitWindow {
  return typeof window === 'object'
}

/**
 * `'1000/h'` is at most 1000 in any hour. Of a part of one, such as `'0.5/s'`, one in a longer span: one in two seconds.
 * `none` for 0, undefined when it cannot be read.
 */
export function rateWindow(value: Rate): LimitWindow | 'none' | undefined {
  const rate = parseRate(value)
  if (rate === undefined || rate === 0) return rate === 0 ? 'none' : undefined
  const unit = UNIT_MS[/\/([smh])$/i.exec(String(value))?.[1]?.toLowerCase() ?? 's'] as Ms
  const count = (rate * unit) / 1000
  if (count > MAX_WINDOW_COUNT) return undefined
  const whole = Math.max(1, Math.floor(count + 1e-9))
  return { max: whole, ms: Math.ceil((unit * whole) / count - 1e-6) }
}
