import { Gauge, Registry } from 'prom-client'
import type { App } from '../app/app.js'
import { dial } from '../app/dial.js'
import type { MetricsPage } from '../app/extension.js'
import { knownQueues } from '../app/known-queues.js'
import { queueStats } from '../app/unserved-queues.js'
import type { QueueStats } from '../brokers/broker.js'
import type { Ms } from '../lib/time.js'
import type { ActiveQueueInfo, ControlFailure, WorkerStats } from '../protocol/inspect-replies.js'
import type { Prometheus } from './prometheus.js'

export interface PrometheusClusterOptions {
  /** Where the metrics are kept. Default: a registry of their own. */
  readonly register?: Registry
  /** Longest wait for the answer of a worker, and from each to the next; seconds or text. Default 1 s. */
  readonly timeout?: number | string
}

/** Prometheus gives up after 10 s by default. */
const LIMIT: Ms = 8000
/** Queues that are remembered, also when nobody consumes them any more. */
const MOST = 1000

/**
 * Metrics of the cluster, not of one process: how much waits in each queue, and which workers serve it. Asks broker and workers
 * when it is asked, Lovage's and Celery's. Use it in one process alone. Names and meanings are celery-exporter's.
 */
export function prometheusCluster(app: App, options: PrometheusClusterOptions = {}): Prometheus {
  const register = options.register ?? new Registry()
  const metrics = new ClusterMetrics(app, register, options.timeout)
  return { name: 'prometheus-cluster', register, metrics: () => metrics.page() }
}

class ClusterMetrics {
  readonly #app: App
  readonly #register: Registry
  readonly #timeout: number | string | undefined
  readonly #gauges: ReturnType<typeof gauges>
  readonly #queues = new Set<string>()
  #asking: Promise<void> | undefined

  constructor(app: App, register: Registry, timeout: number | string | undefined) {
    this.#app = app
    this.#register = register
    this.#timeout = timeout
    this.#gauges = gauges(register)
  }

  async page(): Promise<MetricsPage> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
    return { type: this.#register.contentType, body: await this.#register.metrics() }
  }

  /** What cannot be had is left out of the page. Never rejects. */
  async #ask(): Promise<void> {
    const { runtime } = this.#app
    const late = new AbortController()
    using _timer = runtime.clock.timer(LIMIT, () => late.abort(new Error(`no answer within ${LIMIT / 1000} s`)))
    for (const gauge of Object.values(this.#gauges)) gauge.reset()
    try {
      await this.#workers(late.signal)
      for (const { queue, ready, consumers } of await this.#lengths(late.signal)) {
        this.#gauges.length.set({ queue_name: queue }, ready)
        if (consumers !== undefined) this.#gauges.consumers.set({ queue_name: queue }, consumers)
      }
    } catch (error) {
      runtime.log.warning(
        `Metrics of the cluster are missing: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  async #workers(signal: AbortSignal): Promise<void> {
    const inspect = this.#app.inspect({ timeout: this.#timeout, signal })
    const [stats, served] = await Promise.all([inspect.stats(), inspect.activeQueues()])
    const found = queuesOf(served, stats)
    for (const name of [...knownQueues(this.#app.settings, this.#app.queues), ...found.keys()]) {
      if (this.#queues.size < MOST) this.#queues.add(name)
    }
    for (const queue_name of this.#queues) {
      const { workers, processes } = found.get(queue_name) ?? NOBODY
      this.#gauges.workers.set({ queue_name }, workers)
      this.#gauges.processes.set({ queue_name }, processes)
    }
  }

  async #lengths(signal: AbortSignal): Promise<readonly QueueStats[]> {
    const { runtime, origin: name, settings } = this.#app
    const how = { runtime, name, connectTimeout: settings.brokerConnectionTimeout }
    await using connection = await dial(await this.#app.broker('read'), how, signal)
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    stopped.catch(() => undefined)
    return await Promise.race([queueStats(connection, [...this.#queues]), stopped])
  }
}

interface Served {
  readonly workers: number
  readonly processes: number
}

const NOBODY: Served = Object.freeze({ workers: 0, processes: 0 })

/** By queue; answers that are none, or an error, count for nothing. */
function queuesOf(
  served: Readonly<Record<string, readonly ActiveQueueInfo[] | ControlFailure>>,
  stats: Readonly<Record<string, WorkerStats | ControlFailure>>,
): ReadonlyMap<string, Served> {
  const found = new Map<string, Served>()
  for (const [worker, queues] of Object.entries(served)) {
    if (!Array.isArray(queues)) continue
    const size = processesOf(stats[worker])
    for (const { name } of queues as readonly ActiveQueueInfo[]) {
      const { workers, processes } = found.get(name) ?? NOBODY
      found.set(name, { workers: workers + 1, processes: processes + size })
    }
  }
  return found
}

/** Source: danihodovic/celery-exporter:src/exporter.py `track_queue_metrics`. */
function processesOf(stats: WorkerStats | ControlFailure | undefined): number {
  const processes = stats !== undefined && 'pool' in stats ? stats.pool?.['processes'] : undefined
  return Array.isArray(processes) ? processes.length : 0
}

function gauges(register: Registry) {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['queue_name'] as const, registers: [register] })
  return {
    length: gauge('celery_queue_length', 'The number of message in broker queue.'),
    consumers: gauge('celery_active_consumer_count', 'The number of active consumer in broker queue.'),
    workers: gauge('celery_active_worker_count', 'The number of active workers in broker queue.'),
    processes: gauge('celery_active_process_count', 'The number of active processes in broker queue.'),
  }
}
