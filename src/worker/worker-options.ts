import type { Duration } from '../app/task-options.js'
import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import type { LoopBeat } from '../lib/loop-beat.js'
import type { Runtime } from '../lib/runtime.js'
import type { StartChild } from '../pools/child-line.js'
import type { AppSource } from './app-source.js'
import type { Effect } from './effect.js'
import type { Running } from './running.js'
import type { LineStore } from './spool.js'
import type { TextStore } from './state-file.js'

/** Each wins over the setting of the same name with prefix `worker` (limits: `task`). */
export interface WorkerOptions {
  /** Node name, with `%h %n %d`; default `celery@%h`. */
  readonly name?: string
  /** Queues to consume; default all declared ones. */
  readonly queues?: readonly string[]
  readonly excludeQueues?: readonly string[]
  /** Tasks that run at a time; default the number of CPUs. */
  readonly concurrency?: number
  /** Most and fewest slots of a pool that follows its load, instead of `concurrency`: `'10,1'`. Setting `workerAutoscale`. */
  readonly autoscale?: string | readonly [max: number, min: number]
  /** Setting `workerPool`: `inline`, `threads`, `prefork`, or Celery's other names for them. */
  readonly pool?: string
  /**
   * The module that exports the app, for pools whose children load it anew: a path, or a URL such as `import.meta.url`;
   * `:name` behind it names the export. The command `lovage worker` knows it by `-A`.
   */
  readonly module?: string | URL
  readonly prefetchMultiplier?: number
  /** Limits for tasks without their own. */
  readonly softTimeLimit?: Duration
  readonly timeLimit?: Duration
  /** Do not listen to other workers. Default: listen, unless the broker writes each copy of what many are told (embedded, PostgreSQL). */
  readonly withoutGossip?: boolean
  /** Do not ask other workers what they know. Default as `withoutGossip`. */
  readonly withoutMingle?: boolean
  /** Send no heartbeats: monitors and other workers do not see this one. */
  readonly withoutHeartbeat?: boolean
  /** Time between heartbeats. Default 2 s. */
  readonly heartbeatInterval?: Duration
  /** Drop what waits in the consumed queues before starting. */
  readonly purge?: boolean
  /** Where `/livez`, `/readyz` and `/metrics` are served: a port of this machine alone, or `host:port`. Default: nowhere. */
  readonly health?: string
  /** End (`closed` tells a `StallError`) when a stall outlasts a new connection. */
  readonly exitOnStall?: boolean
}

/** Seams for simulations and tests. */
export interface WorkerParts {
  /** Instead of the app's: several workers of one app can be processes of their own. */
  readonly runtime?: Runtime
  readonly broker?: Broker
  readonly backend?: ResultBackend
  /** Instead of `WorkerOptions.module`: with the settings that a command lays over the app's own. */
  readonly source?: AppSource
  /** Starts the children of the pool, instead of as processes or threads. */
  readonly startChild?: StartChild
  /** Lines of the spool; default a file at `resultSpoolPath`. */
  readonly spool?: LineStore
  /** Holds the worker's state; default the file that `workerStateDb` names. */
  readonly state?: TextStore
  /** No other worker can have its name: it looks for none. Default false. */
  readonly isAlone?: boolean
  /** Written by the worker's event loop, for a thread that watches it. */
  readonly beat?: LoopBeat
  /** Awaited after every effect: a simulation crashes here (F04). */
  afterEffect?(effect: Effect, running: Running): Promise<void> | undefined
}
