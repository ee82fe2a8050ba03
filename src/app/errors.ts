import { LovageError } from '../lib/errors.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { TaskId } from '../protocol/ids.js'
import type { ExceptionInfo } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'

/*
 * Three families: what a handler throws to say how it ends (`Retry`, `Ignore`, `Reject`), what a waiter gets when a
 * task did not succeed (`TaskError` and its named kinds, which a handler may throw as well), and what goes wrong in
 * the client itself. Names are Celery's where Celery has them, so that they mean the same on the other side.
 */

/** What a retry asks for; spans are ms here. */
export interface RetryRequest {
  /** Wait before the next attempt; absent = the task's default delay. */
  readonly countdown?: Ms | undefined
  readonly eta?: EpochMs | undefined
  /** Overrides the task's `maxRetries` for this decision; null = for ever. */
  readonly maxRetries?: number | null | undefined
  /** The error that led to it; thrown to the waiter when no attempt is left. */
  readonly error?: unknown
  readonly args?: readonly unknown[] | undefined
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined
}

/** Thrown by a handler: run this task again later. Made by `currentTask().retry(…)`. */
export class Retry extends LovageError {
  override readonly name = 'Retry'
  readonly request: RetryRequest

  constructor(request: RetryRequest = {}) {
    super('LVG_RETRY', 'The task asked to be run again.', request.error === undefined ? {} : { cause: request.error })
    this.request = request
  }
}

/** Thrown by a handler: something else runs in the place of this task, under its id. Made by `currentTask().replace(…)`. */
export class Replace extends LovageError {
  override readonly name = 'Replace'
  readonly signature: Signature

  constructor(signature: Signature) {
    super('LVG_REPLACE', 'The task asked to be replaced.')
    this.signature = signature
  }
}

/** Thrown by a handler: end without storing a state and without calling anything back. */
export class Ignore extends LovageError {
  override readonly name = 'Ignore'

  constructor(reason = 'The task asked to be ignored.') {
    super('LVG_IGNORE', reason)
  }
}

/** Thrown by a handler: give the message up (to the dead-letter place), or put it back with `requeue`. Needs late acks. */
export class Reject extends LovageError {
  override readonly name = 'Reject'
  readonly reason: string
  readonly requeue: boolean

  constructor(reason = 'rejected by the task', options: { readonly requeue?: boolean } = {}) {
    super('LVG_REJECT', `The task rejected its message: ${reason}`)
    this.reason = reason
    this.requeue = options.requeue ?? false
  }
}

/**
 * A task that failed, as the failing side stored it: in any language, with any class. `excType`, `excMessage` and
 * `excModule` are the stored `exc_type`, `exc_message`, `exc_module`, untouched, so that throwing it on stores the same.
 */
export class TaskError extends LovageError {
  override readonly name: string = 'TaskError'
  readonly excType: string
  /** Constructor arguments of the original exception. */
  readonly excMessage: readonly unknown[]
  readonly excModule: string | null
  /** The traceback as text, in the manner of the failing side's language. */
  readonly traceback: string | undefined

  constructor(info: ExceptionInfo, traceback?: string, code = 'LVG_TASK_FAILED') {
    super(code, describe(info))
    this.excType = info.type
    this.excMessage = info.args
    this.excModule = info.module
    this.traceback = traceback
  }
}

const CELERY = 'celery.exceptions'
const BILLIARD = 'billiard.exceptions'

/** `args`: how long the limit was, in seconds, when known. */
export class SoftTimeLimitExceeded extends TaskError {
  override readonly name = 'SoftTimeLimitExceeded'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'SoftTimeLimitExceeded', args, module: BILLIARD }, traceback, 'LVG_SOFT_TIME_LIMIT')
  }
}

/** `args`: `[limit in seconds]`. */
export class TimeLimitExceeded extends TaskError {
  override readonly name = 'TimeLimitExceeded'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'TimeLimitExceeded', args, module: BILLIARD }, traceback, 'LVG_TIME_LIMIT')
  }
}

/** The place where the task ran is gone. */
export class WorkerLostError extends TaskError {
  override readonly name = 'WorkerLostError'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'WorkerLostError', args, module: BILLIARD }, traceback, 'LVG_WORKER_LOST')
  }
}

/** `args`: `['revoked']`, `['expired']` or `['terminated']`. */
export class TaskRevokedError extends TaskError {
  override readonly name = 'TaskRevokedError'

  constructor(args: readonly unknown[] = ['revoked'], traceback?: string) {
    super({ type: 'TaskRevokedError', args, module: CELERY }, traceback, 'LVG_TASK_REVOKED')
  }
}

export class MaxRetriesExceededError extends TaskError {
  override readonly name = 'MaxRetriesExceededError'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'MaxRetriesExceededError', args, module: CELERY }, traceback, 'LVG_MAX_RETRIES')
  }
}

/** `args`: `[task name]`: no worker that got the message knows the task. */
export class NotRegistered extends TaskError {
  override readonly name = 'NotRegistered'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'NotRegistered', args, module: CELERY }, traceback, 'LVG_NOT_REGISTERED')
  }
}

/** A part of the chord failed, or its results could not be joined. */
export class ChordError extends TaskError {
  override readonly name = 'ChordError'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'ChordError', args, module: CELERY }, traceback, 'LVG_CHORD')
  }
}

/** The worker was shut down while the task ran. */
export class WorkerShutdown extends TaskError {
  override readonly name = 'WorkerShutdown'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'WorkerShutdown', args, module: CELERY }, traceback, 'LVG_WORKER_SHUTDOWN')
  }
}

/** Delivered too often without ever reaching an end (D60). */
export class PoisonTaskError extends TaskError {
  override readonly name = 'PoisonTaskError'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'PoisonTaskError', args, module: null }, traceback, 'LVG_POISON_TASK')
  }
}

/** The value is larger than `resultMaxBytes` (L12). */
export class ResultTooLargeError extends TaskError {
  override readonly name = 'ResultTooLargeError'

  constructor(args: readonly unknown[] = [], traceback?: string) {
    super({ type: 'ResultTooLargeError', args, module: null }, traceback, 'LVG_RESULT_TOO_LARGE')
  }
}

/** Reason of a task's AbortSignal: another worker may have the message by now, so nothing this attempt does will count (D25). */
export class LeaseLostError extends LovageError {
  override readonly name = 'LeaseLostError'

  constructor(message = 'The lease of this delivery ran out; another worker may have the task.') {
    super('LVG_LEASE_LOST', message)
  }
}

/** A worker ended itself: its queue held messages, it had free slots, and nothing was delivered (`exitOnStall`). */
export class StallError extends LovageError {
  override readonly name = 'StallError'

  constructor(what: string) {
    super('LVG_STALLED', `The worker stalled and a new connection did not help. ${what}`)
  }
}

/** The result did not come within the given time; the task itself goes on. */
export class TimeoutError extends LovageError {
  override readonly name = 'TimeoutError'
  readonly taskId: TaskId

  constructor(taskId: TaskId, timeout: Ms) {
    super('LVG_RESULT_TIMEOUT', `No result of task ${taskId} within ${timeout / 1000} s. The task may still run.`)
    this.taskId = taskId
  }
}

/** What a single call of a batch came to. */
export type BatchEntry =
  | { readonly kind: 'accepted'; readonly id: TaskId }
  | { readonly kind: 'failed'; readonly id: TaskId | undefined; readonly error: unknown }

/** Not every message of `publishMany` was accepted (D10). `entries` stand in the order of the calls. */
export class BatchError extends LovageError {
  override readonly name = 'BatchError'
  readonly entries: readonly BatchEntry[]

  constructor(entries: readonly BatchEntry[]) {
    const failures = entries.filter(entry => entry.kind === 'failed')
    const first = failures[0]?.error
    const why = first instanceof Error ? first.message : String(first)
    super(
      'LVG_BATCH',
      `${failures.length} of ${entries.length} messages were not accepted; the first because: ${why}`,
      {
        cause: first,
      },
    )
    this.entries = entries
  }
}

type TaskErrorClass = new (args: readonly unknown[], traceback?: string) => TaskError

/** Stored names that come back as a class of their own. A closed table: nothing is ever looked up by a stored name elsewhere. */
const KNOWN: ReadonlyMap<string, TaskErrorClass> = new Map<string, TaskErrorClass>([
  ['SoftTimeLimitExceeded', SoftTimeLimitExceeded],
  ['TimeLimitExceeded', TimeLimitExceeded],
  ['WorkerLostError', WorkerLostError],
  ['TaskRevokedError', TaskRevokedError],
  ['MaxRetriesExceededError', MaxRetriesExceededError],
  ['NotRegistered', NotRegistered],
  ['ChordError', ChordError],
  ['WorkerShutdown', WorkerShutdown],
  ['PoisonTaskError', PoisonTaskError],
  ['ResultTooLargeError', ResultTooLargeError],
])

const KNOWN_MODULES: ReadonlySet<string | null> = new Set([CELERY, BILLIARD, null])

/** The error a waiter gets for a stored exception. */
export function taskErrorOf(info: ExceptionInfo, traceback: string | undefined): TaskError {
  const known = KNOWN_MODULES.has(info.module) ? KNOWN.get(info.type) : undefined
  return known === undefined ? new TaskError(info, traceback) : new known(info.args, traceback)
}

function describe(info: ExceptionInfo): string {
  const parts = info.args.map(arg => (typeof arg === 'string' ? arg : printable(arg)))
  return parts.length === 0 ? info.type : `${info.type}: ${parts.join(', ')}`
}

function printable(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
