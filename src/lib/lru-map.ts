interface Link<K, V> {
  readonly key: K
  value: V
  older: Link<K, V> | undefined
  newer: Link<K, V> | undefined
}

/**
 * A map that keeps the `max` entries that were set last. Setting and deleting are O(1). (A `Map` alone would do, but a look
 * at its first entry walks over all that were deleted before it.)
 */
export class LruMap<K, V> {
  readonly #max: number
  readonly #links = new Map<K, Link<K, V>>()
  #oldest: Link<K, V> | undefined
  #newest: Link<K, V> | undefined

  constructor(max: number) {
    this.#max = Math.max(1, max)
  }

  get size(): number {
    return this.#links.size
  }

  /** Looking is no use of it: only `set` makes an entry the newest. */
  get(key: K): V | undefined {
    return this.#links.get(key)?.value
  }

  /** The entry that had to leave for it, if any. */
  set(key: K, value: V): V | undefined {
    const known = this.#links.get(key)
    if (known !== undefined) {
      known.value = value
      if (known !== this.#newest) {
        this.#unlink(known)
        this.#append(known)
      }
      return undefined
    }
    const link: Link<K, V> = { key, value, older: undefined, newer: undefined }
    this.#links.set(key, link)
    this.#append(link)
    return this.#links.size > this.#max ? this.shift() : undefined
  }

  delete(key: K): boolean {
    const link = this.#links.get(key)
    if (link === undefined) return false
    this.#links.delete(key)
    this.#unlink(link)
    return true
  }

  /** Takes out the oldest one. */
  shift(): V | undefined {
    const oldest = this.#oldest
    if (oldest === undefined) return undefined
    this.#links.delete(oldest.key)
    this.#unlink(oldest)
    return oldest.value
  }

  /** The newest first. */
  *values(): IterableIterator<V> {
    for (let link = this.#newest; link !== undefined; link = link.older) yield link.value
  }

  #append(link: Link<K, V>): void {
    link.older = this.#newest
    link.newer = undefined
    if (this.#newest === undefined) this.#oldest = link
    else this.#newest.newer = link
    this.#newest = link
  }

  #unlink({ older, newer }: Link<K, V>): void {
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
  }
}
