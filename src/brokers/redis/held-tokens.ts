/** Most messages that one session holds. */
const CAPACITY = 65_536

/**
 * The tokens that a session holds, in memory that the thread which renews them reads (D24). A token is the session's
 * name and a number; number n stands in slot n modulo the capacity, 0 is an empty slot.
 *
 * Numbers are reserved before the claim is sent: whatever it takes is renewed even while the user's thread, blocked by a
 * task, has not read the answer.
 */
export class HeldTokens {
  readonly memory: SharedArrayBuffer
  readonly #slots: Float64Array
  #next = 1

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CAPACITY * Float64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#slots = new Float64Array(memory)
  }

  /** The first of `count` numbers in a row; undefined when there is no room for so many. */
  reserve(count: number): number | undefined {
    const start = this.#room(count)
    if (start === undefined) return undefined
    for (let number = start; number < start + count; number++) this.#slots[number % CAPACITY] = number
    this.#next = start + count
    return start
  }

  /** Gives back what a claim did not use of its reservation. */
  unreserve(from: number, to: number): void {
    for (let number = from; number < to; number++) this.release(number)
    if (this.#next === to) this.#next = from
  }

  release(number: number): void {
    const slot = number % CAPACITY
    if (this.#slots[slot] === number) this.#slots[slot] = 0
  }

  get empty(): boolean {
    return this.#slots.every(number => number === 0)
  }

  /** In the order of claiming. */
  numbers(): readonly number[] {
    return [...this.#slots].filter(number => number !== 0).sort((a, b) => a - b)
  }

  #room(count: number): number | undefined {
    if (count > CAPACITY) return undefined
    let start = this.#next
    for (let free = 0, at = start; free < count; at++) {
      if (at - this.#next > 2 * CAPACITY) return undefined
      if (this.#slots[at % CAPACITY] === 0) free++
      else {
        free = 0
        start = at + 1
      }
    }
    return start
  }
}
