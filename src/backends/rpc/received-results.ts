import { BoundedMap } from '../../lib/bounded-map.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { TaskId } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { State } from '../../protocol/result-meta.js'
import { judgeStore } from '../judge-store.js'

/** The newest message about a task, unread: whoever reads gets a value of its own. */
export interface ReceivedResult {
  readonly taskId: TaskId
  readonly status: State
  readonly message: Message
}

type Listener = (result: ReceivedResult) => void

/** Remembered for sure; Celery keeps as many for which nobody waits yet (celery/backends/asynchronous.py). */
const KEPT = 8192

/**
 * What came to the reply queue. A message may come twice, or late: what is final stays (judge-store.ts). When many more
 * come than anybody asks for, the oldest are forgotten.
 */
export class ReceivedResults {
  readonly #clock: Pick<Clock, 'steady'>
  readonly #results: BoundedMap<TaskId, ReceivedResult>
  readonly #listeners = new Map<TaskId, Set<Listener>>()

  constructor(clock: Pick<Clock, 'steady'>, ttl: Ms | undefined) {
    this.#clock = clock
    this.#results = new BoundedMap({ max: 2 * KEPT, ttl: ttl ?? Number.POSITIVE_INFINITY })
  }

  add(result: ReceivedResult): void {
    const { taskId, status } = result
    const stored = this.get(taskId)
    const known = stored === undefined ? undefined : { status: stored.status, fence: undefined }
    if (judgeStore(known, { status, fence: undefined }) !== 'write') return
    this.#results.set(taskId, result, this.#clock.steady())
    for (const tell of this.#listeners.get(taskId) ?? []) tell(result)
  }

  get(id: TaskId): ReceivedResult | undefined {
    return this.#results.get(id, this.#clock.steady())
  }

  forget(ids: readonly TaskId[]): void {
    for (const id of ids) this.#results.delete(id)
  }

  /** Tells what is there of each id, then, until disposed, everything that comes. */
  listen(ids: ReadonlySet<TaskId>, tell: Listener): Disposable {
    for (const id of ids) {
      const listeners = this.#listeners.get(id)
      if (listeners === undefined) this.#listeners.set(id, new Set([tell]))
      else listeners.add(tell)
      const present = this.get(id)
      if (present !== undefined) tell(present)
    }
    return { [Symbol.dispose]: () => this.#unlisten(ids, tell) }
  }

  #unlisten(ids: ReadonlySet<TaskId>, tell: Listener): void {
    for (const id of ids) {
      const listeners = this.#listeners.get(id)
      listeners?.delete(tell)
      if (listeners?.size === 0) this.#listeners.delete(id)
    }
  }
}
