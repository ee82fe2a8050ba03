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
  return {
    taskId: request.id,
    status,
    result: parts.result,
    error: parts.error,
    traceback: parts.traceback,
    children: parts.children ?? [],
    dateDone: isFinal(status) ? context.dateDone : undefined,
    ...(request.group === undefined ? {} : { groupId: request.group }),
    ...(request.parentId === undefined ? {} : { parentId: request.parentId }),
    ...(policy.resultExtended ? { extended: extended(context) } : {}),
    ...(parts.intent === undefined ? {} : { intent: parts.intent }),
  }
}

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
