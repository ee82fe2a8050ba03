/** How far ahead another clock may be and still be believed (M44): one forged message must not use up all numbers. */
const MAX_JUMP = 2 ** 40

/**
 * A logical clock: what has seen another thing happen has the larger value. `start` is what an earlier run had reached.
 * Source: kombu/clocks.py `LamportClock`.
 */
export class LamportClock {
  #value: number

  constructor(start = 0) {
    this.#value = start
  }

  get value(): number {
    return this.#value
  }

  /** Something happened here. Answers the new value. */
  forward(): number {
    this.#value += 1
    return this.#value
  }

  /** Something that happened elsewhere was seen: beyond both. What is no count, or too far ahead, is as if not told. */
  adjust(other: number): number {
    const credible = Number.isSafeInteger(other) && other - this.#value <= MAX_JUMP
    this.#value = (credible ? Math.max(this.#value, other) : this.#value) + 1
    return this.#value
  }
}
