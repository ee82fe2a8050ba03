import type { Runtime } from '../lib/runtime.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { formatIso } from '../protocol/iso8601.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo, ResultMeta, State } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { autoRetries } from './auto-retries.js'
import { bindArguments } from './bind-arguments.js'
import { runInTask } from './current-task.js'
import { MaxRetriesExceededError, type RetryRequest } from './errors.js'
import { type HandlerWish, handlerWish } from './handler-wish.js'
import { exceededLimit } from './retry-limit.js'
import type { Runnable } from './runnable-of.js'
import { type OpenChord, TaskContext } from './task-context.js'
import type { TaskPolicy } from './task-options.js'

/** How a task that ran in the caller ended. `error`: what the handler threw, itself. */
export type EagerEnd =
  | { readonly kind: 'ended'; readonly meta: ResultMeta; readonly error: unknown }
  /** Something else is to run in its place. */
  | { readonly kind: 'replaced'; readonly signature: Signature }

export interface EagerParts {
  readonly runtime: Runtime
  /** That the task is a part of. */
  readonly chord: OpenChord | undefined
  /** Told the states that the handler chooses. */
  storeState(meta: ResultMeta): Promise<void>
  /** Told the events that it sends. */
  sendEvent(type: string, fields: Readonly<Record<string, unknown>>): void
}

/**
 * Runs a decoded message here and now, for `taskAlwaysEager`: the same context and arguments as in a worker, the same retries but
 * at once, no broker, no limits; what follows it is eager-canvas.ts's business. Never rejects.
 */
export async function runEagerly(
  decoded: TaskRequest,
  task: Runnable,
  policy: TaskPolicy,
  parts: EagerParts,
): Promise<EagerEnd> {
  let request = decoded
  for (;;) {
    const attempt = await once(request, task, parts)
    if (attempt.kind !== 'retry') return attempt
    const { retry } = attempt
    const limit = exceededLimit(request.retries, retry.maxRetries, policy)
    if (limit !== undefined) return exhausted(request, retry, parts.runtime)
    const { args = request.args, kwargs = request.kwargs } = retry
    request = { ...request, args, kwargs, retries: request.retries + 1 }
  }
}

type Attempt = EagerEnd | { readonly kind: 'retry'; readonly retry: RetryRequest }

async function once(request: TaskRequest, task: Runnable, parts: EagerParts): Promise<Attempt> {
  const { clock, log } = parts.runtime
  const ended = (status: State, result: unknown, error: unknown): Attempt => {
    const thrown = error === undefined ? undefined : exceptionInfoOf(error)
    const meta = metaOf(request, status, result, thrown?.error, thrown?.traceback, formatIso(clock.now()))
    return { kind: 'ended', meta, error }
  }
  const wished = (wish: HandlerWish): Attempt => {
    switch (wish.name) {
      case 'Retry':
        return { kind: 'retry', retry: wish.request }
      case 'Replace':
        return { kind: 'replaced', signature: wish.signature }
      case 'Ignore':
        return ended('IGNORED', undefined, undefined)
      case 'Reject':
        return ended('REJECTED', undefined, undefined)
      default:
        return wish satisfies never
    }
  }
  const context = new TaskContext(request, {
    signal: new AbortController().signal,
    clock,
    log: log.child({ task_id: request.id, task_name: request.task }),
    hostname: parts.runtime.host.name,
    deliveryInfo: {
      exchange: '',
      routingKey: '',
      queue: '',
      priority: request.priority,
      redelivered: false,
      faults: 0,
    },
    fence: undefined,
    isEager: true,
    chord: parts.chord,
    storeState: (state, meta) => parts.storeState(metaOf(request, state, meta, undefined, undefined, undefined)),
    sendEvent: (type, fields) => parts.sendEvent(type, { ...fields, uuid: request.id }),
  })
  try {
    const { args, kwargs } = request
    const bound = bindArguments(request.task, args, kwargs, task.options.params, task.handler.length)
    const value = await runInTask(context, () => task.handler(...(bound as never[])))
    const wish = handlerWish(context)
    return wish === undefined ? ended('SUCCESS', value, undefined) : wished(wish)
  } catch (error) {
    const wish = handlerWish(context, error)
    if (wish !== undefined) return wished(wish)
    if (autoRetries(error, task.options)) return { kind: 'retry', retry: { error } }
    return ended('FAILURE', undefined, error)
  } finally {
    context.ended()
  }
}

function exhausted(request: TaskRequest, retry: RetryRequest, runtime: Runtime): EagerEnd {
  const error = retry.error ?? new MaxRetriesExceededError([`Can't retry ${request.task}[${request.id}]`])
  const thrown = exceptionInfoOf(error)
  const done = formatIso(runtime.clock.now())
  return { kind: 'ended', meta: metaOf(request, 'FAILURE', undefined, thrown.error, thrown.traceback, done), error }
}

function metaOf(
  request: TaskRequest,
  status: State,
  result: unknown,
  error: ExceptionInfo | undefined,
  traceback: string | undefined,
  dateDone: string | undefined,
): ResultMeta {
  return { taskId: request.id, status, result, error, traceback, children: undefined, dateDone }
}
