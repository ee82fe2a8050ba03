import type { Control } from '../control/control.js'
import type { Ms } from '../lib/time.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Duration } from './task-options.js'
import type { RecordSource } from './watch-records.js'

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

/** What becomes of a task or a group: `AsyncResult` or `GroupResult`. */
export interface AnyResult {
  readonly kind: 'task' | 'group'
  readonly id: TaskId | GroupId
  /** The step before this one in a chain; the header, for the body of a chord. */
  readonly parent: AnyResult | undefined
  /** What all tasks of its workflow have in common (`app.control.revokeByRoot`); undefined where this app did not send it. */
  readonly rootId: TaskId | undefined
  get(options?: GetOptions): Promise<unknown>
  ready(): Promise<boolean>
  successful(): Promise<boolean>
  failed(): Promise<boolean>
  /** Results of what was published by it, or the members. */
  children(): Promise<readonly AnyResult[]>
  forget(): Promise<void>
  /** `[[id, parent], members]` as data: Celery's `as_tuple`. */
  asTuple(): ResultTuple
}

/** Where a result stands in its workflow. */
export interface ResultLineage {
  /** The step before this one in a chain. */
  readonly parent?: AnyResult | undefined
  readonly rootId?: TaskId | undefined
}

/** Where results come from. */
export interface ResultSource extends RecordSource {
  /** How long records are kept; undefined = for ever. */
  readonly resultExpires: Ms | undefined
  /** The final record, pushed. */
  waitFor(id: TaskId, signal: AbortSignal | undefined): Promise<ResultMeta>
  /** What a tuple stands for, its parents included. */
  resultOf(tuple: ResultTuple): AnyResult
  readonly control: Pick<Control, 'revoke'>
}
