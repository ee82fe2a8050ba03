import type { ResultBackend } from '../backends/backend.js'
import { parseDuration } from '../lib/duration.js'
import { LovageError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { TaskId } from '../protocol/ids.js'
import type { ResultMeta, ResultTuple, State } from '../protocol/result-meta.js'
import { holdsException, isFinal } from '../protocol/states.js'
import { badOption } from './call-options.js'
import { runningTask } from './current-task.js'
import { type TaskError, TimeoutError, taskErrorOf } from './errors.js'
import type { Duration } from './task-options.js'

export interface GetOptions {
  /** Longest wait: seconds or `'5m'`; then `TimeoutError`. Default: for ever. */
  readonly timeout?: Duration | undefined
  /** Stops waiting; `get` rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  /** False: the error of a task that did not succeed is returned instead of thrown. Default true. */
  readonly propagate?: boolean | undefined
  /**
   * Wait although a task is running here. It holds its slot meanwhile, so workers that wait for each other can stand
   * still for ever: only for results of other workers. Default false.
   */
  readonly allowInTask?: boolean | undefined
}

/** Where results come from. */
export interface ResultSource {
  readonly runtime: Runtime
  /** Throws `LVG_NO_RESULT_BACKEND`. */
  resultBackend(): Promise<ResultBackend>
  /** The final record, pushed. */
  waitFor(id: TaskId, signal: AbortSignal | undefined): Promise<ResultMeta>
  result<T>(id: string): AsyncResult<T>
}

export interface AsyncResultParts {
  /** The step before this one in a chain. */
  readonly parent?: AsyncResult<unknown> | undefined
  /** No result will be stored: `get` returns undefined at once. */
  readonly ignored?: boolean | undefined
  /** Known already, because the task ran in the caller. */
  readonly meta?: ResultMeta | undefined
}

/** The result of one task, by its id: to be waited for, looked at, or forgotten. */
export class AsyncResult<T> {
  readonly id: TaskId
  readonly parent: AsyncResult<unknown> | undefined
  /** No result is stored for this call. */
  readonly ignored: boolean
  readonly #source: ResultSource
  /** The final record, once seen: it does not change any more. */
  #final: ResultMeta | undefined

  constructor(id: TaskId, source: ResultSource, parts: AsyncResultParts = {}) {
    this.id = id
    this.parent = parts.parent
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

  /** Results of what the task published; members in place of groups. Empty while the task has not ended. */
  async children(): Promise<readonly AsyncResult<unknown>[]> {
    const { children } = await this.meta()
    return leaves(children ?? []).map(tuple => this.#source.result(tuple.id))
  }

  /** Deletes the stored record, and those of its parents. */
  async forget(): Promise<void> {
    const ids: TaskId[] = []
    for (let link: AsyncResult<unknown> | undefined = this; link !== undefined; link = link.parent) ids.push(link.id)
    this.#final = undefined
    const backend = await this.#source.resultBackend()
    await backend.forget(ids)
  }

  async #wait(options: GetOptions): Promise<ResultMeta> {
    if (options.allowInTask !== true) refuseInTask(this.id)
    await this.#source.resultBackend()
    const timeout = options.timeout === undefined ? undefined : parseDuration(options.timeout)
    if (options.timeout !== undefined && timeout === undefined) {
      throw badOption(this.id, 'timeout', "seconds, or text such as '5m'", options.timeout)
    }
    if (timeout === undefined && options.signal === undefined) {
      return this.#remember(await this.#source.waitFor(this.id, undefined))
    }
    using limit = this.#limit(timeout, options.signal)
    return this.#remember(await this.#source.waitFor(this.id, limit.signal))
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

function leaves(tuples: readonly ResultTuple[]): readonly ResultTuple[] {
  return tuples.flatMap(tuple => (tuple.members === undefined ? [tuple] : leaves(tuple.members)))
}

function refuseInTask(id: TaskId): void {
  const context = runningTask()
  if (context === undefined || context.isEager) return
  throw new LovageError(
    'LVG_RESULT_IN_TASK',
    `Task ${context.task} waits for the result of ${id}. A task that waits keeps its slot, and workers that wait for each other stand still. Use \`link\` or a chain; or, when another worker runs it, get({ allowInTask: true }).`,
  )
}
