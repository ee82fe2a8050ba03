/** Bytes of each of the two texts; what does not fit is cut. */
const TEXT_BYTES = 2048

const TICKS = 0
const LAST_LENGTH = 1
const RUNNING_LENGTH = 2
const HEADER_BYTES = 16

/** What a thread can see of an event loop that does not answer. */
export interface BeatReading {
  /** Grows while the loop turns. */
  readonly ticks: number
  /** What was entered last. */
  readonly last: string
  /** What was under way at the last tick. */
  readonly running: string
}

/**
 * The pulse of an event loop in memory that threads share: while the loop stands still, another thread sees that, and what
 * it was about to do. The loop alone writes.
 */
export class LoopBeat {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #last: Buffer
  readonly #running: Buffer

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HEADER_BYTES + 2 * TEXT_BYTES)) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, HEADER_BYTES / 4)
    this.#last = Buffer.from(buffer, HEADER_BYTES, TEXT_BYTES)
    this.#running = Buffer.from(buffer, HEADER_BYTES + TEXT_BYTES, TEXT_BYTES)
  }

  /** About to be entered. */
  note(text: string): void {
    Atomics.store(this.#words, LAST_LENGTH, this.#last.write(text))
  }

  tick(running: string): void {
    Atomics.store(this.#words, RUNNING_LENGTH, this.#running.write(running))
    Atomics.add(this.#words, TICKS, 1)
  }

  read(): BeatReading {
    const text = (bytes: Buffer, length: number): string => bytes.toString('utf8', 0, Atomics.load(this.#words, length))
    return {
      ticks: Atomics.load(this.#words, TICKS),
      last: text(this.#last, LAST_LENGTH),
      running: text(this.#running, RUNNING_LENGTH),
    }
  }
}
