import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { App } from '../app/app.js'
import type { Extension, ObservedEvent } from '../app/extension.js'
import { BoundedMap } from '../lib/bounded-map.js'
import type { SteadyMs } from '../lib/time.js'
import type { ExceptionInfo } from '../protocol/result-meta.js'
import { KnownLabels } from './known-labels.js'

export interface PrometheusOptions {
  /** Where the metrics are kept. Default: a registry of their own; give your own to serve them beside others. */
  readonly register?: Registry
  /** Upper ends of the buckets of run times and waits, seconds. Default: prom-client's, 5 ms to 10 s. */
  readonly buckets?: readonly number[]
}

/** The extension, and the registry with its metrics. */
export interface Prometheus extends Extension {
  readonly register: Registry
  metrics(): Promise<{ readonly type: string; readonly body: string }>
}

/** Waiting tasks that are remembered, to tell how long each has waited. */
const WAITING = Object.freeze({ max: 10_000, ttl: 86_400_000 })

/**
 * Metrics of the clients and workers of this process: `app.use(prometheus(app))`. A worker with a health address serves them
 * at `/metrics`.
 *
 * Names and labels are Flower's (`flower_…`) and celery-exporter's (`celery_…`), so that dashboards made for them go on
 * working; `lovage_…` tells what neither has. A worker tells about itself alone: Prometheus adds up.
 */
export function prometheus(app: Pick<App, 'runtime'>, options: PrometheusOptions = {}): Prometheus {
  const register = options.register ?? new Registry()
  const metrics = new Metrics(app, register, options.buckets)
  return {
    name: 'prometheus',
    register,
    publish: async (message, next, to) => {
      await next(message)
      metrics.sent(message.headers['task'], to.routingKey)
    },
    observe: event => metrics.observe(event),
    metrics: async () => ({ type: register.contentType, body: await register.metrics() }),
  }
}

const TASK = ['name', 'hostname', 'queue_name'] as const

/** Event types that celery-exporter counts, and what it says of them. */
const COUNTED = {
  'task-received': 'Sent when the worker receives a task.',
  'task-started': 'Sent just before the worker executes the task.',
  'task-succeeded': 'Sent if the task executed successfully.',
  'task-rejected': 'The task was rejected by the worker, possibly to be re-queued or moved to a dead letter queue.',
  'task-revoked': 'Sent if the task has been revoked.',
  'task-retried': 'Sent if the task failed, but will be retried in the future.',
} as const

class Metrics {
  readonly #app: Pick<App, 'runtime'>
  readonly #names = new KnownLabels()
  readonly #queues = new KnownLabels()
  readonly #exceptions = new KnownLabels()
  readonly #types = new KnownLabels(100)
  readonly #waiting = new BoundedMap<string, SteadyMs>(WAITING)
  readonly #flower: ReturnType<typeof flower>
  readonly #exporter: ReturnType<typeof exporter>
  readonly #lovage: ReturnType<typeof lovage>

  constructor(app: Pick<App, 'runtime'>, register: Registry, buckets: readonly number[] | undefined) {
    this.#app = app
    this.#flower = flower(register, buckets)
    this.#exporter = exporter(register, buckets)
    this.#lovage = lovage(register, buckets)
  }

  sent(task: unknown, queue: string): void {
    const { name: hostname } = this.#app.runtime.host
    this.#exporter.sent.inc(taskLabels(this.#names.keep(task), hostname, this.#queues.keep(queue)))
  }

  observe({ type, fields }: ObservedEvent): void {
    const worker = String(fields['worker'])
    if (type.startsWith('task-')) this.#observeTask(type, worker, fields)
    else if (type === 'worker-looked') this.#looked(worker, fields)
    else if (type === 'beat-looked') this.#ticked(fields)
    else if (type === 'beat-sent') this.#beatSent(fields)
    else if (type === 'worker-stalled') this.#lovage.stalls.inc({ worker, queue: this.#queues.keep(fields['queue']) })
    else if (type === 'stale-ack') this.#lovage.staleAcks.inc({ worker })
    else if (type === 'dead-letter-written') {
      const reason = this.#types.keep(fields['reason'])
      this.#lovage.deadLetters.inc({ worker, queue: this.#queues.keep(fields['queue']), reason })
    } else if (type === 'dead-letter-dropped') {
      this.#lovage.dropped.inc({ worker, queue: this.#queues.keep(fields['queue']) })
    } else if (type === 'dead-letters-full')
      this.#lovage.full.inc({ worker, queue: this.#queues.keep(fields['queue']) })
    else if (type === 'queue-unserved') {
      this.#lovage.unserved.set({ queue: this.#queues.keep(fields['queue']) }, Number(fields['depth']))
    }
  }

  #observeTask(type: string, worker: string, fields: ObservedEvent['fields']): void {
    const task = this.#names.keep(fields['task'])
    const labels = taskLabels(task, hostOf(worker), this.#queues.keep(fields['queue']))
    this.#flower.events.inc({ worker, type: this.#types.keep(type), task })
    if (type in COUNTED) this.#exporter.counters[type as keyof typeof COUNTED].inc(labels)
    const at = this.#app.runtime.clock.steady()
    switch (type) {
      case 'task-received':
        if (fields['eta'] === undefined) this.#received(String(fields['id']), { worker, task }, at)
        return
      case 'task-started':
        this.#started(String(fields['id']), { worker, task }, at)
        this.#waited(labels.queue_name, task, fields)
        return
      case 'task-succeeded': {
        const seconds = Number(fields['runtime']) / 1000
        this.#flower.runtime.observe({ worker, task }, seconds)
        this.#exporter.runtime.observe(labels, seconds)
        this.#flower.prefetchTime.set({ worker, task }, 0)
        return
      }
      case 'task-failed': {
        const { type: exception } = fields['error'] as ExceptionInfo
        this.#exporter.failed.inc({ ...labels, exception: this.#exceptions.keep(exception) })
        this.#flower.prefetchTime.set({ worker, task }, 0)
        return
      }
      case 'task-progress':
        return
      default:
        // It ends without having been started.
        this.#left(String(fields['id']), { worker, task })
    }
  }

  #received(id: string, labels: WorkerTask, at: SteadyMs): void {
    if (this.#waiting.get(id, at) === undefined) this.#flower.prefetched.inc(labels)
    this.#waiting.set(id, at, at)
  }

  #started(id: string, labels: WorkerTask, at: SteadyMs): void {
    const since = this.#waiting.get(id, at)
    if (since === undefined) return
    this.#flower.prefetchTime.set(labels, (at - since) / 1000)
    this.#left(id, labels)
  }

  #left(id: string, labels: WorkerTask): void {
    if (this.#waiting.delete(id)) this.#flower.prefetched.dec(labels)
  }

  /** From the queue (or the eta) to the start, where the broker knows when it came. */
  #waited(queue: string, task: string, { enqueuedAt, eta }: ObservedEvent['fields']): void {
    if (typeof enqueuedAt !== 'number') return
    const from = typeof eta === 'number' ? Math.max(enqueuedAt, eta) : enqueuedAt
    const ms = Math.max(0, this.#app.runtime.clock.now() - from)
    this.#lovage.wait.observe({ queue, task }, ms / 1000)
  }

  #looked(worker: string, { lag, busy, slots }: ObservedEvent['fields']): void {
    const hostname = hostOf(worker)
    this.#flower.online.set({ worker }, 1)
    this.#flower.executing.set({ worker }, Number(busy))
    this.#exporter.up.set({ hostname }, 1)
    this.#exporter.active.set({ hostname }, Number(busy))
    this.#lovage.lag.set({ worker }, Number(lag) / 1000)
    this.#lovage.slots.set({ worker }, Number(slots))
  }

  #ticked({ beat, tick, leads, entries, late }: ObservedEvent['fields']): void {
    const labels = { beat: String(beat) }
    this.#lovage.tick.set(labels, Number(tick) / 1000)
    this.#lovage.leads.set(labels, leads === true ? 1 : 0)
    this.#lovage.entries.set(labels, Number(entries))
    this.#lovage.late.set(labels, Number(late) / 1000)
  }

  #beatSent({ task, late }: ObservedEvent['fields']): void {
    this.#lovage.runs.observe({ task: this.#names.keep(task) }, Math.max(0, Number(late)) / 1000)
  }
}

interface WorkerTask {
  readonly worker: string
  readonly task: string
}

/** Source: mher/flower:flower/events.py `PrometheusMetrics`. */
function flower(register: Registry, buckets: readonly number[] | undefined) {
  const registers = [register]
  const labelNames = ['worker', 'task'] as const
  return {
    events: new Counter({
      name: 'flower_events_total',
      help: 'Number of events',
      labelNames: ['worker', 'type', 'task'] as const,
      registers,
    }),
    runtime: new Histogram({
      name: 'flower_task_runtime_seconds',
      help: 'Task runtime',
      labelNames,
      registers,
      ...within(buckets),
    }),
    prefetchTime: new Gauge({
      name: 'flower_task_prefetch_time_seconds',
      help: 'The time the task spent waiting at the celery worker to be executed.',
      labelNames,
      registers,
    }),
    prefetched: new Gauge({
      name: 'flower_worker_prefetched_tasks',
      help: 'Number of tasks of given type prefetched at a worker',
      labelNames,
      registers,
    }),
    online: new Gauge({
      name: 'flower_worker_online',
      help: 'Worker online status',
      labelNames: ['worker'] as const,
      registers,
    }),
    executing: new Gauge({
      name: 'flower_worker_number_of_currently_executing_tasks',
      help: 'Number of tasks currently executing at a worker',
      labelNames: ['worker'] as const,
      registers,
    }),
  }
}

/** Source: danihodovic/celery-exporter:src/exporter.py. Its client library writes the names of counters with `_total`. */
function exporter(register: Registry, buckets: readonly number[] | undefined) {
  const registers = [register]
  const counter = <T extends string>(type: string, help: string, labelNames: readonly T[]): Counter<T> =>
    new Counter({ name: `celery_${type.replace('-', '_')}_total`, help, labelNames, registers })
  return {
    sent: counter('task-sent', 'Sent when a task message is published.', TASK),
    failed: counter('task-failed', 'Sent if the execution of the task failed.', [...TASK, 'exception'] as const),
    counters: {
      'task-received': counter('task-received', COUNTED['task-received'], TASK),
      'task-started': counter('task-started', COUNTED['task-started'], TASK),
      'task-succeeded': counter('task-succeeded', COUNTED['task-succeeded'], TASK),
      'task-rejected': counter('task-rejected', COUNTED['task-rejected'], TASK),
      'task-revoked': counter('task-revoked', COUNTED['task-revoked'], TASK),
      'task-retried': counter('task-retried', COUNTED['task-retried'], TASK),
    } satisfies Record<keyof typeof COUNTED, Counter<(typeof TASK)[number]>>,
    runtime: new Histogram({
      name: 'celery_task_runtime',
      help: 'Histogram of task runtime measurements.',
      labelNames: TASK,
      registers,
      ...within(buckets),
    }),
    up: new Gauge({
      name: 'celery_worker_up',
      help: 'Indicates if a worker has recently sent a heartbeat.',
      labelNames: ['hostname'] as const,
      registers,
    }),
    active: new Gauge({
      name: 'celery_worker_tasks_active',
      help: 'The number of tasks the worker is currently processing',
      labelNames: ['hostname'] as const,
      registers,
    }),
  }
}

function lovage(register: Registry, buckets: readonly number[] | undefined) {
  const registers = [register]
  return {
    wait: new Histogram({
      name: 'lovage_queue_wait_seconds',
      help: 'Time from the queue, or from the eta, to the start, where the broker knows it.',
      labelNames: ['queue', 'task'] as const,
      registers,
      ...within(buckets),
    }),
    lag: new Gauge({
      name: 'lovage_event_loop_lag_seconds',
      help: 'How late the event loop came to what was due.',
      labelNames: ['worker'] as const,
      registers,
    }),
    slots: new Gauge({
      name: 'lovage_worker_slots',
      help: 'Tasks that the worker may run at a time.',
      labelNames: ['worker'] as const,
      registers,
    }),
    stalls: new Counter({
      name: 'lovage_stalls_total',
      help: 'How often a queue held messages, slots were free and nothing was delivered.',
      labelNames: ['worker', 'queue'] as const,
      registers,
    }),
    tick: new Gauge({
      name: 'lovage_beat_last_tick_timestamp_seconds',
      help: 'When the beat last looked for what is due, or asked for the lead.',
      labelNames: ['beat'] as const,
      registers,
    }),
    leads: new Gauge({
      name: 'lovage_beat_leads',
      help: '1 in the beat that sends, 0 in a spare.',
      labelNames: ['beat'] as const,
      registers,
    }),
    entries: new Gauge({
      name: 'lovage_beat_entries',
      help: 'Entries of the schedule that the beat keeps; 0 in a spare.',
      labelNames: ['beat'] as const,
      registers,
    }),
    late: new Gauge({
      name: 'lovage_beat_late_seconds',
      help: 'For how long a run has been due that cannot be sent.',
      labelNames: ['beat'] as const,
      registers,
    }),
    runs: new Histogram({
      name: 'lovage_beat_run_lateness_seconds',
      help: 'From the due time to when the run had been sent.',
      labelNames: ['task'] as const,
      registers,
      ...within(buckets),
    }),
    staleAcks: new Counter({
      name: 'lovage_stale_acks_total',
      help: "Acks of messages that were no longer the worker's.",
      labelNames: ['worker'] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: 'lovage_dead_letters_total',
      help: 'Dead letters that the worker has written.',
      labelNames: ['worker', 'queue', 'reason'] as const,
      registers,
    }),
    dropped: new Counter({
      name: 'lovage_dead_letters_dropped_total',
      help: 'Dead letters that the worker has dropped to make room for others.',
      labelNames: ['worker', 'queue'] as const,
      registers,
    }),
    full: new Counter({
      name: 'lovage_dead_letters_full_total',
      help: 'How often the worker stopped to consume a queue because its dead-letter place was full.',
      labelNames: ['worker', 'queue'] as const,
      registers,
    }),
    unserved: new Gauge({
      name: 'lovage_unserved_queue_messages',
      help: 'Messages in a queue that had no consumer when it was last complained of.',
      labelNames: ['queue'] as const,
      registers,
    }),
  }
}

function within(buckets: readonly number[] | undefined): { readonly buckets?: number[] } {
  return buckets === undefined ? {} : { buckets: [...buckets] }
}

function taskLabels(name: string, hostname: string, queue: string) {
  return { name, hostname, queue_name: queue }
}

/** `celery@web1` → `web1`. Source: celery-exporter's `get_hostname`. */
function hostOf(worker: string): string {
  return worker.slice(worker.indexOf('@') + 1)
}
