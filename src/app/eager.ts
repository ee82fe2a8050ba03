import type { Runtime } from '../lib/runtime.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import { formatIso } from '../protocol/iso8601.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo, ResultMeta, State } from '../protocol/result-meta.js'
import { bindArguments } from './bind-arguments.js'
import { runInTask } from './current-task.js'
import { Ignore, MaxRetriesExceededError, Reject, Retry } from './errors.js'
import type { RegisteredTask } from './task.js'
import { TaskContext } from './task-context.js'
import type { TaskPolicy } from './task-options.js'

/** How a task that ran in the caller ended. `error`: what the handler threw, itself. */
export interface EagerEnd {
  readonly meta: ResultMeta
  readonly error: unknown
}

export interface EagerParts {
  readonly runtime: Runtime
  /** Told the states that the handler chooses. */
  storeState(meta: ResultMeta): Promise<void>
  /** Told the events that it sends. */
  sendEvent(type: string, fields: Readonly<Record<string, unknown>>): void
}

/**
 * Runs a decoded message here and now, for `taskAlwaysEager`: the same context and arguments as in a worker, retries at
 * once, no broker, no limits, no callbacks. Never rejects.
 */
export async function runEagerly(
  decoded: TaskRequest,
  task: RegisteredTask,
  policy: TaskPolicy,
  parts: EagerParts,
): Promise<EagerEnd> {
  let request = decoded
  for (;;) {
    const attempt = await once(request, task, parts)
    if (attempt.kind === 'ended') return attempt.end
    const { retry } = attempt
    const most = retry.request.maxRetries === undefined ? policy.maxRetries : retry.request.maxRetries
    if (most !== null && request.retries + 1 > most) return exhausted(request, retry, parts.runtime)
    const { args = request.args, kwargs = request.kwargs } = retry.request
    request = { ...request, args, kwargs, retries: request.retries + 1 }
  }
}

type Attempt = { readonly kind: 'ended'; readonly end: EagerEnd } | { readonly kind: 'retry'; readonly retry: Retry }

async function once(request: TaskRequest, task: RegisteredTask, parts: EagerParts): Promise<Attempt> {
  const { clock, log } = parts.runtime
  const ended = (status: State, result: unknown, error: unknown): Attempt => {
    const thrown = error === undefined ? undefined : exceptionInfoOf(error)
    const meta = metaOf(request, status, result, thrown?.error, thrown?.traceback, formatIso(clock.now()))
    return { kind: 'ended', end: { meta, error } }
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
    chord: undefined,
    storeState: (state, meta) => parts.storeState(metaOf(request, state, meta, undefined, undefined, undefined)),
    sendEvent: (type, fields) => parts.sendEvent(type, { ...fields, uuid: request.id }),
  })
  try {
    const { args, kwargs } = request
    const bound = bindArguments(request.task, args, kwargs, task.options.params, task.handler.length)
    const value = await runInTask(context, () => task.handler(...(bound as never[])))
    return context.retryAsked === undefined
      ? ended('SUCCESS', value, undefined)
      : { kind: 'retry', retry: context.retryAsked }
  } catch (error) {
    const retry = context.retryAsked ?? (error instanceof Retry ? error : undefined)
    if (retry !== undefined) return { kind: 'retry', retry }
    if (error instanceof Ignore) return ended('IGNORED', undefined, undefined)
    if (error instanceof Reject) return ended('REJECTED', undefined, undefined)
    return ended('FAILURE', undefined, error)
  } finally {
    context.ended()
  }
}

function exhausted(request: TaskRequest, retry: Retry, runtime: Runtime): EagerEnd {
  const error = retry.request.error ?? new MaxRetriesExceededError([`Can't retry ${request.task}[${request.id}]`])
  const thrown = exceptionInfoOf(error)
  const done = formatIso(runtime.clock.now())
  return { meta: metaOf(request, 'FAILURE', undefined, thrown.error, thrown.traceback, done), error }
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
