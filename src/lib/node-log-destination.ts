import { constants, openSync } from 'node:fs'
import sonic from 'sonic-boom'
import { ConfigError } from './errors.js'

/** Bytes that may wait for a slow reader; what comes on top is dropped and counted (D48, S101). */
const BUFFER_LIMIT = 4 * 1024 * 1024

/** sonic-boom waits 100 ms between two tries of a synchronous write. */
const FLUSH_TRIES = 10

/**
 * Standard error or a file to append text to. Writing never throws and never waits: while the other end is slow the
 * text is buffered up to 4 MiB, then dropped. A file is created with mode 0640 and never reached through a symbolic
 * link (S90, S91).
 */
export class LogDestination {
  readonly #file: string | undefined
  #stream: sonic.SonicBoom
  #dropped = 0
  /** Tries left for a `flush` whose reader does not read; Infinity outside one. */
  #patience = Number.POSITIVE_INFINITY

  /** @throws ConfigError `LVG_LOG_FILE` when the file cannot be opened. */
  constructor(file: string | undefined) {
    this.#file = file
    this.#stream = this.#open()
  }

  /** Pieces of text that were lost because the other end was too slow or gone. */
  get dropped(): number {
    return this.#dropped
  }

  write(text: string): void {
    try {
      this.#stream.write(text)
    } catch {
      this.#dropped++
    }
  }

  /**
   * Opens the file anew after a log rotation moved it away; standard error stays.
   *
   * @throws ConfigError `LVG_LOG_FILE`; writing then goes on to the old file.
   */
  reopen(): void {
    if (this.#file === undefined) return
    const old = this.#stream
    this.#stream = this.#open()
    old.end()
  }

  /** Puts out what is buffered before returning; gives up on a reader that takes nothing for a second. */
  flush(): void {
    this.#patience = FLUSH_TRIES
    try {
      this.#stream.flushSync()
    } catch {
      this.#dropped++
    }
    this.#patience = Number.POSITIVE_INFINITY
  }

  close(): void {
    this.flush()
    this.#stream.end()
  }

  #open(): sonic.SonicBoom {
    const fd = this.#file === undefined ? 2 : openLogFile(this.#file)
    const stream = new sonic.SonicBoom({
      fd,
      sync: false,
      maxLength: BUFFER_LIMIT,
      retryEAGAIN: () => --this.#patience > 0,
    })
    stream.on('drop', () => this.#dropped++)
    stream.on('error', () => this.#dropped++)
    return stream
  }
}

function openLogFile(file: string): number {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0)
  try {
    return openSync(file, flags, 0o640)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(
      'LVG_LOG_FILE',
      `The log file ${JSON.stringify(file)} cannot be opened for appending (${reason}); name a plain file in a folder this user may write to.`,
      { cause },
    )
  }
}
