import { App } from '../../../src/app/app.js'
import type { SettingsInput } from '../../../src/app/settings.js'
import type { TaskOptions } from '../../../src/app/task-options.js'
import type { Queue } from '../../../src/brokers/broker.js'
import type { ResourceUsage } from '../../../src/lib/runtime.js'
import type { PoolStats } from '../../../src/pools/pool.js'
import { type NodeName, type QueueName, queueName, type TaskId, type TaskName } from '../../../src/protocol/ids.js'
import type { TaskRequest } from '../../../src/protocol/request.js'
import type { AutoscalerControl, HeldTask, WorkerView } from '../../../src/worker/commands/worker-view.js'
import { newRunning } from '../../../src/worker/running.js'
import type { Stamps } from '../../../src/worker/stamps.js'
import { type HandRuntime, handRuntime } from '../../app/hand-runtime.js'
import { requestOf } from '../requests.js'

export interface FakeViewOptions {
  readonly settings?: SettingsInput
  readonly tasks?: Readonly<Record<string, TaskOptions>>
  readonly held?: readonly HeldTask[]
  readonly events?: 'on' | 'off' | 'none'
  readonly autoscaler?: boolean
  readonly running?: number
  readonly brokerUrl?: string
}

const USAGE: ResourceUsage = {
  userCpu: 410.5,
  systemCpu: 62.2,
  rss: 59_969_536,
  maxRss: 58_244,
  minorPageFaults: 16_106,
  majorPageFaults: 0,
  fsReads: 8,
  fsWrites: 40,
  voluntaryContextSwitches: 85,
  involuntaryContextSwitches: 79,
}

/** A worker that only writes down what commands do to it. */
export class FakeView implements WorkerView {
  readonly runtime: HandRuntime = { ...handRuntime(), host: { ...handRuntime().host, usage: () => USAGE } }
  readonly name = 'w1@vector' as NodeName
  readonly app: App
  /** What was done, in order: `resize 5`. */
  readonly done: string[] = []
  readonly brokerUrl: string
  readonly backendUrl = 'redis://127.0.0.1:6379/5'
  readonly clock
  readonly startedAt = 0
  readonly work
  readonly pool
  readonly queues
  readonly limits
  readonly revoking
  readonly events
  readonly gossip

  constructor(options: FakeViewOptions = {}) {
    const { settings = {}, tasks = {}, held = [], events = 'on', running = 1 } = options
    this.app = new App('fake', settings, { runtime: this.runtime })
    for (const [name, task] of Object.entries(tasks)) this.app.task(name, () => undefined, task)
    this.brokerUrl = options.brokerUrl ?? 'amqp://guest:********@127.0.0.1:38605/vec'
    const { done, app } = this
    let value = 47
    this.clock = {
      get value() {
        return value
      },
      forward: () => ++value,
    }
    this.work = { held: () => held, total: new Map([['interop.sleep_for', 1]]) }
    const stats: PoolStats = {
      kind: 'prefork',
      size: 2,
      initialSize: 1,
      running,
      members: [16_588],
      handed: [1],
      handedTotal: 1,
      maxTasksPerChild: undefined,
      maxMemoryPerChild: undefined,
    }
    this.pool = {
      size: 2,
      running,
      maxSize: 8,
      stats: () => stats,
      resize: (size: number) => void done.push(`resize ${size}`),
      restart: () => void done.push('restart'),
      autoscaler: options.autoscaler === true ? autoscalerOf(done) : undefined,
    }
    const consumed: Queue[] = [...app.queues.declared]
    this.queues = {
      consumed,
      prefetch: 5,
      declared: (declaration: Parameters<WorkerView['queues']['declared']>[0]) => app.queues.declare(declaration),
      consume: (queue: Queue) => {
        consumed.push(queue)
        done.push(`consume ${JSON.stringify(queue)}`)
      },
      cancel: (queue: QueueName) => void done.push(`cancel ${queue}`),
    }
    this.limits = {
      rateLimit: (task: string) => app.policy(task).limits?.written ?? undefined,
      setRateLimit: (task: string, rate: string | number | undefined) => void done.push(`rate ${task} ${rate}`),
      setTimeLimits: (task: string, soft: number | undefined, hard: number | undefined) =>
        void done.push(`limits ${task} ${soft} ${hard}`),
    }
    const revoked = new Map<TaskId, number>([['22222222-2222-4222-8222-222222222222' as TaskId, 8_126_109]])
    const add = (ids: readonly TaskId[]): void => {
      for (const id of ids) revoked.set(id, 9000)
    }
    this.revoking = {
      ids: () => [...revoked.keys()],
      entries: () => revoked,
      revoke: (ids: readonly TaskId[]) => {
        add(ids)
        done.push(`revoke ${ids.join(' ')}`)
      },
      merge: (ids: readonly TaskId[]) => {
        add(ids)
        done.push(`merge ${ids.join(' ')}`)
      },
      revokeStamps: (stamps: Stamps) => void done.push(`stamps ${JSON.stringify([...stamps])}`),
      revokeRoots: (roots: readonly TaskId[]) => void done.push(`revoke roots ${roots.join(' ')}`),
      terminateRoots: (roots: readonly TaskId[], signal: string) => {
        const known = held.map(({ running }) => running.request).filter(({ rootId }) => roots.includes(rootId))
        done.push(`terminate roots ${roots.join(' ')} ${signal}`)
        return known.map(({ id }) => id)
      },
      terminate: (ids: readonly TaskId[], signal: string) => {
        const known = held.map(({ running: { request } }) => request.id).filter(id => ids.includes(id))
        done.push(`terminate ${known.join(' ')} ${signal}`)
        return known
      },
    }
    this.events = events === 'none' ? undefined : eventsOf(events === 'on', done)
    this.gossip = { election: (id: string, topic: string) => void done.push(`elect ${id} ${topic}`) }
  }

  get settings() {
    return this.app.settings
  }

  get origins() {
    return this.app.origins
  }

  get registry() {
    return this.app
  }

  shutDown(): void {
    this.done.push('shut down')
  }
}

/** A task in a worker's hands, as captured workers had them. */
export function heldTask(state: HeldTask['state'], changes: Partial<TaskRequest> & { readonly id: TaskId }): HeldTask {
  const request = requestOf({ task: 'interop.add' as TaskName, priority: 0, ...changes })
  const delivery = {
    message: request.message,
    queue: queueName('celery'),
    exchange: '',
    routingKey: 'celery',
    redelivered: false,
    faults: 0,
    begun: false,
    claim: 1,
    enqueuedAt: undefined,
    ack: () => Promise.resolve('settled' as const),
    requeue: () => Promise.resolve('settled' as const),
    begin: () => Promise.resolve('settled' as const),
    condemn: () => Promise.resolve('settled' as const),
    current: () => Promise.resolve(true),
  }
  const running = newRunning(request, [delivery], false)
  if (state === 'active') {
    running.started = { at: 1_795_171_598_914.158, pid: 16_588 }
    running.verdict = 'ack'
  }
  return { running, state }
}

function eventsOf(initially: boolean, done: string[]) {
  let on = initially
  const become = (next: boolean): boolean => {
    const changed = on !== next
    on = next
    return changed
  }
  return {
    enableTaskEvents: () => become(true),
    disableTaskEvents: () => become(false),
    heartbeat: () => void done.push('heartbeat'),
  }
}

function autoscalerOf(done: string[]): AutoscalerControl {
  const range = { max: 6, min: 2 }
  return {
    info: () => ({ ...range, current: 2, qty: 0 }),
    update: (max, min) => {
      range.max = max ?? range.max
      range.min = min ?? range.min
      done.push(`autoscale ${range.max} ${range.min}`)
      return range
    },
  }
}
