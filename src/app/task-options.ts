import type { Ms } from '../lib/time.js'
import type { LimitKey, Rate, RateLimit, TaskLimits } from './rate-limit.js'

/** A span: a bare number is seconds, as in Celery; text is `'250ms'`, `'5s'`, `'5m'`, `'2h'`, `'3d'`. */
export type Duration = number | string

/** An error class for `autoretryFor`: `instanceof` decides. */
// biome-ignore lint/suspicious/noExplicitAny: any constructor of an error, whatever its parameters
export type ErrorClass = abstract new (...args: any[]) => unknown

/** Options of a task, with Celery's names (camelCased) and defaults; absent = the setting of the same name with prefix `task`. */
export interface TaskOptions {
  /** Ack after the task ended instead of when it starts. Setting `taskAcksLate`, default false. */
  readonly acksLate?: boolean
  readonly acksOnFailure?: boolean
  readonly acksOnTimeout?: boolean
  readonly acksOnFailureOrTimeout?: boolean
  /** Put the message back when the place where it ran dies. Default false. */
  readonly rejectOnWorkerLost?: boolean
  /** How many deliveries may end in a fault before the task is declared poison (D60). Setting `taskMaxDeliveries`, 3. */
  readonly maxDeliveries?: number
  /** Retries before giving up; null = for ever. Default 3. */
  readonly maxRetries?: number | null
  /** Countdown of a retry that names none. Default 180 s. */
  readonly defaultRetryDelay?: Duration
  /** Errors of these classes lead to a retry instead of a failure. */
  readonly autoretryFor?: readonly ErrorClass[]
  readonly dontAutoretryFor?: readonly ErrorClass[]
  /** Exponential delay for autoretries: true = 1 s · 2^retries, a number = that factor in seconds. Default false. */
  readonly retryBackoff?: boolean | number
  /** Cap of the backoff. Default 600 s. */
  readonly retryBackoffMax?: Duration
  /** A random whole number of seconds in [0, delay] instead of the delay. Default true. */
  readonly retryJitter?: boolean
  /** Hard limit: the call is ended. */
  readonly timeLimit?: Duration
  /** Soft limit: the task's AbortSignal fires with `SoftTimeLimitExceeded`. */
  readonly softTimeLimit?: Duration
  /**
   * How often it may start: `'10/s'`, `'100/m'`, `'5/h'` or a number per second are Celery's, one by one in each worker; 0 = no limit.
   * Several windows, limits by key and over the cluster: an array, or an object. Setting `taskDefaultRateLimit`, default none.
   */
  readonly rateLimit?: Rate | null | readonly Rate[] | RateLimit
  /** Executions at a time over the whole cluster; with `concurrencyKey`, of each key. Default no limit. */
  readonly maxConcurrent?: number
  /** Calls with the same key share `maxConcurrent`. Default: all calls of the task. */
  readonly concurrencyKey?: LimitKey
  readonly ignoreResult?: boolean
  readonly storeErrorsEvenIfIgnored?: boolean
  readonly trackStarted?: boolean
  readonly resultExpires?: Duration | null
  readonly serializer?: string
  readonly compression?: string
  /** Weakest routing options: everything else overrides them. */
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly priority?: number
  readonly expires?: Duration
  readonly deliveryMode?: 'persistent' | 'transient' | 1 | 2
  /** Names of the handler's parameters: binds a Python caller's keyword arguments to positions. */
  readonly params?: readonly string[]
  /** Called as an errback, the handler gets `(request, error, traceback)` inline instead of `(id)` by message. Default 'id'. */
  readonly errback?: 'id' | 'inline'
  /** Remember the results of tasks published inside. Default true. */
  readonly trail?: boolean
  /** Send events about this task where a worker sends any (`-E`). Default true. */
  readonly sendEvents?: boolean
  readonly description?: string
}

/** `TaskOptions` with settings laid under them and every span in ms: what the worker decides by. */
export interface TaskPolicy {
  readonly acksLate: boolean
  readonly acksOnFailure: boolean
  readonly acksOnTimeout: boolean
  readonly rejectOnWorkerLost: boolean
  readonly maxDeliveries: number
  readonly maxRetries: number | null
  readonly defaultRetryDelay: Ms
  readonly retryBackoff: number | undefined
  readonly retryBackoffMax: Ms
  readonly retryJitter: boolean
  readonly timeLimit: Ms | undefined
  readonly softTimeLimit: Ms | undefined
  readonly ignoreResult: boolean
  readonly storeErrorsEvenIfIgnored: boolean
  readonly trackStarted: boolean
  readonly resultExpires: Ms | undefined
  /** How long an open chord is remembered after its last part; undefined = as long as it takes. */
  readonly chordLife: Ms | undefined
  readonly resultExtended: boolean
  readonly trail: boolean
  readonly sendEvents: boolean
  /** Undefined = none, as most tasks. */
  readonly limits: TaskLimits | undefined
}
