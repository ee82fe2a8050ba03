import { ConfigError } from './errors.js'
import { escapeText } from './escape-text.js'
import type { LogFields, LogLevel } from './runtime.js'
import { suggest } from './suggest.js'
import type { EpochMs } from './time.js'

/** Defaults of `workerLogFormat` and `workerTaskLogFormat`. Source: celery/app/defaults.py. */
export const LOG_FORMAT = '[%(asctime)s: %(levelname)s/%(processName)s] %(message)s'
export const TASK_LOG_FORMAT = '[%(asctime)s: %(levelname)s/%(processName)s] %(task_name)s[%(task_id)s]: %(message)s'

export interface LogRecord {
  readonly at: EpochMs
  readonly level: LogLevel
  readonly message: string
  readonly fields: LogFields
  /** `MainProcess`, `PoolWorker-3`, … */
  readonly processName: string
  readonly pid: number
}

type Part = (record: LogRecord) => string

const PLACEHOLDERS: Readonly<Record<string, Part>> = {
  levelname: record => record.level.toUpperCase(),
  processName: record => record.processName,
  process: record => String(record.pid),
  message: record => escapeText(record.message, MESSAGE_LIMIT),
  task_name: record => field(record, 'task_name'),
  task_id: record => field(record, 'task_id'),
}

/** L13: as much as a traceback may have. */
const MESSAGE_LIMIT = 65_536

/** `%%`, or `%(name)s` with the optional flag, width and conversion of Python's `%` formatting. */
const DIRECTIVE = /%(?:%|\((\w+)\)(-?)(\d{0,3})([sd]))/g

/**
 * Compiles a format with Celery's placeholders, `%(asctime)s %(levelname)s %(processName)s %(process)d %(message)s
 * %(task_name)s %(task_id)s`, a width as in `%(levelname)-8s` included. Everything from outside is escaped (S100).
 *
 * @throws ConfigError `LVG_LOG_FORMAT` for any other placeholder or a stray `%`.
 */
export function compileLogFormat(format: string): (record: LogRecord) => string {
  const parts: Part[] = []
  let from = 0
  for (const match of format.matchAll(DIRECTIVE)) {
    parts.push(literal(format, from, match.index))
    const [whole, name, left, width] = match
    parts.push(name === undefined ? () => '%' : padded(placeholder(format, name), left === '-', Number(width)))
    from = match.index + whole.length
  }
  parts.push(literal(format, from, format.length))
  return record => {
    let line = ''
    for (const part of parts) line += part(record)
    return line
  }
}

function literal(format: string, from: number, to: number): Part {
  const text = format.slice(from, to)
  if (!text.includes('%')) return () => text
  throw new ConfigError(
    'LVG_LOG_FORMAT',
    `The log format ${JSON.stringify(format)} has a '%' that begins no placeholder near ${JSON.stringify(text)}; write '%%' for the sign itself.`,
  )
}

function placeholder(format: string, name: string): Part {
  if (name === 'asctime') return asctime()
  const part = Object.hasOwn(PLACEHOLDERS, name) ? PLACEHOLDERS[name] : undefined
  if (part !== undefined) return part
  const known = ['asctime', ...Object.keys(PLACEHOLDERS)]
  const near = suggest(name, known)
  throw new ConfigError(
    'LVG_LOG_FORMAT',
    `The log format ${JSON.stringify(format)} names %(${name}), which does not exist${near === undefined ? '' : `; did you mean %(${near})s`}. Known: ${known.join(', ')}.`,
  )
}

function padded(part: Part, left: boolean, width: number): Part {
  if (width === 0) return part
  return left ? record => part(record).padEnd(width) : record => part(record).padStart(width)
}

/** Outside a task it is `???`. Source: celery/app/log.py TaskFormatter. */
function field(record: LogRecord, name: string): string {
  const value = record.fields[name]
  return value === undefined ? '???' : escapeText(String(value), 255)
}

/** Local time as Python's logging prints it: `2026-11-20 11:00:00,000`. Lines of one second share the date part. */
function asctime(): Part {
  let second = Number.NaN
  let prefix = ''
  return ({ at }) => {
    const whole = Math.floor(at / 1000)
    if (whole !== second) {
      second = whole
      prefix = localTime(new Date(at))
    }
    return `${prefix},${two(Math.floor(at - whole * 1000), 3)}`
  }
}

function localTime(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

function two(value: number, width = 2): string {
  return String(value).padStart(width, '0')
}
