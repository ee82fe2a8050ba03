import { Heap } from '../lib/heap.js'
import type { EpochMs } from '../lib/time.js'

interface Place {
  readonly name: string
  readonly at: EpochMs
}

/** Who is to be looked at when. Putting and taking is O(log n); a name that is put again has its old place dropped. */
export class Agenda {
  readonly #heap = new Heap<Place>((a, b) => a.at < b.at)
  readonly #places = new Map<string, Place>()

  get size(): number {
    return this.#places.size
  }

  put(name: string, at: EpochMs): void {
    const place = { name, at }
    this.#places.set(name, place)
    this.#heap.push(place)
  }

  remove(name: string): void {
    this.#places.delete(name)
  }

  at(name: string): EpochMs | undefined {
    return this.#places.get(name)?.at
  }

  /** The earliest time; undefined when there is nobody. */
  next(): EpochMs | undefined {
    this.#dropStale()
    return this.#heap.peek()?.at
  }

  /** Takes out one whose time has come. */
  take(now: EpochMs): string | undefined {
    this.#dropStale()
    const first = this.#heap.peek()
    if (first === undefined || first.at > now) return undefined
    this.#heap.pop()
    this.#places.delete(first.name)
    return first.name
  }

  #dropStale(): void {
    for (;;) {
      const first = this.#heap.peek()
      if (first === undefined || this.#places.get(first.name) === first) return
      this.#heap.pop()
    }
  }
}
