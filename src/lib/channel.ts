import { type Deferred, deferred } from './deferred.js'

/**
 * An unbounded queue between one producer side and one consumer loop. `close` lets the consumer drain what is there;
 * `take` empties it at once, for handing back. Bounding is the producer's duty (prefetch windows, budgets).
 */
export class Channel<T> implements AsyncIterable<T> {
  #items: T[] = []
  #head = 0
  #closed = false
  #waiter: Deferred<void> | undefined

  get size(): number {
    return this.#items.length - this.#head
  }

  get closed(): boolean {
    return this.#closed
  }

  /** False when the channel is closed: the item was not taken. */
  push(item: T): boolean {
    if (this.#closed) return false
    this.#items.push(item)
    this.#wake()
    return true
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  /** Removes and returns everything that waits. */
  take(): T[] {
    const items = this.#head === 0 ? this.#items : this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    return items
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      while (this.size > 0) {
        const item = this.#items[this.#head++] as T
        if (this.#head === this.#items.length) this.take()
        yield item
      }
      if (this.#closed) return
      this.#waiter ??= deferred()
      await this.#waiter.promise
    }
  }

  #wake(): void {
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.resolve()
  }
}
