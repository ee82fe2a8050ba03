import { runInTask } from '../app/current-task.js'
import {
  Ignore,
  LeaseLostError,
  Reject,
  Retry,
  SoftTimeLimitExceeded,
  TaskRevokedError,
  TimeLimitExceeded,
  WorkerShutdown,
} from '../app/errors.js'
import { aroundExecute, type Extension } from '../app/extension.js'
import { TaskContext } from '../app/task-context.js'
import type { TaskOptions } from '../app/task-options.js'
import type { Fence } from '../backends/backend.js'
import type { Runtime } from '../lib/runtime.js'
import type { CallControl } from '../pools/inline/inline-pool.js'
import type { Call, Interrupt, Outcome, OutcomeKind, RetryWish } from '../pools/pool.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { TaskRequest } from '../protocol/request.js'
import type { State } from '../protocol/result-meta.js'
import { bindArguments } from './bind-arguments.js'

/** A registered task, as far as running it goes. */
export interface Runnable {
  readonly handler: (...args: never[]) => unknown
  readonly options: TaskOptions
}

export interface ExecuteParts {
  readonly runtime: Runtime
  readonly extensions: readonly Extension[]
  find(request: TaskRequest): Runnable | undefined
  /** Stores a state the handler chose. */
  storeState(call: Call, state: State, meta: unknown): Promise<void>
  /** Orders this attempt among those of the same id; undefined where the broker does not number deliveries. */
  fence(call: Call): Fence | undefined
}

/**
 * Runs user code: binds arguments, gives it its context and AbortSignal, and turns whatever happens (a value, any throw,
 * an interrupt, a swallowed retry) into one outcome. Never rejects.
 */
export async function execute(call: Call, control: CallControl, parts: ExecuteParts): Promise<Outcome> {
  const { clock, log } = parts.runtime
  const { request } = call
  const started = clock.steady()
  const abort = new AbortController()
  let interrupt: Interrupt | undefined
  control.onInterrupt(reason => {
    interrupt = reason
    abort.abort(interruptError(reason))
  })
  const context = new TaskContext(request, {
    signal: abort.signal,
    clock,
    log: log.child({ task_id: request.id, task_name: request.task }),
    hostname: call.hostname,
    deliveryInfo: {
      exchange: call.exchange,
      routingKey: call.routingKey,
      queue: call.queue,
      priority: request.priority,
      redelivered: call.redelivered,
      faults: call.faults,
    },
    fence: parts.fence(call),
    isEager: false,
    storeState: (state, meta) => parts.storeState(call, state, meta),
  })
  const kind = await outcomeOf(context, call, parts, () => interrupt)
  return { ...kind, children: context.children, runtime: clock.steady() - started }
}

async function outcomeOf(
  context: TaskContext,
  call: Call,
  parts: ExecuteParts,
  interrupt: () => Interrupt | undefined,
): Promise<OutcomeKind> {
  const runnable = parts.find(call.request)
  if (runnable === undefined) return { kind: 'failed', ...exceptionInfoOf(new Error('no such task')) }
  try {
    const value = await invoke(context, runnable, call.request, parts)
    return context.retryAsked === undefined ? { kind: 'succeeded', value } : retryOutcome(context.retryAsked)
  } catch (error) {
    return thrown(error, context, runnable.options, interrupt())
  }
}

function invoke(
  context: TaskContext,
  { handler, options }: Runnable,
  request: TaskRequest,
  parts: ExecuteParts,
): unknown {
  const run = (): unknown => {
    const args = bindArguments(request.task, request.args, request.kwargs, options.params, handler.length)
    return handler(...(args as never[]))
  }
  if (parts.extensions.length === 0) return runInTask(context, run)
  return runInTask(context, () => aroundExecute(parts.extensions, parts.runtime.log, request, async () => run()))
}

function thrown(
  error: unknown,
  context: TaskContext,
  options: TaskOptions,
  interrupt: Interrupt | undefined,
): OutcomeKind {
  if (error instanceof Retry) return retryOutcome(context.retryAsked ?? error)
  if (error instanceof Ignore) return { kind: 'ignored' }
  if (error instanceof Reject) return { kind: 'rejected', requeue: error.requeue, reason: error.reason }
  if (context.retryAsked !== undefined) return retryOutcome(context.retryAsked)
  if (interrupt !== undefined) {
    const ended = interrupted(interrupt, error, context.signal)
    if (ended !== undefined) return ended
  }
  const { error: info, traceback } = exceptionInfoOf(error)
  if (autoRetries(error, options)) {
    return { kind: 'retry', wish: { ...NO_WISH, error: info, traceback, auto: true } }
  }
  return { kind: 'failed', error: info, traceback }
}

const NO_WISH: Omit<RetryWish, 'error' | 'traceback' | 'auto'> = {
  countdown: undefined,
  eta: undefined,
  maxRetries: undefined,
  args: undefined,
  kwargs: undefined,
}

function retryOutcome({ request }: Retry): OutcomeKind {
  const cause = request.error === undefined ? undefined : exceptionInfoOf(request.error)
  return {
    kind: 'retry',
    wish: {
      countdown: request.countdown,
      eta: request.eta,
      maxRetries: request.maxRetries,
      error: cause?.error,
      traceback: cause?.traceback,
      auto: false,
      args: request.args,
      kwargs: request.kwargs,
    },
  }
}

/** What a throw means that followed an interrupt; undefined when the error has nothing to do with it. */
function interrupted(interrupt: Interrupt, error: unknown, signal: AbortSignal): OutcomeKind | undefined {
  switch (interrupt.kind) {
    case 'soft-time-limit': {
      if (!causedBy(error, signal.reason)) return undefined
      return { kind: 'timed-out', limit: interrupt.limit, hard: false, traceback: exceptionInfoOf(error).traceback }
    }
    case 'hard-time-limit':
      return { kind: 'timed-out', limit: interrupt.limit, hard: true, traceback: undefined }
    case 'terminated':
      return { kind: 'cancelled', why: 'terminated', signal: interrupt.signal }
    case 'shutdown':
    case 'lease-lost':
    case 'connection-lost':
      return { kind: 'cancelled', why: interrupt.kind, signal: undefined }
    default:
      return interrupt satisfies never
  }
}

/** The reason itself, an error wrapping it, or the `AbortError` that Node's own APIs throw in its place. */
function causedBy(error: unknown, reason: unknown): boolean {
  for (let link = error, depth = 0; link instanceof Error && depth < 8; link = link.cause, depth++) {
    if (link === reason || link.name === 'AbortError') return true
  }
  return error instanceof SoftTimeLimitExceeded
}

function autoRetries(error: unknown, options: TaskOptions): boolean {
  if (options.dontAutoretryFor?.some(known => error instanceof known)) return false
  return options.autoretryFor?.some(known => error instanceof known) ?? false
}

function interruptError(interrupt: Interrupt): Error {
  switch (interrupt.kind) {
    case 'soft-time-limit':
      return new SoftTimeLimitExceeded([interrupt.limit / 1000])
    case 'hard-time-limit':
      return new TimeLimitExceeded([interrupt.limit / 1000])
    case 'terminated':
      return new TaskRevokedError(['terminated'])
    case 'shutdown':
      return new WorkerShutdown(['The worker is shutting down.'])
    case 'lease-lost':
      return new LeaseLostError()
    case 'connection-lost':
      return new LeaseLostError('The broker connection was lost; the message will be delivered again.')
    default:
      return interrupt satisfies never
  }
}
