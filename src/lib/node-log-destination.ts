import { constants, fstatSync, openSync } from 'node:fs'
import sonic from 'sonic-boom'
import { ConfigError } from './errors.js'
import { standStill } from './stand-still.js'
import type { Ms } from './time.js'

/** Bytes that may wait for a slow reader; what comes on top is dropped and counted (D48, S101). */
const BUFFER_LIMIT = 4 * 1024 * 1024

/** Text of one turn that is put out without waiting for the turn's end. */
const TURN_LIMIT = 65_536

/** sonic-boom waits 100 ms between two tries of a synchronous write. */
const SYNC_TRIES = 10

const CLOSE_DEADLINE: Ms = 1000

/** Enough for a write that is under way on another thread to reach a reader that reads. */
const UNDER_WAY: Ms = 20

/**
 * Standard error or a file to append text to; one write per turn of the event loop. Writing never throws.
 *
 * Files and terminals are written at the end of each turn, at once. A pipe or socket may have a slow reader: it is
 * written beside the event loop, 4 MiB wait at most, then text is dropped and counted. A file is created with mode 0640
 * and never reached through a symbolic link (S90, S91).
 */
export class LogDestination {
  readonly #file: string | undefined
  #stream: Stream
  #turn = ''
  #scheduled: NodeJS.Immediate | undefined
  #dropped = 0

  /** @throws ConfigError `LVG_LOG_FILE` when the file cannot be opened. */
  constructor(file: string | undefined) {
    this.#file = file
    this.#stream = this.#open()
  }

  /** Writes that were lost, because the other end was too slow or gone. */
  get dropped(): number {
    return this.#dropped
  }

  write(text: string): void {
    this.#turn += text
    if (this.#turn.length > TURN_LIMIT) this.#putOut()
    else this.#scheduled ??= setImmediate(() => this.#putOut())
  }

  /**
   * Opens the file anew after a log rotation moved it away; standard error stays.
   *
   * @throws ConfigError `LVG_LOG_FILE`; writing then goes on to the old file.
   */
  reopen(): void {
    if (this.#file === undefined) return
    this.#putOut()
    const old = this.#stream
    this.#stream = this.#open()
    old.end()
  }

  /** Puts out what is buffered before returning; gives up on a reader that takes nothing for a second. */
  flush(): void {
    this.#putOut()
    try {
      this.#stream.flush()
    } catch {
      this.#dropped++
    }
  }

  /** Resolves when everything is out, or after a second with a reader that does not read. */
  async close(): Promise<void> {
    this.#putOut()
    await this.#stream.close()
  }

  #putOut(): void {
    clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const text = this.#turn
    this.#turn = ''
    if (text === '') return
    try {
      this.#stream.write(text)
    } catch {
      this.#dropped++
    }
  }

  #open(): Stream {
    return new Stream(this.#file === undefined ? 2 : openLogFile(this.#file), () => this.#dropped++)
  }
}

/** One open descriptor. */
class Stream {
  readonly #direct: boolean
  readonly #out: sonic.SonicBoom
  /** Tries left for a synchronous write to a reader that does not read. */
  #tries = SYNC_TRIES
  #busy = false
  #flushing = false
  #closed: Promise<void> | undefined

  constructor(fd: number, lost: () => void) {
    this.#direct = isDirect(fd)
    this.#out = new sonic.SonicBoom({
      fd,
      sync: this.#direct,
      maxLength: BUFFER_LIMIT,
      retryEAGAIN: () => this.#retry(),
    })
    this.#out.on('drop', lost)
    this.#out.on('error', lost)
    this.#out.on('drain', () => {
      this.#busy = false
    })
  }

  write(text: string): void {
    this.#tries = SYNC_TRIES
    this.#busy = true
    this.#out.write(text)
  }

  flush(): void {
    if (this.#direct || !this.#busy) return
    // A write under way on another thread must come first; nothing tells when it has.
    standStill(UNDER_WAY)
    this.#tries = SYNC_TRIES
    this.#flushing = true
    try {
      this.#out.flushSync()
    } finally {
      this.#flushing = false
    }
  }

  /** What is buffered is still written. */
  end(): void {
    this.#out.end()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #close(): Promise<void> {
    return new Promise(resolve => {
      const deadline = setTimeout(() => {
        this.#out.destroy()
        resolve()
      }, CLOSE_DEADLINE)
      this.#out.once('close', () => {
        clearTimeout(deadline)
        resolve()
      })
      this.#out.end()
    })
  }

  /** Beside the event loop it may try for ever; a synchronous write holds everything up. */
  #retry(): boolean {
    return (!this.#direct && !this.#flushing) || --this.#tries > 0
  }
}

/** Files and terminals take what they are given; a pipe's reader may be slow. */
function isDirect(fd: number): boolean {
  const stat = fstatSync(fd)
  return stat.isFile() || stat.isCharacterDevice()
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
