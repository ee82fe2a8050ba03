import type { NamedQueueDeclaration } from '../../app/queue-declaration.js'
import type { Origin, SettingName, Settings } from '../../app/settings.js'
import type { RegisteredTask } from '../../app/task.js'
import type { TaskOptions, TaskPolicy } from '../../app/task-options.js'
import type { Queue } from '../../brokers/broker.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { PoolStats } from '../../pools/pool.js'
import type { AutoscalerInfo } from '../../protocol/command-replies.js'
import type { NodeName, QueueName, TaskId } from '../../protocol/ids.js'
import type { WorkState } from '../intake.js'
import type { Running } from '../running.js'
import type { Stamps } from '../stamps.js'

/*
 * What commands see of a worker, and what they may do to it. Each command names the few members it uses, so that it is tested
 * without a broker, and nobody can do by remote control what is not written here.
 */
export interface WorkerView {
  readonly name: NodeName
  readonly runtime: Runtime
  readonly settings: Settings
  readonly origins: Readonly<Record<SettingName, Origin>>
  readonly registry: Registry
  /** The broker's URL, password masked. */
  readonly brokerUrl: string
  /** Undefined: results are not kept. */
  readonly backendUrl: string | undefined
  readonly clock: LogicalClock
  readonly startedAt: SteadyMs
  readonly work: WorkView
  readonly pool: PoolControl
  readonly queues: QueueControl
  readonly limits: LimitControl
  readonly revoking: Revoking
  /** Undefined: this worker sends no events. */
  readonly events: EventsControl | undefined
  /** Undefined: no gossip, so no part in elections. */
  readonly gossip: GossipControl | undefined
  /** Warm. Returns at once. */
  shutDown(): void
}

/** The tasks that are registered here. */
export interface Registry {
  readonly tasks: ReadonlyMap<string, RegisteredTask>
  taskOptions(name: string): TaskOptions | undefined
  policy(name: string): TaskPolicy
}

export interface LogicalClock {
  readonly value: number
  forward(): number
}

/** What the worker has in hand. */
export interface WorkView {
  /** Everything held, whatever it waits for or does. */
  held(): Iterable<HeldTask>
  /** Started so far, by task; at most 10,000 names and `other` (L18). */
  readonly total: ReadonlyMap<string, number>
}

export interface HeldTask {
  readonly running: Running
  /**
   * `active`: user code runs; `reserved`: the next slot is its; `scheduled`: it waits for its eta; `ready`: it is known, and
   * neither (a rate limit holds it, or its state is looked up).
   */
  readonly state: WorkState
}

export interface PoolControl {
  readonly size: number
  readonly running: number
  /** Most slots that may be asked for. */
  readonly maxSize: number
  stats(): PoolStats
  resize(size: number): void
  restart(): void
  readonly autoscaler: AutoscalerControl | undefined
}

export interface AutoscalerControl {
  info(): AutoscalerInfo
  /** Undefined leaves a bound as it is. Answers what holds now. */
  update(max: number | undefined, min: number | undefined): { readonly max: number; readonly min: number }
}

export interface QueueControl {
  readonly consumed: readonly Queue[]
  /** The window the broker was last told; 0 = no limit. */
  readonly prefetch: number
  /** The queue of that name; made of the declaration when there is none. Throws `ConfigError`. */
  declared(declaration: NamedQueueDeclaration): Queue
  /** Begins later; what goes wrong then is said in the log. */
  consume(queue: Queue): void
  cancel(queue: QueueName): void
}

export interface LimitControl {
  /** As it was set, by the task's options or since. */
  rateLimit(task: string): string | number | undefined
  setRateLimit(task: string, rate: string | number | undefined): void
  /** For tasks accepted from now on; undefined = none of its own. */
  setTimeLimits(task: string, soft: Ms | undefined, hard: Ms | undefined): void
}

export interface Revoking {
  /** Ids that must not start here, oldest first. */
  ids(): readonly TaskId[]
  /** With the steady time at which each was told. */
  entries(): Iterable<readonly [TaskId, SteadyMs]>
  /** Tells everybody who keeps such things: this worker, its file, the shared log, the result backend. */
  revoke(ids: readonly TaskId[]): void
  /** As `revoke`, for what another worker knows: it has told the rest of the world already. */
  merge(ids: readonly TaskId[]): void
  revokeStamps(stamps: Stamps): void
  /** Every task of these workflows, whatever its id. */
  revokeRoots(roots: readonly TaskId[]): void
  /** Ends these by their AbortSignal, then by the signal, then for good; the ids that this worker holds. */
  terminate(ids: readonly TaskId[], signal: string): readonly TaskId[]
  /** The same with every task of these workflows. */
  terminateRoots(roots: readonly TaskId[], signal: string): readonly TaskId[]
}

export interface EventsControl {
  /** True: they were off. */
  enableTaskEvents(): boolean
  /** True: they were on and could be turned off. */
  disableTaskEvents(): boolean
  heartbeat(): void
}

export interface GossipControl {
  election(id: string, topic: string, action: unknown): void
}
