import { createHash } from 'node:crypto'
import type { Random } from '../../lib/runtime.js'

/**
 * Repeatable chance: xoshiro128** (Blackman and Vigna, 2018), seeded with the SHA-256 of a text.
 *
 * `split(purpose)` gives an independent stream named by its path, drawing nothing from this one: a fault more does not
 * shift the durations of tasks (reliability §13.1).
 */
export class SimRandom implements Random {
  readonly #path: string
  readonly #state: Uint32Array

  constructor(seed: number | string) {
    this.#path = String(seed)
    const digest = createHash('sha256').update(this.#path, 'utf8').digest()
    this.#state = Uint32Array.from({ length: 4 }, (_, i) => digest.readUInt32LE(4 * i))
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

function rotateLeft(word: number, count: number): number {
  return (word << count) | (word >>> (32 - count))
}
