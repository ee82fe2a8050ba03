import type { App } from '../app/app.js'
import type { Queue } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { SteadyMs } from '../lib/time.js'
import type { NodeName } from '../protocol/ids.js'
import type {
  EventsControl,
  GossipControl,
  LimitControl,
  LogicalClock,
  PoolControl,
  QueueControl,
  Revoking,
  WorkerView,
} from './commands/worker-view.js'
import type { Intake } from './intake.js'
import type { Session } from './session.js'
import type { TaskTotals } from './task-totals.js'

export interface LiveViewParts {
  readonly app: App
  readonly name: NodeName
  readonly runtime: Runtime
  readonly brokerUrl: string
  readonly backendUrl: string | undefined
  readonly clock: LogicalClock
  readonly startedAt: SteadyMs
  readonly intake: Intake
  readonly session: Session
  readonly totals: TaskTotals
  readonly pool: PoolControl
  readonly limits: LimitControl
  readonly revoking: Revoking
  readonly events: EventsControl | undefined
  readonly gossip: GossipControl | undefined
  shutDown(): void
}

/** A running worker as commands see it. */
export function liveView(parts: LiveViewParts): WorkerView {
  const { app, intake, totals } = parts
  return {
    name: parts.name,
    runtime: parts.runtime,
    settings: app.settings,
    origins: app.origins,
    registry: app,
    brokerUrl: parts.brokerUrl,
    backendUrl: parts.backendUrl,
    clock: parts.clock,
    startedAt: parts.startedAt,
    work: { held: () => intake.work(), total: totals.byName },
    pool: parts.pool,
    queues: queueControl(parts),
    limits: parts.limits,
    revoking: parts.revoking,
    events: parts.events,
    gossip: parts.gossip,
    shutDown: () => parts.shutDown(),
  }
}

function queueControl({ app, session, runtime }: LiveViewParts): QueueControl {
  const complain = (queue: string, what: string) => (error: unknown) =>
    runtime.log.error(`Queue '${queue}' ${what}: ${error instanceof Error ? error.message : String(error)}`, { queue })
  return {
    get consumed() {
      return session.queues
    },
    get prefetch() {
      return session.prefetch
    },
    declared: declaration => app.queues.declare(declaration),
    consume: (queue: Queue) => {
      runtime.log.info(`Consuming from '${queue.name}', as asked by remote control.`)
      session.resume(queue).catch(complain(queue.name, 'is not consumed'))
    },
    cancel: queue => {
      runtime.log.info(`No longer consuming from '${queue}', as asked by remote control.`)
      session.pause(queue).catch(complain(queue, 'may still be consumed'))
    },
  }
}
