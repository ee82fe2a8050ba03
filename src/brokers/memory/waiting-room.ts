import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'

interface Waiter {
  readonly queues: readonly QueueName[]
  wake(): void
}

/** Sessions that wait for something to claim. */
export class WaitingRoom {
  readonly #waiters = new Map<QueueName, Set<Waiter>>()
  readonly #lookAgain: Ms

  /** `lookAgain`: steps of the wall clock move due times; a waiter looks again at least this often. */
  constructor(lookAgain: Ms) {
    this.#lookAgain = lookAgain
  }

  /** Resolves on `wake` of one of the queues, when `dueIn` has passed, or when the signal fires. */
  wait(queues: readonly QueueName[], dueIn: Ms | undefined, clock: Clock, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const wake = (): void => {
        timer?.[Symbol.dispose]()
        signal.removeEventListener('abort', wake)
        this.#leave(waiter)
        resolve()
      }
      const waiter: Waiter = { queues, wake }
      const timer = dueIn === undefined ? undefined : clock.timer(Math.min(Math.max(0, dueIn), this.#lookAgain), wake)
      signal.addEventListener('abort', wake)
      this.#enter(waiter)
    })
  }

  /** The date was changed: all look again. */
  wakeAll(): void {
    for (const queue of [...this.#waiters.keys()]) this.wake(queue)
  }

  wake(queue: QueueName): void {
    for (const waiter of [...(this.#waiters.get(queue) ?? [])]) waiter.wake()
  }

  #enter(waiter: Waiter): void {
    for (const queue of waiter.queues) {
      const waiters = this.#waiters.get(queue)
      if (waiters === undefined) this.#waiters.set(queue, new Set([waiter]))
      else waiters.add(waiter)
    }
  }

  #leave(waiter: Waiter): void {
    for (const queue of waiter.queues) {
      const waiters = this.#waiters.get(queue)
      if (waiters?.delete(waiter) && waiters.size === 0) this.#waiters.delete(queue)
    }
  }
}
