import type {
  ExceptionInfo,
  ExtendedMeta,
  ResultMeta,
  ResultTuple,
  RetryIntent,
  State,
} from '../protocol/result-meta.js'
import type { SettleContext } from './settle-context.js'
import { isFinal } from './states.js'

export interface RecordParts {
  readonly result?: unknown
  readonly error?: ExceptionInfo
  readonly traceback?: string | undefined
  readonly children?: readonly ResultTuple[]
  readonly intent?: RetryIntent
}

/** The record of this task in the given state, as Celery would write it (results.md §2). */
export function resultRecord(status: State, parts: RecordParts, context: SettleContext): ResultMeta {
  const { request, policy } = context
  const record: Writable<ResultMeta> = {
    taskId: request.id,
    status,
    result: parts.result,
    error: parts.error,
    traceback: parts.traceback,
    children: parts.children ?? [],
    dateDone: isFinal(status) ? context.dateDone : undefined,
  }
  // Spreading what most tasks have not would copy the record four times.
  if (request.group !== undefined) record.groupId = request.group
  if (request.parentId !== undefined) record.parentId = request.parentId
  if (policy.resultExtended) record.extended = extended(context)
  if (request.replacedTaskNesting > 0 && !isFinal(status)) record.nesting = request.replacedTaskNesting
  if (parts.intent !== undefined) record.intent = parts.intent
  return record
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

function extended({ request, worker, delivery }: SettleContext): ExtendedMeta {
  return {
    name: request.task,
    args: request.args,
    kwargs: request.kwargs,
    worker,
    retries: request.retries,
    queue: delivery.routingKey,
    ...(request.stampedHeaders === undefined ? {} : { stampedHeaders: request.stampedHeaders, stamps: request.stamps }),
  }
}
