import type { Broker, Connection, TransactionEntry } from '../brokers/broker.js'
import { type BrokerError, NotSentError } from '../brokers/errors.js'
import { ClusterFold, type ClusterLimits } from '../events/cluster-state.js'
import { EventDispatcher } from '../events/event-dispatcher.js'
import { EventReader } from '../events/event-reader.js'
import { EventReceiver } from '../events/event-receiver.js'
import { LamportClock } from '../lib/lamport-clock.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Codec } from '../protocol/codec.js'
import { sentEventFields } from '../protocol/sent-event.js'
import { checkEvent } from './check-event.js'
import { dial } from './dial.js'
import { EventLine } from './event-line.js'
import type { EventWire } from './event-wire.js'
import type { Outgoing } from './outgoing.js'

export interface EventsParts {
  readonly runtime: Runtime
  /** `gen<pid>@<host>`. */
  readonly origin: string
  readonly wire: EventWire
  /** Of task messages. */
  readonly codec: Codec
  readonly connectTimeout: Ms | undefined
  broker(side: 'read' | 'write'): Promise<Broker>
  /** Asks all workers to announce themselves. */
  wakeUp(): Promise<void>
}

export interface ReceiveOptions {
  /** Which ones: `#` all of them (default), `task.#`, `worker.#`, `task.failed`. Workers send events about tasks as `task.multi`. */
  readonly routingKey?: string
  /** Ask all workers to send a heartbeat as soon as this listens. Default true. */
  readonly wakeUp?: boolean
  /** Ends it. */
  readonly signal?: AbortSignal
  /** Told that the broker cannot be reached, and how many ms later that is tried again. */
  readonly onTrouble?: (error: BrokerError, retryIn: Ms) => void
  /** Told when it listens, for the first time or again. */
  readonly onListening?: () => void
}

/** Events of the cluster: hearing them, folding them into what is known, and sending one's own. `app.events`. */
export class Events implements AsyncDisposable {
  readonly #parts: EventsParts
  readonly #clock = new LamportClock()
  #dispatcher: EventDispatcher | undefined
  #line: EventLine | undefined
  #closed = false

  constructor(parts: EventsParts) {
    this.#parts = parts
  }

  /**
   * Events as they come, some at a time: `for await (const events of app.events.receive()) …`. It connects when it is iterated,
   * again whenever the connection is lost, and ends when `signal` fires or it is disposed.
   */
  receive(options: ReceiveOptions = {}): EventReceiver {
    const { runtime, wire, origin: name, connectTimeout } = this.#parts
    const { routingKey = '#', wakeUp = true, signal, onTrouble, onListening } = options
    const receiver = new EventReceiver({
      runtime,
      reader: new EventReader({ runtime, codec: wire.codec, clock: this.#clock }),
      dial: async stop => {
        const broker = await this.#parts.broker('read')
        const connection: Connection = await dial(broker, { runtime, name, connectTimeout }, stop)
        return { connection, queue: wire.queue(routingKey, broker.features, runtime.random) }
      },
      ...(wakeUp ? { wakeUp: () => this.#parts.wakeUp() } : {}),
      ...(onTrouble === undefined ? {} : { troubled: onTrouble }),
      ...(onListening === undefined ? {} : { listening: onListening }),
    })
    const end = (): void => void receiver[Symbol.asyncDispose]()
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', end, { once: true })
    return receiver
  }

  /** What events tell of workers and tasks: feed it with what `receive` gives. */
  fold(limits: ClusterLimits = {}): ClusterFold {
    return new ClusterFold(limits)
  }

  /**
   * Sends an event of one's own, in this client's name; in a task write `currentTask().sendEvent(…)`. Nobody waits for it: without
   * a broker the latest 10,000 are kept. Throws `LVG_BAD_OPTION` for a type that is none, `EncodeError` for fields that cannot be sent.
   */
  send(type: string, fields: Readonly<Record<string, unknown>> = {}): void {
    checkEvent(type, fields)
    if (this.#closed) throw appClosed(type)
    this.#speaker().send(type, fields)
  }

  /** A task was published (setting `taskSendSentEvent`). */
  sent({ message, queue, to }: Outgoing): void {
    if (this.#closed) return
    const { exchange, routingKey } = to
    const told = { queue: queue?.name, exchange, routingKey }
    const fields = sentEventFields(message, told, this.#parts.codec)
    if (fields !== undefined) this.#speaker().send('task-sent', fields)
  }

  /**
   * The same as a message that goes along with the task's own inside a transaction of the user's: it is told if and only if the
   * task is sent. Nobody has to hear it. Undefined: it was no task.
   */
  async sentWithin({ message, queue, to }: Outgoing): Promise<TransactionEntry | undefined> {
    const { wire, codec, broker } = this.#parts
    const fields = sentEventFields(message, { queue: queue?.name, ...to }, codec)
    if (fields === undefined) return undefined
    const { features } = await broker('write')
    const { routingKey, ...event } = this.#dispatcherMade().message('task-sent', fields)
    const address = { exchange: wire.exchange(features).name, routingKey }
    return { ...event, to: address, queue: undefined, notBefore: undefined, mandatory: false }
  }

  /** Events that were never sent, for want of a connection or of room (L16). */
  get dropped(): number {
    return this.#dispatcher?.dropped ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#line?.[Symbol.asyncDispose]()
  }

  #speaker(): EventDispatcher {
    const { runtime, origin: name, wire, connectTimeout } = this.#parts
    const dispatcher = this.#dispatcherMade()
    this.#line ??= new EventLine({
      runtime,
      name,
      connectTimeout,
      dispatcher,
      wire,
      broker: () => this.#parts.broker('write'),
    })
    return dispatcher
  }

  #dispatcherMade(): EventDispatcher {
    const { runtime, origin: hostname, wire } = this.#parts
    this.#dispatcher ??= new EventDispatcher({
      runtime,
      hostname,
      clock: this.#clock,
      codec: wire.codec,
      serializer: wire.serializer,
      taskEvents: true,
    })
    return this.#dispatcher
  }
}

function appClosed(type: string): NotSentError {
  return new NotSentError('LVG_NOT_SENT', `The event ${type} was not sent: the app is closed.`, { transient: false })
}
