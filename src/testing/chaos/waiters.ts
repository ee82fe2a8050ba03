import { type Deferred, deferred } from '../../lib/deferred.js'

/** Those who wait for something to change: all are woken together, and look for themselves what it was. */
export class Waiters {
  #next: Deferred<void> = deferred()
  #over = false

  async wait(): Promise<void> {
    if (!this.#over) await this.#next.promise
  }

  wake(): void {
    const woken = this.#next
    this.#next = deferred()
    woken.resolve()
  }

  /** From now on nobody waits. */
  end(): void {
    this.#over = true
    this.wake()
  }
}
