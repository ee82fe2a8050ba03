import type { Log, LogFields, LogLevel } from './runtime.js'

/** Hears each line that is written. */
export type LogListener = (level: LogLevel, message: string) => void

/** A log whose lines of `info` and above are also told to somebody, whatever is written. */
export class TeedLog implements Log {
  readonly #log: Log
  readonly #heard: LogListener

  constructor(log: Log, heard: LogListener) {
    this.#log = log
    this.#heard = heard
  }

  enabled(level: LogLevel): boolean {
    return level !== 'debug' || this.#log.enabled(level)
  }

  debug(message: string, fields?: LogFields): void {
    this.#log.debug(message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#log.info(message, fields)
    this.#heard('info', message)
  }

  warning(message: string, fields?: LogFields): void {
    this.#log.warning(message, fields)
    this.#heard('warning', message)
  }

  error(message: string, fields?: LogFields): void {
    this.#log.error(message, fields)
    this.#heard('error', message)
  }

  critical(message: string, fields?: LogFields): void {
    this.#log.critical(message, fields)
    this.#heard('critical', message)
  }

  child(fields: LogFields): Log {
    return new TeedLog(this.#log.child(fields), this.#heard)
  }
}
