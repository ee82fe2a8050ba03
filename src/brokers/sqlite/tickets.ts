import { type Deferred, deferred } from '../../lib/deferred.js'

/** Numbered waits of one session, so that an event can name the one it ends. */
export class Tickets {
  readonly #waiting = new Map<number, Deferred<void>>()
  #last = 0

  get waiting(): number {
    return this.#waiting.size
  }

  draw(): { readonly ticket: number; readonly rung: Promise<void> } {
    const ticket = ++this.#last
    const wait = deferred()
    this.#waiting.set(ticket, wait)
    return { ticket, rung: wait.promise }
  }

  /** Ends the wait; an unknown ticket is one that ended before. */
  ring(ticket: number): void {
    this.#waiting.get(ticket)?.resolve()
    this.#waiting.delete(ticket)
  }
}
