import type { GroupId, TaskId, TaskName } from './ids.js'

/** PENDING is never stored: it means "no record". Any other string is a custom state. Source: celery/states.py. */
export type State = 'PENDING' | 'RECEIVED' | 'STARTED' | 'RETRY' | 'SUCCESS' | 'FAILURE' | 'REVOKED' | (string & {})

/**
 * An exception as it is stored: `{exc_type, exc_message, exc_module}`. Kept untouched when it came from another
 * language, so that it can be written back unchanged. Nothing is ever imported or constructed by these names.
 */
export interface ExceptionInfo {
  readonly type: string
  /** Constructor arguments. */
  readonly args: readonly unknown[]
  readonly module: string | null
}

/** `[[id, parent], members|null]` of celery/result.py:as_tuple, as data. */
export interface ResultTuple {
  readonly id: TaskId | GroupId
  readonly parent: ResultTuple | undefined
  /** Present for groups. */
  readonly members: readonly ResultTuple[] | undefined
}

/** The stored record of a task. Source: celery/backends/base.py:_get_result_meta. */
export interface ResultMeta {
  readonly taskId: TaskId
  readonly status: State
  /** The value for SUCCESS, custom meta for custom states; undefined where `error` holds an exception. */
  readonly result: unknown
  /** Set for FAILURE, RETRY, REVOKED. */
  readonly error: ExceptionInfo | undefined
  readonly traceback: string | undefined
  readonly children: readonly ResultTuple[] | undefined
  /** ISO 8601 with offset; set for final states. */
  readonly dateDone: string | undefined
  readonly groupId?: GroupId
  readonly parentId?: TaskId
  /** With `resultExtended`. */
  readonly extended?: ExtendedMeta
  /**
   * Before an end: which of the tasks that have replaced each other under this id it tells of, by how many were there before it;
   * absent = the first. Ignored by other languages.
   */
  readonly nesting?: number
  /** With RETRY: the next attempt, so that a replay can publish the very same copy (D51). Ignored by other languages. */
  readonly intent?: RetryIntent
}

export interface ExtendedMeta {
  readonly name: TaskName | undefined
  readonly args: readonly unknown[] | undefined
  readonly kwargs: Readonly<Record<string, unknown>> | undefined
  readonly worker: string | undefined
  readonly retries: number | undefined
  readonly queue: string | undefined
  readonly stampedHeaders?: readonly string[]
  readonly stamps?: Readonly<Record<string, unknown>>
}

export interface RetryIntent {
  /** `retries` of the copy. */
  readonly retries: number
  /** Wall time of the copy's eta. */
  readonly eta: number
  /** Where the handler asked for others than those of this attempt. */
  readonly args?: readonly unknown[]
  readonly kwargs?: Readonly<Record<string, unknown>>
}

export interface GroupMeta {
  readonly id: GroupId
  readonly parent: ResultTuple | undefined
  readonly members: readonly ResultTuple[]
}
