import type { ResultBackend } from '../backends/backend.js'
import { BackendError } from '../backends/errors.js'
import { type BackoffRule, backoff } from '../lib/backoff.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { endOfTurn } from '../lib/node-turn.js'
import type { Runtime } from '../lib/runtime.js'
import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { isFinal } from '../protocol/states.js'

const WATCH_BACKOFF: BackoffRule = { first: 50, cap: 1000 }

/** Ids that are watched together. Those whose final state came, or for which nobody waits any more, leave. */
interface Batch {
  readonly left: Set<TaskId>
  readonly over: AbortController
}

/**
 * Waits for final states on behalf of many: everything that is asked for in one turn of the event loop shares one
 * `backend.watch`, and an id that is being watched already is not watched twice. A watch that fails for a passing reason
 * is opened again; since every watch begins with the present record, nothing that happened in between is missed (H56).
 */
export class ResultWatcher implements AsyncDisposable {
  readonly #runtime: Runtime
  readonly #backend: () => Promise<ResultBackend>
  readonly #waiting = new Map<TaskId, { readonly waiters: Set<Deferred<ResultMeta>>; batch: Batch | undefined }>()
  readonly #batches = new Set<{ readonly batch: Batch; readonly done: Promise<void> }>()
  #fresh: TaskId[] = []

  constructor(runtime: Runtime, backend: () => Promise<ResultBackend>) {
    this.#runtime = runtime
    this.#backend = backend
  }

  /** Resolves to the final record. Rejects with `signal.reason`, or with a `BackendError` that waiting will not cure. */
  wait(id: TaskId, signal: AbortSignal | undefined): Promise<ResultMeta> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const waiter = deferred<ResultMeta>()
    this.#entry(id).waiters.add(waiter)
    if (signal === undefined) return waiter.promise
    const leave = (): void => {
      this.#leave(id, waiter)
      waiter.reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    return waiter.promise.finally(() => signal.removeEventListener('abort', leave))
  }

  /** Whoever still waits is told that the app is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new BackendError('LVG_CLOSED', 'The app was closed while this result was waited for.', {
      transient: false,
    })
    for (const id of [...this.#waiting.keys()]) this.#reject(id, closed)
    await Promise.all([...this.#batches].map(({ done }) => done))
  }

  #entry(id: TaskId): { readonly waiters: Set<Deferred<ResultMeta>>; batch: Batch | undefined } {
    const known = this.#waiting.get(id)
    if (known !== undefined) return known
    const entry = { waiters: new Set<Deferred<ResultMeta>>(), batch: undefined }
    this.#waiting.set(id, entry)
    if (this.#fresh.push(id) === 1) queueMicrotask(() => this.#flush())
    return entry
  }

  #flush(): void {
    const ids = this.#fresh.filter(id => this.#waiting.has(id))
    this.#fresh = []
    if (ids.length === 0) return
    const batch: Batch = { left: new Set(ids), over: new AbortController() }
    for (const id of ids) {
      const entry = this.#waiting.get(id)
      if (entry !== undefined) entry.batch = batch
    }
    const record = { batch, done: this.#run(batch).finally(() => this.#batches.delete(record)) }
    this.#batches.add(record)
  }

  /** Never rejects. */
  async #run(batch: Batch): Promise<void> {
    const { signal } = batch.over
    for (let attempt = 0; batch.left.size > 0; attempt++) {
      try {
        const backend = await this.#backend()
        for await (const meta of backend.watch([...batch.left], signal)) {
          attempt = 0
          if (isFinal(meta.status)) this.#settle(meta)
        }
      } catch (error) {
        if (!(error instanceof BackendError && error.transient) && !signal.aborted) {
          for (const id of [...batch.left]) this.#reject(id, error)
        }
      }
      if (batch.left.size > 0) await this.#pause(attempt, signal)
    }
  }

  async #pause(attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#runtime
    // Rejects only when the last waiter has left, which the loop sees by itself.
    await clock.sleep(backoff(attempt, WATCH_BACKOFF, random), signal).catch(() => undefined)
  }

  #settle(meta: ResultMeta): void {
    const entry = this.#waiting.get(meta.taskId)
    const over = this.#drop(meta.taskId)
    for (const waiter of entry?.waiters ?? []) waiter.resolve(meta)
    // Whoever waited goes on first.
    if (over !== undefined) endOfTurn(() => over.abort())
  }

  #reject(id: TaskId, error: unknown): void {
    const entry = this.#waiting.get(id)
    this.#drop(id)?.abort()
    for (const waiter of entry?.waiters ?? []) waiter.reject(error)
  }

  #leave(id: TaskId, waiter: Deferred<ResultMeta>): void {
    const entry = this.#waiting.get(id)
    entry?.waiters.delete(waiter)
    if (entry?.waiters.size === 0) this.#drop(id)?.abort()
  }

  /** Ends nothing: answers what ends a batch of which nobody is left. */
  #drop(id: TaskId): AbortController | undefined {
    const batch = this.#waiting.get(id)?.batch
    this.#waiting.delete(id)
    if (batch === undefined) return undefined
    batch.left.delete(id)
    return batch.left.size === 0 ? batch.over : undefined
  }
}
