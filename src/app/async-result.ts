import { parseDuration } from '../lib/duration.js'
import { LovageError } from '../lib/errors.js'
import type { Ms } from '../lib/time.js'
import { type TaskId, taskId } from '../protocol/ids.js'
import type { ResultMeta, ResultTuple, State } from '../protocol/result-meta.js'
import { holdsException, isFinal } from '../protocol/states.js'
import { badOption } from './call-options.js'
import { runningTask } from './current-task.js'
import { type TaskError, TimeoutError, taskErrorOf } from './errors.js'
import { type ProgressStep, progressSteps } from './progress-stream.js'
import type { AnyResult, GetOptions, ResultLineage, ResultSource } from './result.js'
import { readTaskLog, type TaskLogLine, taskLogId } from './task-log.js'
import { watchRecords } from './watch-records.js'

export interface AsyncResultParts extends ResultLineage {
  /** No result will be stored: `get` returns undefined at once. */
  readonly ignored?: boolean | undefined
  /** Known already, because the task ran in the caller. */
  readonly meta?: ResultMeta | undefined
}

/** The result of one task, by its id: to be waited for, looked at, or forgotten. */
export class AsyncResult<T> implements AnyResult {
  readonly kind = 'task'
  readonly id: TaskId
  readonly parent: AnyResult | undefined
  readonly rootId: TaskId | undefined
  /** No result is stored for this call. */
  readonly ignored: boolean
  readonly #source: ResultSource
  /** The final record, once seen: it does not change any more. */
  #final: ResultMeta | undefined

  constructor(id: TaskId, source: ResultSource, parts: AsyncResultParts = {}) {
    this.id = id
    this.parent = parts.parent
    this.rootId = parts.rootId
    this.ignored = parts.ignored ?? false
    this.#source = source
    this.#final = parts.meta
  }

  /**
   * Waits for the end and returns the value. Throws what the task failed with (`TaskError`, `TaskRevokedError`,
   * `TimeLimitExceeded` …), `TimeoutError` when it took too long, `ConfigError` `LVG_NO_RESULT_BACKEND` without a backend.
   */
  get(options: GetOptions & { readonly propagate: false }): Promise<T | TaskError>
  get(options?: GetOptions): Promise<T>
  async get(options: GetOptions = {}): Promise<T | TaskError> {
    // Celery answers null; a task that returns nothing gives undefined here as well.
    if (this.ignored) return undefined as T
    const meta = this.#final ?? (await this.#wait(options))
    // The task's own type says what a stored success holds.
    if (meta.status === 'SUCCESS') return meta.result as T
    // Run in the caller, a task may have ended as ignored or rejected: nothing is known of it, as Celery has it.
    if (!holdsException(meta.status)) return undefined as T
    const error = errorOf(meta)
    if (options.propagate === false) return error
    throw error
  }

  /** The stored record; `PENDING` when there is none. */
  async meta(): Promise<ResultMeta> {
    if (this.#final !== undefined) return this.#final
    const backend = await this.#source.resultBackend()
    return this.#remember((await backend.fetch(this.id)) ?? pending(this.id))
  }

  async state(): Promise<State> {
    return (await this.meta()).status
  }

  /** It has ended, however. */
  async ready(): Promise<boolean> {
    return isFinal(await this.state())
  }

  async successful(): Promise<boolean> {
    return (await this.state()) === 'SUCCESS'
  }

  async failed(): Promise<boolean> {
    return (await this.state()) === 'FAILURE'
  }

  /** The value, the error of a failure, or what `updateState` and `progress` stored; undefined while nothing is. */
  async info(): Promise<unknown> {
    const meta = await this.meta()
    return meta.error === undefined ? meta.result : errorOf(meta)
  }

  /**
   * The steps of the task, pushed where the store can: what `progress` and `updateState` stored, then its final state, which
   * is the last step. Throws `TimeoutError` when it has not ended in time.
   */
  async *progress(options: Omit<GetOptions, 'propagate'> = {}): AsyncGenerator<ProgressStep, void, undefined> {
    if (this.ignored) return
    if (options.allowInTask !== true) refuseInTask(this.id)
    using limit = this.#limit(this.#timeoutOf(options), options.signal)
    yield* progressSteps(this.id, this.#source, limit.signal)
  }

  /** What the task has written with `currentTask().log`, its last lines: where the worker has `taskLogs` on. */
  async log(): Promise<readonly TaskLogLine[]> {
    const id = taskLogId(this.id)
    const backend = await this.#source.resultBackend()
    return id === undefined ? [] : readTaskLog((await backend.fetch(id))?.result)
  }

  /** The same, anew whenever there are more, until the task has ended. */
  async *followLog(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<readonly TaskLogLine[], void> {
    const logId = taskLogId(this.id)
    const { signal = new AbortController().signal } = options
    for await (const meta of watchRecords(logId === undefined ? [this.id] : [logId, this.id], this.#source, signal)) {
      if (meta.taskId === logId) yield readTaskLog(meta.result)
      else if (isFinal(meta.status)) break
    }
    yield await this.log()
  }

  /** Results of what the task published. Empty while the task has not ended. */
  async children(): Promise<readonly AnyResult[]> {
    const { children } = await this.meta()
    return (children ?? []).map(tuple => this.#source.resultOf(tuple))
  }

  /** `[[id, parent], null]` as data: Celery's `as_tuple`. */
  asTuple(): ResultTuple {
    return { id: this.id, parent: this.parent?.asTuple(), members: undefined }
  }

  /**
   * Tells every worker that this task is not to begin, and the result store, for workers that start later; with `terminate`
   * it is ended where it runs. Resolves when that is told and kept, whether it was in time or not; see `app.control.revoke`.
   */
  async revoke(options: { readonly terminate?: boolean; readonly signal?: string } = {}): Promise<void> {
    await this.#source.control.revoke(this.id, options)
  }

  /** Deletes the stored record, and those of its parents. */
  async forget(): Promise<void> {
    const ids: TaskId[] = []
    for (let link: AnyResult | undefined = this; link !== undefined; link = link.parent) {
      // A group has no record; its members have.
      if (link.kind === 'group') await link.forget()
      else ids.push(...recordsOf(link.id))
    }
    this.#final = undefined
    const backend = await this.#source.resultBackend()
    await backend.forget(ids)
  }

  async #wait(options: GetOptions): Promise<ResultMeta> {
    if (options.allowInTask !== true) refuseInTask(this.id)
    await this.#source.resultBackend()
    const timeout = this.#timeoutOf(options)
    if (timeout === undefined && options.signal === undefined) {
      return this.#remember(await this.#source.waitFor(this.id, undefined))
    }
    using limit = this.#limit(timeout, options.signal)
    return this.#remember(await this.#source.waitFor(this.id, limit.signal))
  }

  #timeoutOf(options: Pick<GetOptions, 'timeout'>): Ms | undefined {
    const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout)
    if (options.timeout === undefined || timeout !== undefined) return timeout
    throw badOption(this.id, 'timeout', "seconds, or text such as '5m'", options.timeout)
  }

  /** A signal that fires when the given one does or the time is up. */
  #limit(timeout: Ms | undefined, signal: AbortSignal | undefined): Disposable & { readonly signal: AbortSignal } {
    const stop = new AbortController()
    const relay = (): void => stop.abort(signal?.reason)
    if (signal?.aborted) relay()
    signal?.addEventListener('abort', relay, { once: true })
    const timer =
      timeout === undefined
        ? undefined
        : this.#source.runtime.clock.timer(timeout, () => stop.abort(new TimeoutError(this.id, timeout)))
    return {
      signal: stop.signal,
      [Symbol.dispose]: () => {
        timer?.[Symbol.dispose]()
        signal?.removeEventListener('abort', relay)
      },
    }
  }

  #remember(meta: ResultMeta): ResultMeta {
    if (isFinal(meta.status)) this.#final = meta
    return meta
  }
}

function pending(taskId: TaskId): ResultMeta {
  return {
    taskId,
    status: 'PENDING',
    result: undefined,
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
  }
}

function errorOf(meta: ResultMeta): TaskError {
  const unknown = { type: meta.status === 'REVOKED' ? 'TaskRevokedError' : 'Exception', args: [], module: null }
  return taskErrorOf(meta.error ?? unknown, meta.traceback)
}

function refuseInTask(id: TaskId): void {
  const context = runningTask()
  if (context === undefined || context.isEager) return
  throw new LovageError(
    'LVG_RESULT_IN_TASK',
    `Task ${context.task} waits for the result of ${id}. A task that waits keeps its slot, and workers that wait for each other stand still. Use \`link\` or a chain; or, when another worker runs it, get({ allowInTask: true }).`,
  )
}

/** The record of a task, and that of its log. */
function recordsOf(id: string): readonly TaskId[] {
  const own = taskId(id)
  const log = taskLogId(own)
  return log === undefined ? [own] : [own, log]
}
