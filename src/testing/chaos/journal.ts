import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs'

/*
 * Each process of a chaos run keeps a journal: what it did, written the moment it did it. Files are opened O_APPEND and
 * lines are short and written in one call each, so a process killed at any instant leaves whole lines behind. Times
 * are the kernel's monotonic clock in ms: one clock for all processes of a machine.
 */

/** What a worker tells of a task: one attempt is one (id, retries). */
export interface AttemptLine {
  readonly kind:
    | 'taken' // the consumer was handed it
    | 'start' // the handler was entered
    | 'end' // the handler is about to return `value`, or to throw
    | 'asked' // the broker is about to be told "done"
    | 'acked' // and has answered that it was
    | 'stale' // or that the message was somebody else's by then
  readonly at: number
  readonly id: string
  readonly retries: number
  readonly value?: string
}

/** What a producer tells of a task. */
export interface PublishLine {
  readonly kind:
    | 'sending'
    | 'accepted'
    | 'refused' // certainly not accepted
    | 'unknown' // nobody knows whether it was
  readonly at: number
  readonly id: string
}

export type JournalLine = AttemptLine | PublishLine

type Untimed<Line> = Line extends JournalLine ? Omit<Line, 'at'> : never

export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/** Longest line, in bytes: what systems append in one piece. */
const LONGEST = 512

export class Journal {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'a')
  }

  write(line: Untimed<JournalLine>): void {
    const text = `${JSON.stringify({ at: monotonic(), ...line })}\n`
    if (Buffer.byteLength(text) > LONGEST) throw new RangeError(`a journal line of ${text.length} characters`)
    writeSync(this.#file, text)
  }
}

/** Reads a journal while it grows. */
export class JournalReader {
  readonly #path: string
  #file: number | undefined
  #rest = ''

  constructor(path: string) {
    this.#path = path
  }

  /** The whole lines that came since the last call. */
  read(): readonly JournalLine[] {
    if (this.#file === undefined) {
      if (!existsSync(this.#path)) return []
      this.#file = openSync(this.#path, 'r')
    }
    const lines = (this.#rest + this.#bytes(this.#file)).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines.map(line => JSON.parse(line) as JournalLine)
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #bytes(file: number): string {
    const buffer = Buffer.allocUnsafe(1 << 16)
    const parts: Buffer[] = []
    for (;;) {
      const length = readSync(file, buffer)
      parts.push(Buffer.from(buffer.subarray(0, length)))
      // Lines are ASCII: a cut anywhere is a cut between characters.
      if (length < buffer.length) return Buffer.concat(parts).toString('latin1')
    }
  }
}
