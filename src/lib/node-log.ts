import { createRequire } from 'node:module'
import type { Logger } from 'pino'
import { escapeJson } from './escape-text.js'
import { createLog, type LogSink, levelRank } from './log.js'
import { type LogTextOptions, logText } from './log-text.js'
import { LogDestination } from './node-log-destination.js'
import type { Log, LogLevel } from './runtime.js'

export interface NodeLogOptions {
  /** Lowest level that is written; default `info`. */
  readonly level?: LogLevel
  /** `text`: Celery's lines. `json`: one object per line with `time` (ISO 8601), `level`, `pid`, `process`, `message` and the fields. Default `text`. */
  readonly output?: 'text' | 'json'
  /** Appended to; absent = standard error. */
  readonly file?: string
  /** Default: colour when standard error is a terminal and `NO_COLOR` is not set. Never in files unless asked for. */
  readonly color?: boolean
  /** Setting `workerLogFormat`. */
  readonly format?: string
  /** Setting `workerTaskLogFormat`. */
  readonly taskFormat?: string
  /** Default `MainProcess`. */
  readonly processName?: string
}

/** A log that writes to standard error or a file, with the handles its owner needs. */
export interface NodeLog {
  readonly log: Log
  /** After log rotation (SIGHUP). Throws `ConfigError` when the file cannot be opened; the old one is then kept. */
  reopen(): void
  /** Puts out what is buffered. Happens by itself when the process exits. */
  flush(): void
  /** Resolves when everything is out, or after a second with a reader that does not read. */
  close(): Promise<void>
}

/** @throws ConfigError `LVG_LOG_FILE`, `LVG_LOG_FORMAT` */
export function openNodeLog(options: NodeLogOptions = {}): NodeLog {
  const processName = options.processName ?? 'MainProcess'
  const text = textOptions(options)
  const format = logText(text)
  const destination = new LogDestination(options.file)
  const sink =
    options.output === 'json' ? jsonSink(destination, processName) : textSink(destination, processName, format)
  const flush = (): void => destination.flush()
  process.once('exit', flush)
  return {
    log: createLog(sink, options.level ?? 'info'),
    reopen: () => destination.reopen(),
    flush,
    close: () => {
      process.off('exit', flush)
      return destination.close()
    },
  }
}

function textOptions(options: NodeLogOptions): LogTextOptions {
  const terminal = options.file === undefined && process.stderr.isTTY === true && !process.env['NO_COLOR']
  return {
    color: options.color ?? terminal,
    ...(options.format === undefined ? {} : { format: options.format }),
    ...(options.taskFormat === undefined ? {} : { taskFormat: options.taskFormat }),
  }
}

function textSink(destination: LogDestination, processName: string, format: ReturnType<typeof logText>): LogSink {
  const { pid } = process
  return {
    write: (level, message, fields) =>
      destination.write(format({ at: Date.now(), level, message, fields, processName, pid })),
  }
}

function jsonSink(destination: LogDestination, processName: string): LogSink {
  const logger = jsonLogger(destination, processName)
  return {
    write: (level, message, fields) => {
      // A field whose getter or toJSON throws must not stop the work it reports on (S101).
      try {
        logger[level](fields, message)
      } catch {
        logger[level](message)
      }
    },
  }
}

/** Its package is loaded for this only: with all that it needs, it would be a fifth of a worker's start. */
function jsonLogger(destination: LogDestination, processName: string): Logger<LogLevel, true> {
  const { pino } = createRequire(import.meta.url)('pino') as typeof import('pino')
  const levels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error', 'critical']
  const customLevels = Object.fromEntries(levels.map(level => [level, levelRank(level)])) as Record<LogLevel, number>
  return pino<LogLevel, true>(
    {
      level: 'debug',
      customLevels,
      useOnlyCustomLevels: true,
      messageKey: 'message',
      base: { pid: process.pid, process: processName },
      formatters: { level: label => ({ level: label }) },
      timestamp: () => `,"time":"${new Date(Date.now()).toISOString()}"`,
      serializers: { error: pino.stdSerializers.err },
    },
    { write: line => destination.write(`${escapeJson(line.trimEnd())}\n`) },
  )
}
