import type { Duration } from '../app/task-options.js'
import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { Effect } from './effect.js'
import type { Running } from './running.js'
import type { LineStore } from './spool.js'

/** Each wins over the setting of the same name with prefix `worker` (limits: `task`). */
export interface WorkerOptions {
  /** Node name, with `%h %n %d`; default `celery@%h`. */
  readonly name?: string
  /** Queues to consume; default all declared ones. */
  readonly queues?: readonly string[]
  readonly excludeQueues?: readonly string[]
  /** Tasks that run at a time; default the number of CPUs. */
  readonly concurrency?: number
  /** Setting `workerPool`: `inline` and its other names. */
  readonly pool?: string
  readonly prefetchMultiplier?: number
  /** Limits for tasks without their own. */
  readonly softTimeLimit?: Duration
  readonly timeLimit?: Duration
  /** Drop what waits in the consumed queues before starting. */
  readonly purge?: boolean
}

/** Seams for simulations and tests. */
export interface WorkerParts {
  /** Instead of the app's: several workers of one app can be processes of their own. */
  readonly runtime?: Runtime
  readonly broker?: Broker
  readonly backend?: ResultBackend
  /** Lines of the spool; default a file at `resultSpoolPath`. */
  readonly spool?: LineStore
  /** Awaited after every effect: a simulation crashes here (F04). */
  afterEffect?(effect: Effect, running: Running): Promise<void> | undefined
}
