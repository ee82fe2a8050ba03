/** Chance that can be repeated: the same three values give the same numbers, whatever ran before (sfc32). */
export class FuzzRandom {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(target: string, seed: number, index: number) {
    let hash = 0x811c9dc5
    for (let i = 0; i < target.length; i++) hash = Math.imul(hash ^ target.charCodeAt(i), 0x01000193)
    this.#a = hash | 0
    this.#b = seed | 0
    this.#c = index | 0
    for (let i = 0; i < 12; i++) this.#next()
  }

  /** 0 … n − 1. */
  below(n: number): number {
    return Math.floor((this.#next() / 2 ** 32) * n)
  }

  /** 1 … `most`; half the time 1. */
  few(most: number): number {
    return this.once(2) ? 1 : 1 + this.below(most)
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('there is nothing to pick from')
    return from[this.below(from.length)] as T
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}
