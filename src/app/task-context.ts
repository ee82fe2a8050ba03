import type { Fence } from '../backends/backend.js'
import { checkCanvas } from '../canvas/check-canvas.js'
import { checkReplacement } from '../canvas/replacement.js'
import { parseDuration } from '../lib/duration.js'
import { LovageError } from '../lib/errors.js'
import type { Clock, Log } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { GroupId, TaskId, TaskName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultTuple, State } from '../protocol/result-meta.js'
import type { Kwargs, Signature } from '../protocol/signature.js'
import { checkEvent } from './check-event.js'
import { type Addition, noChord } from './chord-addition.js'
import { Replace, Retry, type RetryRequest } from './errors.js'
import { ProgressReports } from './progress-reports.js'
import type { AnyResult } from './result.js'
import type { Duration } from './task-options.js'
import { toEpochMs } from './to-epoch-ms.js'

/** As Celery's users name it. */
export const PROGRESS_STATE: State = 'PROGRESS'

/** How the message came to this worker. */
export interface DeliveryInfo {
  readonly exchange: string
  readonly routingKey: string
  readonly queue: string
  readonly priority: number | undefined
  /** It was delivered before, for whatever reason. */
  readonly redelivered: boolean
  /** How many earlier deliveries ended in a fault. */
  readonly faults: number
}

/** What surrounds a running handler; given by whoever runs it. */
export interface ContextParts {
  /** Fires when the task should end: soft limit, revoke, shutdown, lost lease. Its reason says which. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Every line carries the task's id and name. */
  readonly log: Log
  /** Node name of the worker. */
  readonly hostname: string
  readonly deliveryInfo: DeliveryInfo
  /** Orders the attempts of this id; undefined where the broker does not number its deliveries. */
  readonly fence: Fence | undefined
  /** Runs in the caller because of `taskAlwaysEager`. */
  readonly isEager: boolean
  /** The chord that it is a part of, if any; undefined: nothing can be added where it runs. */
  readonly chord: OpenChord | undefined
  /** Stores a state of the handler's choosing. */
  storeState(state: State, meta: unknown): Promise<void>
  /** Tells whoever observes the worker. */
  sendEvent(type: string, fields: Readonly<Record<string, unknown>>): void
}

/** The chord of a running task, as far as others can be added to it. */
export interface OpenChord {
  addToChord(addition: Addition): Promise<AnyResult>
  /** Adds without publishing: resolves to what is to be applied. */
  countInChord(addition: Addition): Promise<Signature>
}

export interface RetryOptions {
  /** Wait before the next attempt: seconds or `'5m'`. Default: the task's `defaultRetryDelay`. */
  readonly countdown?: Duration
  /** Not before this instant: Date, epoch ms or ISO 8601. */
  readonly eta?: Date | number | string
  /** For this decision instead of the task's own; null = for ever. */
  readonly maxRetries?: number | null
  /** Thrown to the waiter instead of `MaxRetriesExceededError` when no attempt is left. */
  readonly error?: unknown
  /** Arguments of the next attempt instead of the present ones. */
  readonly args?: readonly unknown[]
  readonly kwargs?: Kwargs
}

/** What a handler can know and do while it runs: `currentTask()`. */
export class TaskContext {
  readonly #request: TaskRequest
  readonly #parts: ContextParts
  readonly #children: ResultTuple[] = []
  #retry: Retry | undefined
  #reports: ProgressReports | undefined
  #replace: Replace | undefined
  #additions = 0

  constructor(request: TaskRequest, parts: ContextParts) {
    this.#request = request
    this.#parts = parts
  }

  get id(): TaskId {
    return this.#request.id
  }

  get task(): TaskName {
    return this.#request.task
  }

  get args(): readonly unknown[] {
    return this.#request.args
  }

  get kwargs(): Kwargs {
    return this.#request.kwargs
  }

  /** Attempts made before this one. */
  get retries(): number {
    return this.#request.retries
  }

  /** First task of the workflow. */
  get rootId(): TaskId {
    return this.#request.rootId
  }

  /** The task that published this one. */
  get parentId(): TaskId | undefined {
    return this.#request.parentId
  }

  get group(): GroupId | undefined {
    return this.#request.group
  }

  get groupIndex(): number | undefined {
    return this.#request.groupIndex
  }

  get eta(): EpochMs | undefined {
    return this.#request.eta
  }

  get expires(): EpochMs | undefined {
    return this.#request.expires
  }

  /** The message's own hard limit. */
  get timeLimit(): Ms | undefined {
    return this.#request.timeLimit
  }

  get softTimeLimit(): Ms | undefined {
    return this.#request.softTimeLimit
  }

  /** Who published the message: `gen<pid>@<host>` for clients. */
  get origin(): string | undefined {
    return this.#request.origin
  }

  get shadow(): string | undefined {
    return this.#request.shadow
  }

  /** Custom headers of the message. */
  get headers(): Readonly<Record<string, unknown>> {
    return this.#request.headers
  }

  get stamps(): Readonly<Record<string, unknown>> {
    return this.#request.stamps
  }

  get stampedHeaders(): readonly string[] | undefined {
    return this.#request.stampedHeaders
  }

  get replyTo(): string | undefined {
    return this.#request.replyTo
  }

  get correlationId(): string | undefined {
    return this.#request.correlationId
  }

  /** Depth of replacements that led here. */
  get replacedTaskNesting(): number {
    return this.#request.replacedTaskNesting
  }

  get hostname(): string {
    return this.#parts.hostname
  }

  get deliveryInfo(): DeliveryInfo {
    return this.#parts.deliveryInfo
  }

  get signal(): AbortSignal {
    return this.#parts.signal
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  get log(): Log {
    return this.#parts.log
  }

  get isEager(): boolean {
    return this.#parts.isEager
  }

  /** Hand it to whatever the task writes to: a store that remembers the largest one can refuse a stale attempt (D45). */
  get fence(): Fence | undefined {
    return this.#parts.fence
  }

  /** Results of what the handler has published so far. */
  get children(): readonly ResultTuple[] {
    return this.#children
  }

  /** The retry the handler asked for, also when its throw was swallowed (D53); the first one counts. */
  get retryAsked(): Retry | undefined {
    return this.#retry
  }

  /**
   * Asks for another attempt; write `throw currentTask().retry(…)`. Calling it is what counts: a handler that catches
   * the throw is run again all the same.
   */
  retry(options: RetryOptions = {}): Retry {
    const retry = new Retry(retryRequest(options))
    this.#retry ??= retry
    return retry
  }

  /**
   * Asks for something else to run in the place of this task; write `throw currentTask().replace(…)`. What runs last of it
   * has this task's id, so whoever waits for this task waits for that; its callbacks, its chord and the rest of its chain
   * follow it. Throws `CanvasError` for an empty chain, or a part of a chord.
   */
  replace(signature: Signature): Replace {
    checkCanvas(signature)
    checkReplacement(signature)
    const replace = new Replace(signature)
    this.#replace ??= replace
    return replace
  }

  /** What the handler asked for, whether or not it was thrown. */
  get replaceAsked(): Replace | undefined {
    return this.#replace
  }

  /**
   * Adds a task, or a canvas, to the chord that this task is a part of: the body waits for it, too, and its value stands beside this
   * task's in the list. Resolves to its result when the broker has it. A retry, and an attempt that comes again, add the same under
   * the same ids, by the order of their calls, and each counts once. With `lazy` nothing is published yet: resolves to the signature
   * that must be applied. Throws `LVG_NO_CHORD` in a task of no chord, or where the chord cannot be counted, `LVG_CHORD_OVER` when
   * all its parts have come, `CanvasError`. Celery's `add_to_chord`.
   */
  addToChord(signature: Signature, how?: { readonly lazy?: false }): Promise<AnyResult>
  addToChord<Call extends Signature>(signature: Call, how: { readonly lazy: true }): Promise<Call>
  async addToChord(
    signature: Signature,
    { lazy = false }: { readonly lazy?: boolean } = {},
  ): Promise<AnyResult | Signature> {
    const addition = { signature, nth: this.#additions++ }
    const { chord } = this.#parts
    if (chord === undefined) throw noChord(this.#request, 'is a part of no chord')
    return await (lazy ? chord.countInChord(addition) : chord.addToChord(addition))
  }

  /** Stores a state of your own, to be seen by `AsyncResult.state()` and `.meta()` until the task ends. */
  updateState(state: State, meta: unknown = null): Promise<void> {
    return this.#parts.storeState(state, meta)
  }

  /**
   * State `PROGRESS` with `{current, total, …meta}`, and an event `task-progress`. May be called in a tight loop: the first
   * report and the one that reaches `total` are stored at once, of those in between the newest, twice a second. Rejects when
   * `meta` cannot be written.
   */
  progress(current: number, total: number, meta: Readonly<Record<string, unknown>> = {}): Promise<void> {
    this.#reports ??= new ProgressReports({
      clock: this.#parts.clock,
      log: this.#parts.log,
      store: report =>
        this.#parts.storeState(PROGRESS_STATE, { ...report.meta, current: report.current, total: report.total }),
    })
    return this.#reports.report({ current, total, meta })
  }

  /** The handler has ended; whoever runs it says so. */
  ended(): void {
    this.#reports?.[Symbol.dispose]()
  }

  /**
   * Tells the cluster's monitors something of your own, such as `sendEvent('task-packed', { parcels: 3 })`, with this task's id
   * (`uuid`) beside the fields; extensions of the worker get it, too. Sent whether `-E` is on or not, and never waited for.
   * A monitor takes what follows `task-` for a state of the task. Throws `LVG_BAD_OPTION` for a type that is none.
   */
  sendEvent(type: string, fields: Readonly<Record<string, unknown>> = {}): void {
    checkEvent(type, fields)
    this.#parts.sendEvent(type, fields)
  }

  /** Notes the result of a task published from here; `App` calls it. */
  addChild(child: ResultTuple): void {
    this.#children.push(child)
  }
}

function retryRequest(options: RetryOptions): RetryRequest {
  const countdown = options.countdown === undefined ? undefined : parseDuration(options.countdown)
  if (options.countdown !== undefined && countdown === undefined) throw badRetry('countdown', options.countdown)
  const eta = options.eta === undefined ? undefined : toEpochMs(options.eta)
  if (options.eta !== undefined && eta === undefined) throw badRetry('eta', options.eta)
  const { maxRetries, error, args, kwargs } = options
  return { countdown, eta, maxRetries, error, args, kwargs }
}

function badRetry(option: string, value: unknown): LovageError {
  const expected = option === 'eta' ? 'a Date, epoch ms or ISO 8601 text' : "seconds or text such as '5m'"
  return new LovageError('LVG_BAD_OPTION', `retry: \`${option}\` must be ${expected}, not ${String(value)}.`)
}
