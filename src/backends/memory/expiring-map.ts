import { Heap } from '../../lib/heap.js'
import type { Ms, SteadyMs } from '../../lib/time.js'

interface Entry<K, V> {
  readonly key: K
  value: V | undefined
  /** Infinity = never. */
  expiresAt: SteadyMs
  /** Where its one place in the heap says it expires: never later than `expiresAt` says. */
  dueAt: SteadyMs
}

/** Places in the heap beyond this, and beyond twice the map's size, belong to deleted entries and are thrown out. */
const MIN_COMPACT = 64

/**
 * A map whose entries leave when their time is over: seen as absent from that instant on, dropped by `sweep`, which
 * costs O(log n) for each entry it looks at. Steady time is passed in.
 */
export class ExpiringMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  #heap = new Heap<Entry<K, V>>((a, b) => a.dueAt < b.dueAt)

  /** Expired ones that no sweep has met count. */
  get size(): number {
    return this.#entries.size
  }

  get(key: K, now: SteadyMs): V | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined || entry.expiresAt <= now ? undefined : entry.value
  }

  /** `ttl` undefined = for ever. */
  set(key: K, value: V, ttl: Ms | undefined, now: SteadyMs): void {
    const expiresAt = ttl === undefined ? Number.POSITIVE_INFINITY : now + ttl
    const known = this.#entries.get(key)
    if (known !== undefined && known.dueAt <= expiresAt) {
      known.value = value
      known.expiresAt = expiresAt
      return
    }
    if (known !== undefined) known.value = undefined
    const entry: Entry<K, V> = { key, value, expiresAt, dueAt: expiresAt }
    this.#entries.set(key, entry)
    if (ttl !== undefined) this.#heap.push(entry)
    this.#compact()
  }

  /** In the order in which they first came. */
  *keys(now: SteadyMs): Iterable<K> {
    for (const [key, { expiresAt }] of this.#entries) if (expiresAt > now) yield key
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    entry.value = undefined
    this.#compact()
    return true
  }

  /** Drops what has expired; returns how many that were. */
  sweep(now: SteadyMs): number {
    let dropped = 0
    for (let next = this.#heap.peek(); next !== undefined && next.dueAt <= now; next = this.#heap.peek()) {
      this.#heap.pop()
      if (this.#entries.get(next.key) !== next) continue
      if (next.expiresAt <= now) {
        this.#entries.delete(next.key)
        dropped++
      } else {
        next.dueAt = next.expiresAt
        if (next.dueAt !== Number.POSITIVE_INFINITY) this.#heap.push(next)
      }
    }
    return dropped
  }

  #compact(): void {
    if (this.#heap.size < MIN_COMPACT || this.#heap.size <= 2 * this.#entries.size) return
    const old = this.#heap
    this.#heap = new Heap<Entry<K, V>>((a, b) => a.dueAt < b.dueAt)
    for (const entry of old) if (this.#entries.get(entry.key) === entry) this.#heap.push(entry)
  }
}
