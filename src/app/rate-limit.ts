import type { LimitWindow } from '../brokers/limits/limit-window.js'
import type { Kwargs } from '../protocol/signature.js'

/** Which calls are counted together; null or undefined = all calls of the task that say so. */
export type LimitKey = (args: readonly unknown[], kwargs: Kwargs) => string | number | null | undefined

/** A rate: a number per second, or text `'10/s'`, `'100/m'`, `'5/h'`. */
export type Rate = string | number

/** A rate limit that Celery has not: over the whole cluster, by key, or several windows at once. */
export interface RateLimit {
  /** At most so many starts in any second, minute or hour; several hold together. */
  readonly limit: Rate | readonly Rate[]
  /** Who counts: each worker for itself (default), or all workers of the cluster together, in the broker's store. */
  readonly scope?: 'worker' | 'cluster'
  /** Calls with the same key are counted together. Default: all calls of the task. */
  readonly key?: LimitKey
}

/** Limits of a task, read. */
export interface TaskLimits {
  /** Celery's: starts per second in one worker, evenly spaced; 0 = none. */
  readonly rate: number
  /** The same as it was written, for people; null = none. */
  readonly written: Rate | null
  readonly counted: CountedRate | undefined
  readonly concurrent: Concurrent | undefined
}

export interface CountedRate {
  readonly windows: readonly LimitWindow[]
  readonly scope: 'worker' | 'cluster'
  readonly key: LimitKey | undefined
}

/** So many at a time over the whole cluster. */
export interface Concurrent {
  readonly max: number
  readonly key: LimitKey | undefined
}
