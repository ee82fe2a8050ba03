import type { Ms, SteadyMs } from './time.js'

/** A map that forgets: at most `max` entries, none older than `ttl`; the oldest entry leaves first. Steady time is passed in. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, { readonly value: V; readonly at: SteadyMs }>()
  readonly #max: number
  readonly #ttl: Ms

  constructor(options: { readonly max: number; readonly ttl: Ms }) {
    this.#max = options.max
    this.#ttl = options.ttl
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K, now: SteadyMs): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (now - entry.at <= this.#ttl) return entry.value
    this.#entries.delete(key)
    return undefined
  }

  set(key: K, value: V, now: SteadyMs): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, at: now })
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#max && now - entry.at <= this.#ttl) break
      this.#entries.delete(oldest)
    }
  }

  delete(key: K): boolean {
    return this.#entries.delete(key)
  }
}
