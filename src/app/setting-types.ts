import { CONTROL_POLICIES, type ControlPolicy } from '../control/control-policy.js'
import { parseDuration } from '../lib/duration.js'
import type { Ms } from '../lib/time.js'
import { readAutoscale } from './autoscale-range.js'
import { camelCase } from './camel-case.js'
import type { TaskQueues } from './queue-declaration.js'
import { parseRate } from './rate.js'
import type { TaskRoutes } from './route.js'
import type { Duration, TaskOptions } from './task-options.js'

/** A row of the table of settings. */
export interface Setting {
  readonly type: keyof SettingTypes
  readonly default: unknown
  readonly doc: string
  /** Celery's old upper-case name, where it is not the upper-cased new one. */
  readonly old?: string
  readonly choices?: readonly string[]
  readonly nullable?: boolean
  readonly unit?: 'bytes' | 'KiB' | 'ms'
  readonly idle?: boolean
  /** Accepted so that configurations load, but what it is for is not in this version; giving it produces a warning. */
  readonly later?: boolean
}

/** For each type of setting: what a person may give, and what the rest of the house gets. */
export interface SettingTypes {
  readonly boolean: InOut<boolean>
  readonly text: InOut<string>
  /** A name of the IANA time zone database. */
  readonly zone: InOut<string>
  readonly texts: InOut<readonly string[]>
  /** Alternatives joined by `;`. */
  readonly urls: InOut<string | readonly string[], string>
  readonly choice: InOut<string>
  readonly number: InOut<number>
  /** 0, 1, 2 … */
  readonly integer: InOut<number>
  /** 1, 2, 3 … */
  readonly positive: InOut<number>
  /** An integer or Infinity. */
  readonly count: InOut<number>
  readonly port: InOut<number>
  readonly duration: InOut<Duration, Ms>
  readonly object: InOut<Readonly<Record<string, unknown>>>
  readonly tls: InOut<boolean | Readonly<Record<string, unknown>>>
  readonly 'control-policy': InOut<ControlPolicy>
  readonly protocol: InOut<1 | 2>
  readonly rate: InOut<string | number>
  /** Bounds of a pool: `'max,min'`. */
  readonly autoscale: InOut<string | readonly number[], { readonly max: number; readonly min: number }>
  readonly 'delivery-mode': InOut<1 | 2 | 'transient' | 'persistent', 1 | 2>
  readonly 'retry-policy': InOut<RetryPolicyInput, RetryPolicy>
  readonly queues: InOut<TaskQueues>
  readonly routes: InOut<TaskRoutes>
  readonly annotations: InOut<Readonly<Record<string, TaskOptions>>>
}

interface InOut<In, Out = In> {
  readonly in: In
  readonly out: Out
}

/** Setting `taskPublishRetryPolicy`. */
export interface RetryPolicyInput {
  /** Null = until `publishTimeout`. */
  readonly maxRetries?: number | null
  readonly intervalStart?: Duration
  readonly intervalStep?: Duration
  readonly intervalMax?: Duration
}

export interface RetryPolicy {
  /** Infinity = until `publishTimeout`. */
  readonly maxRetries: number
  readonly intervalStart: Ms
  readonly intervalStep: Ms
  readonly intervalMax: Ms
}

/** How values of one type are read. */
export interface SettingReader {
  /** Completes "must be …". */
  readonly expects: string
  /** The resolved value, or undefined when the given one is of no use. */
  read(value: unknown, setting: Setting): unknown
  /** Makes a value of text from the environment or the command line; absent = the text itself. */
  fromText?(text: string): unknown
}

const asNumber = (text: string): unknown => (text.trim() === '' ? text : Number(text))
const whole = (value: unknown, from: number, to = Number.MAX_SAFE_INTEGER): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to ? value : undefined

export const SETTING_READERS: { readonly [T in keyof SettingTypes]: SettingReader } = {
  boolean: {
    expects: 'true or false',
    read: value => (typeof value === 'boolean' ? value : undefined),
    fromText: booleanFromText,
  },
  text: { expects: 'text', read: value => (typeof value === 'string' ? value : undefined) },
  zone: { expects: "a time zone, such as 'Europe/Berlin'", read: value => (isZone(value) ? value : undefined) },
  texts: { expects: 'a list of texts', read: texts, fromText: listFromText },
  urls: { expects: 'a URL, or a list of URLs', read: urls },
  choice: {
    expects: 'one of the listed words',
    read: (value, setting) => setting.choices?.find(choice => choice === value),
  },
  number: {
    expects: 'a number',
    read: value => (typeof value === 'number' && Number.isFinite(value) ? value : undefined),
    fromText: asNumber,
  },
  integer: { expects: 'a whole number, 0 or more', read: value => whole(value, 0), fromText: asNumber },
  positive: { expects: 'a whole number, 1 or more', read: value => whole(value, 1), fromText: asNumber },
  count: {
    expects: 'a whole number, 0 or more, or Infinity',
    read: value => (value === Number.POSITIVE_INFINITY ? value : whole(value, 0)),
    fromText: text => (/^inf(inity)?$/i.test(text) ? Number.POSITIVE_INFINITY : asNumber(text)),
  },
  port: { expects: 'a port, 1 to 65535', read: value => whole(value, 1, 65_535), fromText: asNumber },
  duration: { expects: "a span: seconds, or text such as '250ms', '5m', '2h'", read: parseDuration },
  object: { expects: 'an object', read: plainObject, fromText: jsonFromText },
  tls: {
    expects: 'true, false or an object of TLS options',
    read: value => (typeof value === 'boolean' ? value : plainObject(value)),
    fromText: text => {
      const value = booleanFromText(text)
      return typeof value === 'boolean' ? value : jsonFromText(text)
    },
  },
  'control-policy': {
    expects: "'all', 'read', 'signed', 'none', or a list of commands",
    read: controlPolicy,
    fromText: text => (CONTROL_POLICIES.includes(text) ? text : listFromText(text)),
  },
  protocol: { expects: '1 or 2', read: value => whole(value, 1, 2), fromText: asNumber },
  rate: {
    expects: "a number per second, or text such as '10/s', '100/m', '1000/h'",
    read: value =>
      (typeof value === 'string' || typeof value === 'number') && parseRate(value) !== undefined ? value : undefined,
  },
  autoscale: { expects: "two whole numbers, most and fewest slots: '10,1'", read: readAutoscale },
  'delivery-mode': { expects: "1, 2, 'transient' or 'persistent'", read: deliveryMode },
  'retry-policy': {
    expects: 'an object of maxRetries, intervalStart, intervalStep, intervalMax',
    read: retryPolicy,
    fromText: jsonFromText,
  },
  queues: {
    expects: 'an object of queues by name, or a list of queues',
    read: value => (Array.isArray(value) ? value : plainObject(value)),
    fromText: jsonFromText,
  },
  routes: {
    expects: 'a map from task names to queues or options, a function, or a list of these',
    read: value => (typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : undefined),
    fromText: jsonFromText,
  },
  annotations: { expects: 'an object of task options by task name', read: plainObject, fromText: jsonFromText },
}

/** 1 transient, 2 persistent; undefined when the value means neither. */
export function deliveryMode(value: unknown): 1 | 2 | undefined {
  if (value === 2 || value === 'persistent' || value === '2') return 2
  return value === 1 || value === 'transient' || value === '1' ? 1 : undefined
}

/** Source: celery/utils/time.py:rate. */
export function isRate(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0
  return typeof value === 'string' && /^(\d+(\.\d*)?|\.\d+)?(\/[smh])?$/.test(value)
}

function controlPolicy(value: unknown): ControlPolicy | undefined {
  if (typeof value === 'string') return CONTROL_POLICIES.includes(value) ? (value as ControlPolicy) : undefined
  return texts(value)
}

function texts(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
}

function urls(value: unknown): string | undefined {
  const list = texts(value)
  return list === undefined || list.length === 0 ? undefined : list.join(';')
}

function plainObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return value as Record<string, unknown>
}

function isZone(value: unknown): value is string {
  if (typeof value !== 'string') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return true
  } catch {
    return false
  }
}

function retryPolicy(value: unknown): RetryPolicy | undefined {
  const given = plainObject(value)
  if (given === undefined) return undefined
  const found: Record<string, unknown> = { maxRetries: 3, intervalStart: 0, intervalStep: 0.2, intervalMax: 1 }
  for (const [key, item] of Object.entries(given)) {
    const name = camelCase(key)
    if (!(name in found)) return undefined
    found[name] = item
  }
  const maxRetries = found['maxRetries'] === null ? Number.POSITIVE_INFINITY : whole(found['maxRetries'], 0)
  const intervalStart = parseDuration(found['intervalStart'])
  const intervalStep = parseDuration(found['intervalStep'])
  const intervalMax = parseDuration(found['intervalMax'])
  if (maxRetries === undefined || intervalStart === undefined) return undefined
  if (intervalStep === undefined || intervalMax === undefined) return undefined
  return { maxRetries, intervalStart, intervalStep, intervalMax }
}

function booleanFromText(text: string): unknown {
  if (/^(true|1|yes|on)$/i.test(text)) return true
  return /^(false|0|no|off)$/i.test(text) ? false : text
}

function listFromText(text: string): unknown {
  return text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

function jsonFromText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
