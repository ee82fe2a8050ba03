import { escapeText } from './escape-text.js'
import { compileLogFormat, LOG_FORMAT, type LogRecord, TASK_LOG_FORMAT } from './log-format.js'
import type { LogLevel } from './runtime.js'

export interface LogTextOptions {
  /** Default `LOG_FORMAT`. */
  readonly format?: string
  /** For lines that carry the field `task_id`; default `TASK_LOG_FORMAT`. */
  readonly taskFormat?: string
  /** Colour the message by level. */
  readonly color: boolean
}

/** SGR codes. Info stays plain. Source: celery/utils/log.py ColorFormatter. */
const COLOR: Readonly<Partial<Record<LogLevel, string>>> = {
  debug: '34',
  warning: '33',
  error: '31',
  critical: '35',
}

const TRACEBACK_LIMIT = 65_536

/**
 * Turns a record into the text of Celery's log, line end included. A field `traceback` follows line by line, indented,
 * so that nothing in it can be taken for a line of the log.
 */
export function logText(options: LogTextOptions): (record: LogRecord) => string {
  const plain = compileLogFormat(options.format ?? LOG_FORMAT)
  const task = compileLogFormat(options.taskFormat ?? TASK_LOG_FORMAT)
  return record => {
    const line = record.fields['task_id'] === undefined ? plain(record) : task(record)
    return `${paint(line, options.color ? COLOR[record.level] : undefined)}\n${traceback(record)}`
  }
}

function paint(line: string, code: string | undefined): string {
  return code === undefined ? line : `\u001b[${code}m${line}\u001b[0m`
}

function traceback(record: LogRecord): string {
  const text = record.fields['traceback']
  if (typeof text !== 'string') return ''
  let block = ''
  for (const line of text.slice(0, TRACEBACK_LIMIT).trimEnd().split(/\r?\n/)) block += `  ${escapeText(line)}\n`
  return block
}
