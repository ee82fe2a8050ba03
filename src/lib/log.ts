import type { Log, LogFields, LogLevel } from './runtime.js'

/** Where lines go. `write` never throws and never waits: a log that cannot be written must not stop work (S101). */
export interface LogSink {
  write(level: LogLevel, message: string, fields: LogFields): void
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warning: 30, error: 40, critical: 50 }

const NO_FIELDS: LogFields = Object.freeze({})

/** Ascending: `debug` < `info` < `warning` < `error` < `critical`. Python's numbers. */
export function levelRank(level: LogLevel): number {
  return RANK[level]
}

/** A log that passes lines of `level` and above to `sink`. A line below costs one comparison. */
export function createLog(sink: LogSink, level: LogLevel): Log {
  return new SinkLog(sink, RANK[level], NO_FIELDS)
}

class SinkLog implements Log {
  readonly #sink: LogSink
  readonly #threshold: number
  readonly #fields: LogFields

  constructor(sink: LogSink, threshold: number, fields: LogFields) {
    this.#sink = sink
    this.#threshold = threshold
    this.#fields = fields
  }

  enabled(level: LogLevel): boolean {
    return RANK[level] >= this.#threshold
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#threshold <= RANK.debug) this.#write('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    if (this.#threshold <= RANK.info) this.#write('info', message, fields)
  }

  warning(message: string, fields?: LogFields): void {
    if (this.#threshold <= RANK.warning) this.#write('warning', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    if (this.#threshold <= RANK.error) this.#write('error', message, fields)
  }

  critical(message: string, fields?: LogFields): void {
    if (this.#threshold <= RANK.critical) this.#write('critical', message, fields)
  }

  child(fields: LogFields): Log {
    return new SinkLog(this.#sink, this.#threshold, { ...this.#fields, ...fields })
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    this.#sink.write(level, message, fields === undefined ? this.#fields : { ...this.#fields, ...fields })
  }
}

/** Writes nothing and says that nothing is enabled. */
export const silentLog: Log = Object.freeze({
  enabled: () => false,
  debug: () => {},
  info: () => {},
  warning: () => {},
  error: () => {},
  critical: () => {},
  child: () => silentLog,
})
