import type { Ms, SteadyMs } from '../../lib/time.js'

/**
 * Remembers publish ids for at least `length` and at most twice that (D05), in two generations, so that forgetting
 * costs nothing per id. With more than `max` ids in one generation the older generation is forgotten early.
 */
export class PublishWindow {
  readonly #length: Ms
  readonly #max: number
  #young = new Set<string>()
  #old = new Set<string>()
  #turnedAt: SteadyMs

  constructor(options: { readonly length: Ms; readonly max: number; readonly now: SteadyMs }) {
    this.#length = options.length
    this.#max = options.max
    this.#turnedAt = options.now
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  has(id: string, now: SteadyMs): boolean {
    this.#turn(now)
    return this.#young.has(id) || this.#old.has(id)
  }

  add(id: string, now: SteadyMs): void {
    this.#turn(now)
    this.#young.add(id)
  }

  #turn(now: SteadyMs): void {
    const age = now - this.#turnedAt
    if (age < this.#length && this.#young.size < this.#max) return
    this.#old = age < 2 * this.#length ? this.#young : new Set()
    this.#young = new Set()
    this.#turnedAt = now
  }
}
