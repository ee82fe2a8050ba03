import type { Ms, SteadyMs } from '../lib/time.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ExceptionInfo, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'

/*
 * The pool port: where user code runs.
 *
 * A pool starts calls in free slots and reports one outcome each; it decides nothing about messages. However an
 * execution ends (value, throw, time limit, death of the child), exactly one `Outcome` comes back, and the parent
 * alone decides what becomes of the message (worker/settle.ts).
 */
export interface Pool extends AsyncDisposable {
  readonly kind: PoolKind
  /** Slots: calls that may run at once. */
  readonly size: number
  /**
   * So many calls beyond `size` it takes now, to have them where they will run before their turn; 0 = none. They begin a few
   * milliseconds later than they could, or elsewhere, and until then their `Execution.where` is undefined.
   */
  readonly ahead: number
  /** Resolves with the reason when the pool cannot run anything any more. Never rejects. */
  readonly failed: Promise<unknown>
  /** Rejects with `ConfigError` when its members cannot do what they are for (a module that does not load). */
  start(signal: AbortSignal): Promise<void>
  /**
   * Begins the call now, or as soon as a member that is being replaced is there again; the caller keeps the number of
   * running calls within `size`, and `ahead` more. Never throws.
   *
   * `isWanted`: asked when a call that had to wait for a member is given to one; false = it ends as one that never began.
   */
  run(call: Call, isWanted?: () => boolean): Execution
  /**
   * So many slots from now on, 1 or more. What is added can be used at once. Only idle slots are taken away; when there
   * are fewer than asked for, those go, and `PoolError` `LVG_POOL_BUSY` says so.
   */
  resize(size: number): Promise<void>
  /**
   * New members in the place of all there are, with the user's modules loaded anew; running calls end where they run, and
   * there are never fewer slots than before. Resolves when the new ones are there; rejects when they cannot be had, and the
   * old ones stay. The inline pool has nothing to replace.
   */
  restart(): Promise<void>
  stats(): PoolStats
}

export type PoolKind = 'inline' | 'threads' | 'prefork'

export interface PoolStats {
  readonly kind: PoolKind
  /** Slots now. */
  readonly size: number
  /** Slots at the start. */
  readonly initialSize: number
  readonly running: number
  /** Process ids (prefork) or thread ids; for the inline pool its own pid. */
  readonly members: readonly number[]
  /** Calls handed to each of `members`, in their order. */
  readonly handed: readonly number[]
  /** Calls handed over since the start, also to members that are gone. */
  readonly handedTotal: number
  readonly maxTasksPerChild: number | undefined
  /** KiB. */
  readonly maxMemoryPerChild: number | undefined
}

/** What a pool is given. */
export interface Call {
  readonly request: TaskRequest
  /** How often earlier deliveries of this message ended in a fault. */
  readonly faults: number
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  /** The broker's claim order of the delivery: what the attempt may write under (D45). */
  readonly claim: number
  /** Node name of the worker. */
  readonly hostname: string
  readonly softTimeLimit: Ms | undefined
  readonly timeLimit: Ms | undefined
}

export interface Execution {
  /** Where user code was entered, or is about to be; undefined while the call waits for a member. */
  readonly where: Where | undefined
  /** Resolves with `where`, which may be taken back by a member that had not begun after all; stays pending when the execution ends before. */
  readonly accepted: Promise<Where>
  /** Settles exactly once, never rejects. */
  readonly outcome: Promise<Outcome>
  /** Cooperative: the task's AbortSignal fires with this reason. */
  interrupt(reason: Interrupt): void
  /**
   * Hard: the member ends, by this signal where it is a process, and after a grace period by SIGKILL; nothing else is ever
   * hit. The outcome says why it was interrupted before, or `lost`. The inline pool cannot: it abandons the execution.
   */
  kill(signal: string): void
}

export interface Where {
  readonly pid: number
  readonly at: SteadyMs
}

export type Interrupt =
  | { readonly kind: 'soft-time-limit'; readonly limit: Ms }
  | { readonly kind: 'hard-time-limit'; readonly limit: Ms }
  | { readonly kind: 'terminated'; readonly signal: string }
  /** Cold shutdown. */
  | { readonly kind: 'shutdown' }
  /** The lease of the delivery was lost (D25). */
  | { readonly kind: 'lease-lost' }
  /** The broker connection is gone and the settings say to cancel. */
  | { readonly kind: 'connection-lost' }

/** How an execution ended. `children`: results of what the task published; `runtime`: time inside user code. */
export type Outcome = OutcomeKind & { readonly children: readonly ResultTuple[]; readonly runtime: Ms }

export type OutcomeKind =
  | { readonly kind: 'succeeded'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: ExceptionInfo; readonly traceback: string | undefined }
  /** The handler asked for another attempt, or an autoretry rule matched. */
  | { readonly kind: 'retry'; readonly wish: RetryWish }
  | { readonly kind: 'ignored' }
  /** Something else runs in its place. */
  | { readonly kind: 'replaced'; readonly signature: Signature }
  | { readonly kind: 'rejected'; readonly requeue: boolean; readonly reason: string }
  /** The soft limit's signal fired and user code ended by it, or the hard limit ended it. */
  | { readonly kind: 'timed-out'; readonly limit: Ms; readonly hard: boolean; readonly traceback: string | undefined }
  /** The place where it ran is gone. */
  | { readonly kind: 'lost'; readonly exit: string }
  /** It ended because we interrupted it for our own reasons. */
  | {
      readonly kind: 'cancelled'
      readonly why: 'shutdown' | 'terminated' | 'lease-lost' | 'connection-lost'
      readonly signal: string | undefined
    }

export interface RetryWish {
  /** Absent = the task's default delay, or its backoff rule when `auto`. */
  readonly countdown: Ms | undefined
  readonly eta: number | undefined
  readonly maxRetries: number | null | undefined
  /** The error that caused it; undefined when the handler gave none. */
  readonly error: ExceptionInfo | undefined
  readonly traceback: string | undefined
  /** Came from `autoretryFor`, not from the handler. */
  readonly auto: boolean
  /** Arguments for the next attempt, when the handler changed them. */
  readonly args: readonly unknown[] | undefined
  readonly kwargs: Readonly<Record<string, unknown>> | undefined
}
