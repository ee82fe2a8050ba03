import type { App } from '../app/app.js'
import { autoRetries } from '../app/auto-retries.js'
import { bindArguments } from '../app/bind-arguments.js'
import { runInTask } from '../app/current-task.js'
import {
  LeaseLostError,
  NotRegistered,
  type Retry,
  SoftTimeLimitExceeded,
  TaskRevokedError,
  TimeLimitExceeded,
  WorkerShutdown,
} from '../app/errors.js'
import { aroundExecute, type Extension } from '../app/extension.js'
import { type HandlerWish, handlerWish } from '../app/handler-wish.js'
import type { Runnable } from '../app/runnable-of.js'
import { type ContextParts, type DeliveryInfo, type OpenChord, TaskContext } from '../app/task-context.js'
import { TASK_LOG_STATE, TaskLog } from '../app/task-log.js'
import type { TaskOptions } from '../app/task-options.js'
import type { Fence } from '../backends/backend.js'
import type { Clock, Log, Runtime } from '../lib/runtime.js'
import { TeedLog } from '../lib/teed-log.js'
import type { CallAsks, CallControl, InterruptListener } from '../pools/call-control.js'
import type { Call, Interrupt, OutcomeKind, RetryWish } from '../pools/pool.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { TaskRequest } from '../protocol/request.js'
import type { State } from '../protocol/result-meta.js'
import type { Witness } from './loop-watch.js'

export interface ExecuteParts extends CallAsks {
  readonly runtime: Runtime
  /** Adds to chords; undefined where nothing is published. */
  readonly app: Pick<App, 'addToChord' | 'countInChord'> | undefined
  readonly extensions: readonly Extension[]
  find(request: TaskRequest): Runnable | undefined
  /** How many of its last lines are kept of each task; 0 = none (setting `taskLogs`). */
  readonly keepLogLines: number
  /** Orders this attempt among those of the same id; undefined where the broker does not number deliveries. */
  fence(call: Call): Fence | undefined
  /** Told where user code shares the event loop with the worker. */
  readonly witness?: Witness
}

/**
 * Runs user code: binds arguments, gives it its context and AbortSignal, and turns whatever happens (a value, any throw,
 * an interrupt, a swallowed retry) into one outcome for `control.end`. Never rejects.
 */
export async function execute(call: Call, control: CallControl, parts: ExecuteParts): Promise<void> {
  const { clock } = parts.runtime
  const started = clock.steady()
  const surroundings = new Surroundings(call, parts)
  control.onInterrupt(surroundings)
  const context = new TaskContext(call.request, surroundings)
  const runnable = parts.find(call.request)
  let kind: OutcomeKind
  parts.witness?.entered(call, started)
  try {
    if (runnable === undefined) throw new NotRegistered([call.request.task])
    const given = invoke(context, runnable, call.request, parts)
    // Waiting for what is there already would cost two promises.
    const value = isThenable(given) ? await given : given
    const wish = handlerWish(context)
    kind = wish === undefined ? { kind: 'succeeded', value } : wished(wish)
  } catch (error) {
    kind = thrown(error, context, runnable?.options ?? {}, surroundings.interrupt)
  }
  const ended = clock.steady()
  parts.witness?.left(call, ended)
  context.ended()
  const telling = surroundings.ended()
  if (telling !== undefined) await telling
  control.end({ ...kind, children: context.children, runtime: ended - started })
}

/** What surrounds a handler, made when it is first asked for: most handlers look at none of it. */
class Surroundings implements ContextParts, InterruptListener {
  readonly #call: Call
  readonly #parts: ExecuteParts
  interrupt: Interrupt | undefined
  #abort: AbortController | undefined
  #log: Log | undefined
  #lines: TaskLog | undefined

  constructor(call: Call, parts: ExecuteParts) {
    this.#call = call
    this.#parts = parts
  }

  interrupted(reason: Interrupt): void {
    this.interrupt = reason
    this.#abort?.abort(interruptError(reason))
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.interrupt !== undefined) this.#abort.abort(interruptError(this.interrupt))
    }
    return this.#abort.signal
  }

  get clock(): Clock {
    return this.#parts.runtime.clock
  }

  get log(): Log {
    this.#log ??= this.#makeLog()
    return this.#log
  }

  #makeLog(): Log {
    const { id, task } = this.#call.request
    const log = this.#parts.runtime.log.child({ task_id: id, task_name: task })
    const keep = this.#parts.keepLogLines
    if (keep === 0) return log
    const lines = new TaskLog({
      clock: this.clock,
      keep,
      store: kept => this.#parts.storeState(this.#call, TASK_LOG_STATE, kept),
    })
    this.#lines = lines
    return new TeedLog(log, (level, message) => lines.add(level, message))
  }

  /** What is still to be told before the end is. */
  ended(): Promise<void> | undefined {
    return this.#lines?.end()
  }

  get hostname(): string {
    return this.#call.hostname
  }

  get deliveryInfo(): DeliveryInfo {
    const { exchange, routingKey, queue, redelivered, faults, request } = this.#call
    return { exchange, routingKey, queue, redelivered, faults, priority: request.priority }
  }

  get fence(): Fence | undefined {
    return this.#parts.fence(this.#call)
  }

  get isEager(): boolean {
    return false
  }

  get chord(): OpenChord | undefined {
    const { app } = this.#parts
    const { request } = this.#call
    if (app === undefined) return undefined
    return {
      addToChord: addition => app.addToChord(request, addition),
      countInChord: addition => app.countInChord(request, addition),
    }
  }

  storeState(state: State, meta: unknown): Promise<void> {
    return this.#parts.storeState(this.#call, state, meta)
  }

  sendEvent(type: string, fields: Readonly<Record<string, unknown>>): void {
    this.#parts.sendEvent(this.#call, type, fields)
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
  return runInTask(context, () => aroundExecute(parts.extensions, parts.runtime, request, async () => run()))
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  return 'then' in value && typeof value.then === 'function'
}

function thrown(
  error: unknown,
  context: TaskContext,
  options: TaskOptions,
  interrupt: Interrupt | undefined,
): OutcomeKind {
  const wish = handlerWish(context, error)
  if (wish !== undefined) return wished(wish)
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

function wished(wish: HandlerWish): OutcomeKind {
  switch (wish.name) {
    case 'Retry':
      return retryOutcome(wish)
    case 'Replace':
      return { kind: 'replaced', signature: wish.signature }
    case 'Ignore':
      return { kind: 'ignored' }
    case 'Reject':
      return { kind: 'rejected', requeue: wish.requeue, reason: wish.reason }
    default:
      return wish satisfies never
  }
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
