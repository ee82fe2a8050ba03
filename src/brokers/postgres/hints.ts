import { deferred } from '../../lib/deferred.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'

/** The first look after something happened, and the last while nothing does. */
const POLL_FIRST: Ms = 1
const POLL_LAST: Ms = 250
/** Within it nobody is notified again (D3g); a little more, for the way. */
const NOTIFY_PAUSE: Ms = 60

/**
 * When it is worth while to claim again.
 *
 * Three things say so: a notification, which is only a hint (it may be lost, or there is none behind a pooler); a delayed
 * message that becomes due; and time, which is the guarantee. Time is short after something was found: while NOTIFY keeps
 * its pause of 50 ms, an eighth of what has gone by since, so that a burst is followed closely; then half of it, up to an
 * idle queue that is asked four times a second. A queue that nothing comes to is not asked more often because another is busy: on
 * one connection, each look in vain would stand before a claim.
 *
 * A hint that comes before anybody waits is kept: `stale` until a claim of that queue begins after it.
 */
export class Hints {
  readonly #clock: Clock
  readonly #stale = new Set<number>()
  readonly #waiting = new Map<() => void, ReadonlySet<number>>()
  /** Queue → when something was found in it, or put into it, last. */
  readonly #activeAt = new Map<number, SteadyMs>()
  readonly #began: SteadyMs
  #dueAt: SteadyMs | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#began = clock.steady()
  }

  /** A claim of these queues begins: what it will not see comes with a hint after this. */
  claiming(queues: readonly number[]): void {
    for (const queue of queues) this.#stale.delete(queue)
  }

  /** Something may be in these queues; undefined: nobody knows in which. */
  hint(queues: readonly number[] | undefined): void {
    for (const queue of queues ?? []) this.#stale.add(queue)
    for (const [ring, wanted] of [...this.#waiting]) {
      if (queues === undefined || queues.some(queue => wanted.has(queue))) ring()
    }
  }

  /** Something was found in these queues, or put there by this session. */
  active(queues: readonly number[]): void {
    const now = this.#clock.steady()
    for (const queue of queues) this.#activeAt.set(queue, now)
  }

  /** When the next delayed message is due; undefined: there is none. */
  due(inMs: Ms | undefined): void {
    this.#dueAt = inMs === undefined ? undefined : this.#clock.steady() + inMs
  }

  /** Resolves when one of the queues is worth a claim, or the signal fires. */
  async wait(queues: readonly number[], signal: AbortSignal): Promise<void> {
    if (signal.aborted || queues.some(queue => this.#stale.has(queue))) return
    const rung = deferred()
    const ring = (): void => rung.resolve()
    this.#waiting.set(ring, new Set(queues))
    signal.addEventListener('abort', ring, { once: true })
    using _timer = this.#clock.timer(this.#pause(queues), ring)
    try {
      await rung.promise
    } finally {
      this.#waiting.delete(ring)
      signal.removeEventListener('abort', ring)
    }
  }

  /** Everybody rises. */
  end(): void {
    this.hint(undefined)
  }

  #pause(queues: readonly number[]): Ms {
    const now = this.#clock.steady()
    const idle = now - Math.max(this.#began, ...queues.map(queue => this.#activeAt.get(queue) ?? this.#began))
    const byTime = Math.min(Math.max(idle / (idle < NOTIFY_PAUSE ? 8 : 2), POLL_FIRST), POLL_LAST)
    return this.#dueAt === undefined ? byTime : Math.max(0, Math.min(byTime, this.#dueAt - now))
  }
}
