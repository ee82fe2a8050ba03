import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'

export interface PulseParts {
  readonly clock: Clock
  /** The agreed interval. */
  readonly interval: Ms
  /** Was anything sent since this was last asked? */
  sent(): boolean
  /** Nothing was: a heartbeat is due. */
  beat(): void
  /** Was anything heard since this was last asked? Nobody who did not listen can say no. */
  heard(): boolean
  /** Nothing was, for two intervals: nobody is there. Called once, the last call. */
  silent(): void
}

/** The heartbeat of one connection, both ways: asks twice an interval whether anything was sent, and once whether anything was heard. */
export class Pulse implements Disposable {
  readonly #parts: PulseParts
  #looks = 0
  #missed = 0
  #timer: Disposable

  constructor(parts: PulseParts) {
    this.#parts = parts
    this.#timer = this.#next()
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }

  #next(): Disposable {
    return this.#parts.clock.timer(this.#parts.interval / 2, () => this.#look())
  }

  #look(): void {
    const { sent, beat, heard, silent } = this.#parts
    if (++this.#looks % 2 === 0) {
      this.#missed = heard() ? 0 : this.#missed + 1
      if (this.#missed === 2) {
        silent()
        return
      }
    }
    this.#timer = this.#next()
    if (!sent()) beat()
  }
}

/** Whether a number has grown since it was last asked for. */
export function grown(count: () => number): () => boolean {
  let before = count()
  return () => {
    const now = count()
    const has = now !== before
    before = now
    return has
  }
}
