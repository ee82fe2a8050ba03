import type { App } from '../app/app.js'
import type { Broker } from '../brokers/broker.js'
import { EventDispatcher } from '../events/event-dispatcher.js'
import { EventReader } from '../events/event-reader.js'
import type { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { NodeName } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Companion } from './companion.js'
import type { TaskEvent } from './effect.js'
import { EventsCompanion } from './events-companion.js'
import { Gossip } from './gossip.js'
import { Heartbeat } from './heartbeat.js'
import { wireEvent } from './wire-event.js'

export interface WorkerEventsParts {
  readonly app: App
  readonly runtime: Runtime
  readonly name: NodeName
  readonly broker: Broker
  /** The application's clock. */
  readonly clock: LamportClock
  /** Undefined: none are sent. */
  readonly heartbeat: Ms | undefined
  readonly gossip: boolean
  /** Executions under way. */
  active(): number
  /** This worker has won an election. */
  elected(topic: string, action: unknown): void
}

/** What a worker tells others, and hears from them. */
export class WorkerEvents {
  readonly dispatcher: EventDispatcher
  readonly heartbeat: Heartbeat
  readonly gossip: Gossip | undefined
  readonly #app: App
  readonly #companion: Companion
  #processed = 0

  constructor(parts: WorkerEventsParts) {
    const { app, runtime, name, broker, clock, active } = parts
    const { eventWire, settings } = app
    const { codec, serializer } = eventWire
    this.#app = app
    this.dispatcher = new EventDispatcher({
      runtime,
      hostname: name,
      clock,
      codec,
      serializer,
      taskEvents: settings.workerSendTaskEvents,
    })
    this.heartbeat = new Heartbeat({
      runtime,
      dispatcher: this.dispatcher,
      interval: parts.heartbeat ?? 0,
      active,
      processed: () => this.#processed,
    })
    const beats = parts.heartbeat === undefined ? undefined : this.heartbeat
    this.#companion = new EventsCompanion(this.dispatcher, eventWire.exchange(broker.features), beats)
    this.gossip = !parts.gossip
      ? undefined
      : new Gossip({
          runtime,
          self: name,
          dispatcher: this.dispatcher,
          reader: new EventReader({ runtime, codec, clock, self: name }),
          queue: eventWire.queue('worker.#', broker.features, runtime.random),
          elected: parts.elected,
        })
  }

  /** In the order of joining. */
  get companions(): readonly Companion[] {
    return this.gossip === undefined ? [this.#companion] : [this.#companion, this.gossip]
  }

  /** Executions begun since the start. */
  get processed(): number {
    return this.#processed
  }

  /** Something happened to a task. Costs nothing but a look while nobody wants to know. */
  tell(event: TaskEvent, request: TaskRequest): void {
    if (event.type === 'task-started') this.#processed++
    if (!this.dispatcher.taskEvents || !this.#app.policy(request.task).sendEvents) return
    const told = wireEvent(event, request)
    if (told !== undefined) this.dispatcher.sendTaskEvent(told.type, told.fields)
  }

  /**
   * A running task has something to say. `always`: whether others about tasks are sent or not, as what a handler itself sends.
   * Source: celery/app/task.py `send_event`.
   */
  tellOwn(
    { id, task }: TaskRequest,
    type: string,
    fields: Readonly<Record<string, unknown>>,
    when: 'always' | 'with-others' = 'with-others',
  ): void {
    if (when === 'with-others' && !(this.dispatcher.taskEvents && this.#app.policy(task).sendEvents)) return
    try {
      this.dispatcher.send(type, { ...fields, uuid: id })
    } catch (error) {
      // The handler may run in another process, and its task is not to fail by what nobody may hear.
      const why = error instanceof Error ? error.message : String(error)
      this.#app.runtime.log.warning(`Event ${type} of task ${id} was not sent: ${why}`)
    }
  }
}
