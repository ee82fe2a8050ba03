import { Heap } from '../lib/heap.js'
import type { Clock } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'

interface Entry<T> {
  readonly at: number
  readonly order: number
  readonly item: T
  cancelled: boolean
}

/**
 * Many instants, one timer: rings for each item when its instant has come, earliest first, equal ones in the order they
 * were set. `time` says which clock the instants belong to. On the wall clock, which may step, the heap is looked at
 * again at least every second, so no jump can make an item late by more than that (D96).
 */
export class Alarm<T> implements Disposable {
  readonly #clock: Clock
  readonly #time: 'wall' | 'steady'
  readonly #ring: (item: T) => void
  readonly #heap = new Heap<Entry<T>>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  #timer: { readonly due: number; readonly handle: Disposable } | undefined
  #order = 0
  #live = 0

  constructor(clock: Clock, time: 'wall' | 'steady', ring: (item: T) => void) {
    this.#clock = clock
    this.#time = time
    this.#ring = ring
  }

  /** Items set and neither rung nor cancelled. */
  get size(): number {
    return this.#live
  }

  set(at: number, item: T): Disposable {
    const entry: Entry<T> = { at, order: this.#order++, item, cancelled: false }
    this.#heap.push(entry)
    this.#live++
    this.#arm()
    return {
      [Symbol.dispose]: () => {
        if (entry.cancelled) return
        entry.cancelled = true
        this.#live--
        this.#prune()
      },
    }
  }

  /** Removes and returns all items, unrung. */
  clear(): readonly T[] {
    const items = [...this.#heap].filter(entry => !entry.cancelled).map(entry => entry.item)
    for (const entry of this.#heap) entry.cancelled = true
    this.#heap.clear()
    this.#live = 0
    this.#disarm()
    return items
  }

  [Symbol.dispose](): void {
    this.clear()
  }

  #now(): number {
    return this.#time === 'wall' ? this.#clock.now() : this.#clock.steady()
  }

  #arm(): void {
    const next = this.#heap.peek()
    if (next === undefined) {
      this.#disarm()
      return
    }
    const wait = this.#wait(next.at)
    const due = this.#clock.steady() + wait
    if (this.#timer !== undefined && this.#timer.due <= due) return
    this.#disarm()
    this.#timer = { due, handle: this.#clock.timer(wait, () => this.#look()) }
  }

  #wait(at: number): Ms {
    const wait = Math.max(0, at - this.#now())
    return this.#time === 'wall' ? Math.min(wait, WALL_CHECK) : wait
  }

  #disarm(): void {
    this.#timer?.handle[Symbol.dispose]()
    this.#timer = undefined
  }

  #look(): void {
    this.#timer = undefined
    const now = this.#now()
    for (let next = this.#heap.peek(); next !== undefined && next.at <= now; next = this.#heap.peek()) {
      this.#heap.pop()
      if (next.cancelled) continue
      next.cancelled = true
      this.#live--
      this.#ring(next.item)
    }
    this.#arm()
  }

  /** Cancelled entries leave lazily; when they are most of the heap, they leave at once. */
  #prune(): void {
    if (this.#live === 0) {
      this.#heap.clear()
      this.#disarm()
      return
    }
    if (this.#heap.size < 64 || this.#heap.size < 2 * this.#live) return
    const kept = [...this.#heap].filter(entry => !entry.cancelled)
    this.#heap.clear()
    for (const entry of kept) this.#heap.push(entry)
  }
}

const WALL_CHECK: Ms = 1000
