import { hash } from 'node:crypto'
import type { Random } from '../../lib/runtime.js'

/**
 * Repeatable chance: xoshiro128** (Blackman and Vigna, 2018), seeded with the SHA-256 of a text.
 *
 * `split(purpose)` gives an independent stream named by its path, drawing nothing from this one: a fault more does not
 * shift the durations of tasks (reliability §13.1).
 */
export class SimRandom implements Random {
  readonly #path: string
  /** Made when something is drawn for the first time: from many streams nothing ever is. */
  #state: Uint32Array | undefined

  constructor(seed: number | string) {
    this.#path = String(seed)
  }

  split(purpose: string): SimRandom {
    return new SimRandom(`${this.#path}/${purpose}`)
  }

  next(): number {
    return ((this.#next32() >>> 5) * 2 ** 26 + (this.#next32() >>> 6)) / 2 ** 53
  }

  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n)
    let word = 0
    for (let i = 0; i < n; i++) {
      if (i % 4 === 0) word = this.#next32()
      bytes[i] = word & 0xff
      word >>>= 8
    }
    return bytes
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** A whole number from low to high, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  /** @throws RangeError when there is nothing to choose from. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.int(0, items.length - 1)] as T
  }

  shuffled<T>(items: readonly T[]): T[] {
    const mixed = [...items]
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      const moved = mixed[i] as T
      mixed[i] = mixed[j] as T
      mixed[j] = moved
    }
    return mixed
  }

  #next32(): number {
    this.#state ??= seeded(this.#path)
    // It has four words.
    const state = this.#state as unknown as [number, number, number, number]
    const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0
    const shifted = state[1] << 9
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotateLeft(state[3], 11)
    return result
  }
}

function seeded(path: string): Uint32Array {
  const digest = hash('sha256', path, 'buffer')
  return Uint32Array.from({ length: 4 }, (_, i) => digest.readUInt32LE(4 * i))
}

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count))
}
