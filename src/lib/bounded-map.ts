import type { Ms, SteadyMs } from './time.js'

/**
 * A map that forgets by generations: when the newer one holds `max / 2` entries or is older than `ttl`, it becomes the
 * older one and what was older is gone. So there are never more than `max` entries, one is remembered for at least `ttl`
 * unless `max / 2` newer ones came, and for no longer than twice that. Steady time is passed in.
 *
 * (One map from which the oldest leave one by one was the largest single cost of a worker's hot path: every look at the
 * oldest entry walks over those deleted before it.)
 */
export class BoundedMap<K, V> {
  readonly #half: number
  readonly #ttl: Ms
  #newer = new Map<K, V>()
  #older = new Map<K, V>()
  #since: SteadyMs | undefined

  constructor(options: { readonly max: number; readonly ttl: Ms }) {
    this.#half = Math.max(1, Math.floor(options.max / 2))
    this.#ttl = options.ttl
  }

  get size(): number {
    return this.#newer.size + this.#older.size
  }

  get(key: K, now: SteadyMs): V | undefined {
    this.#age(now)
    return this.#newer.get(key) ?? this.#older.get(key)
  }

  set(key: K, value: V, now: SteadyMs): void {
    this.#age(now)
    if (this.#newer.size >= this.#half && !this.#newer.has(key)) this.#turn(now)
    this.#older.delete(key)
    this.#newer.set(key, value)
  }

  delete(key: K): boolean {
    const newer = this.#newer.delete(key)
    return this.#older.delete(key) || newer
  }

  /** Generations follow each other without gaps, however rarely somebody looks. */
  #age(now: SteadyMs): void {
    this.#since ??= now
    const passed = now - this.#since
    if (passed <= this.#ttl) return
    if (passed > 2 * this.#ttl) {
      this.#newer = new Map()
      this.#turn(now)
    } else this.#turn(this.#since + this.#ttl)
  }

  #turn(since: SteadyMs): void {
    this.#older = this.#newer
    this.#newer = new Map()
    this.#since = since
  }
}
