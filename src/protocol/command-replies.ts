import type { ResourceUsage } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import { type Dict, setMember } from './dict.js'
import { formatIso, isWritableTime } from './iso8601.js'

/*
 * Answers of `inspect` commands in the words of the wire: what monitors read. Source of the shapes: celery/worker/request.py
 * `Request.info`, celery/worker/worker.py `stats`, celery/concurrency/prefork.py, kombu/entity.py `Queue.as_dict`.
 */

/** A task that a worker holds. */
export interface RequestInfo {
  readonly id: string
  /** As it is shown: `shadow` where the message has one. */
  readonly name: string
  /** The registered name. */
  readonly type: string
  /** Values, or texts where the asker wanted those. */
  readonly args: unknown
  readonly kwargs: unknown
  /** Node name. */
  readonly hostname: string
  /** Undefined: not started. */
  readonly startedAt: EpochMs | undefined
  readonly acknowledged: boolean
  readonly exchange: string
  readonly routingKey: string
  readonly priority: number | undefined
  readonly redelivered: boolean
  readonly pid: number | undefined
}

export function requestInfoToDict(info: RequestInfo): Dict {
  return {
    id: info.id,
    name: info.name,
    args: info.args,
    kwargs: info.kwargs,
    type: info.type,
    hostname: info.hostname,
    time_start: info.startedAt === undefined ? null : info.startedAt / 1000,
    acknowledged: info.acknowledged,
    delivery_info: {
      exchange: info.exchange,
      routing_key: info.routingKey,
      priority: info.priority ?? 0,
      redelivered: info.redelivered,
    },
    worker_pid: info.pid ?? null,
  }
}

/** One entry of `scheduled`. The priority is that of Celery's timer, the same for all. */
export function scheduledToDict(eta: EpochMs, info: RequestInfo): Dict {
  return { eta: isWritableTime(eta) ? formatIso(eta) : null, priority: 6, request: requestInfoToDict(info) }
}

/** A queue that is consumed. Absent options are null. */
export interface ConsumedQueue {
  readonly name: string
  readonly exchange: {
    readonly name: string
    readonly type: string
    readonly durable: boolean
    readonly autoDelete: boolean
  }
  readonly routingKey: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly queueArguments: Dict | undefined
  readonly maxPriority: number | undefined
}

export function consumedQueueToDict(queue: ConsumedQueue): Dict {
  const { exchange } = queue
  return {
    name: queue.name,
    exchange: {
      name: exchange.name,
      type: exchange.type,
      arguments: null,
      durable: exchange.durable,
      passive: false,
      auto_delete: exchange.autoDelete,
      delivery_mode: null,
      no_declare: false,
    },
    routing_key: queue.routingKey,
    queue_arguments: queue.queueArguments ?? null,
    binding_arguments: null,
    consumer_arguments: null,
    durable: queue.durable,
    exclusive: queue.exclusive,
    auto_delete: queue.autoDelete,
    no_ack: false,
    alias: null,
    bindings: [],
    no_declare: null,
    expires: null,
    message_ttl: null,
    max_length: null,
    max_length_bytes: null,
    max_priority: queue.maxPriority ?? null,
  }
}

export interface WorkerStats {
  /** Started so far, by task name. */
  readonly total: ReadonlyMap<string, number>
  readonly pid: number
  /** The logical clock. */
  readonly clock: number
  readonly uptime: Ms
  readonly pool: PoolInfo
  readonly broker: BrokerInfo
  /** 0 = no limit. */
  readonly prefetchCount: number
  /** Undefined where nothing can be measured. */
  readonly usage: ResourceUsage | undefined
  readonly autoscaler: AutoscalerInfo | undefined
}

export interface AutoscalerInfo {
  readonly max: number
  readonly min: number
  /** Slots now. */
  readonly current: number
  /** Messages reserved. */
  readonly qty: number
}

/** Members of prefork for every pool: monitors read those. */
export interface PoolInfo {
  readonly implementation: string
  readonly maxConcurrency: number
  /** Ids of processes or threads. */
  readonly processes: readonly number[]
  readonly maxTasksPerChild: number | undefined
  readonly softTimeLimit: Ms | undefined
  readonly timeLimit: Ms | undefined
  /** Calls handed to each of `processes` so far. */
  readonly writes: readonly number[]
  /** The same of all there ever were. */
  readonly writesTotal: number
  readonly running: number
}

export interface BrokerInfo {
  readonly hostname: string | undefined
  readonly userid: string | undefined
  readonly virtualHost: string | undefined
  readonly port: number | undefined
  readonly ssl: boolean
  readonly transport: string
  readonly connectTimeout: Ms
  readonly transportOptions: Dict
  readonly loginMethod: string | undefined
  readonly heartbeat: Ms
  /** Masked URLs. */
  readonly alternates: readonly string[]
}

export function workerStatsToDict(stats: WorkerStats): Dict {
  return {
    total: totals(stats.total),
    pid: stats.pid,
    clock: String(stats.clock),
    uptime: Math.round(stats.uptime / 1000),
    pool: poolToDict(stats.pool),
    ...(stats.autoscaler === undefined ? {} : { autoscaler: stats.autoscaler }),
    broker: brokerToDict(stats.broker),
    prefetch_count: stats.prefetchCount,
    rusage: stats.usage === undefined ? 'N/A' : usageToDict(stats.usage),
  }
}

function totals(total: ReadonlyMap<string, number>): Dict {
  const found: Record<string, unknown> = {}
  for (const [name, count] of total) setMember(found, name, count)
  return found
}

/** Shares are of what the present members got. Source: celery/concurrency/prefork.py, asynpool.py `human_write_stats`. */
function poolToDict(pool: PoolInfo): Dict {
  const { writes } = pool
  const present = writes.reduce((sum, count) => sum + count, 0)
  const shares = writes.map(count => (present === 0 ? 0 : count / present).toFixed(2))
  return {
    implementation: pool.implementation,
    'max-concurrency': pool.maxConcurrency,
    processes: pool.processes,
    'max-tasks-per-child': pool.maxTasksPerChild ?? 'N/A',
    'put-guarded-by-semaphore': true,
    timeouts: [(pool.softTimeLimit ?? 0) / 1000, (pool.timeLimit ?? 0) / 1000],
    writes: {
      total: pool.writesTotal,
      avg: (present === 0 ? 0 : 1 / writes.length).toFixed(2),
      all: present === 0 ? '' : shares.join(', '),
      raw: present === 0 ? '' : writes.join(', '),
      strategy: 'fair',
      inqueues: { total: pool.processes.length, active: pool.running },
    },
  }
}

function brokerToDict(broker: BrokerInfo): Dict {
  return {
    hostname: broker.hostname ?? null,
    userid: broker.userid ?? null,
    virtual_host: broker.virtualHost ?? null,
    port: broker.port ?? null,
    insist: false,
    ssl: broker.ssl,
    transport: broker.transport,
    connect_timeout: broker.connectTimeout / 1000,
    transport_options: broker.transportOptions,
    login_method: broker.loginMethod ?? null,
    uri_prefix: null,
    heartbeat: broker.heartbeat / 1000,
    failover_strategy: 'round-robin',
    alternates: broker.alternates,
    credential_provider: null,
  }
}

/** What the system does not count is 0, as Linux leaves it. Source: getrusage(2). */
function usageToDict(usage: ResourceUsage): Dict {
  return {
    utime: usage.userCpu / 1000,
    stime: usage.systemCpu / 1000,
    maxrss: usage.maxRss,
    ixrss: 0,
    idrss: 0,
    isrss: 0,
    minflt: usage.minorPageFaults,
    majflt: usage.majorPageFaults,
    nswap: 0,
    inblock: usage.fsReads,
    oublock: usage.fsWrites,
    msgsnd: 0,
    msgrcv: 0,
    nsignals: 0,
    nvcsw: usage.voluntaryContextSwitches,
    nivcsw: usage.involuntaryContextSwitches,
  }
}

/** What two workers tell each other when one of them starts: the ids that must not run, and the logical clock. */
export interface SyncReply {
  /** With the sender's monotonic time, which means nothing elsewhere. */
  readonly revoked: Iterable<readonly [id: string, since: Ms]>
  readonly clock: number
}

export function syncReplyToDict({ revoked, clock }: SyncReply): Dict {
  return { revoked: revokedToDict(revoked), clock }
}

/**
 * `{"<id>": [<seconds>, "<id>"]}`. The seconds always have a fraction: a Python worker that finds an integer there answers an
 * error and takes over nothing. Source: celery/utils/collections.py `LimitedSet.update`.
 */
export function revokedToDict(revoked: Iterable<readonly [id: string, since: Ms]>): Dict {
  const found: Record<string, unknown> = {}
  for (const [id, since] of revoked) setMember(found, id, [(Math.floor(since) + 0.5) / 1000, id])
  return found
}

/** The ids of what another worker sent, in any of the forms that Python takes: `{id: [time, id]}`, `{id: time}`, `[id, …]`. */
export function revokedIdsFrom(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter(id => typeof id === 'string')
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}
