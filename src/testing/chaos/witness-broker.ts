import type {
  Address,
  Binding,
  Broker,
  BrokerFeatures,
  CloseReason,
  Connection,
  ConnectOptions,
  Consumer,
  Delivery,
  PublishOptions,
  Queue,
  QueueStats,
  Settled,
  Topology,
} from '../../brokers/broker.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { Journal } from './journal.js'

/**
 * A broker that does what another one does, and writes down which tasks were handed out, and every ack of one: when it
 * was asked for, and what came of it. Events and what remote control says are nobody's task.
 */
export class WitnessBroker implements Broker {
  readonly #inner: Broker
  readonly #journal: Journal

  constructor(inner: Broker, journal: Journal) {
    this.#inner = inner
    this.#journal = journal
  }

  get url(): string {
    return this.#inner.url
  }

  get features(): BrokerFeatures {
    return this.#inner.features
  }

  async connect(options: ConnectOptions, signal?: AbortSignal): Promise<Connection> {
    return new WitnessConnection(await this.#inner.connect(options, signal), this.#journal)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}

class WitnessConnection implements Connection {
  readonly #inner: Connection
  readonly #journal: Journal

  constructor(inner: Connection, journal: Journal) {
    this.#inner = inner
    this.#journal = journal
  }

  get closed(): Promise<CloseReason> {
    return this.#inner.closed
  }

  declare(topology: Topology): Promise<void> {
    return this.#inner.declare(topology)
  }

  publish(message: Message, to: Address, options: PublishOptions): Promise<void> {
    return this.#inner.publish(message, to, options)
  }

  async consume(queues: readonly Queue[], prefetch: number): Promise<Consumer> {
    return new WitnessConsumer(await this.#inner.consume(queues, prefetch), this.#journal)
  }

  async get(queue: QueueName, limit: number): Promise<readonly Delivery[]> {
    const deliveries = await this.#inner.get(queue, limit)
    return deliveries.map(delivery => new WitnessDelivery(delivery, this.#journal))
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#inner.stats(queue)
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#inner.list()
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#inner.bindings()
  }

  async weigh(queue: QueueName): Promise<number | undefined> {
    return this.#inner.weigh?.(queue)
  }

  purge(queue: QueueName): Promise<number> {
    return this.#inner.purge(queue)
  }

  suspect(): boolean {
    return this.#inner.suspect()
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}

class WitnessConsumer implements Consumer {
  readonly #inner: Consumer
  readonly #journal: Journal

  constructor(inner: Consumer, journal: Journal) {
    this.#inner = inner
    this.#journal = journal
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly Delivery[]> {
    for await (const batch of this.#inner) {
      for (const { message } of batch)
        if (isTask(message)) this.#journal.write({ kind: 'taken', ...attemptOf(message) })
      yield batch.map(delivery => (isTask(delivery.message) ? new WitnessDelivery(delivery, this.#journal) : delivery))
    }
  }

  setPrefetch(count: number): Promise<void> {
    return this.#inner.setPrefetch(count)
  }

  add(queue: Queue): Promise<void> {
    return this.#inner.add(queue)
  }

  cancel(queue: QueueName): Promise<void> {
    return this.#inner.cancel(queue)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}

class WitnessDelivery implements Delivery {
  readonly #inner: Delivery
  readonly #journal: Journal

  constructor(inner: Delivery, journal: Journal) {
    this.#inner = inner
    this.#journal = journal
  }

  get message(): Message {
    return this.#inner.message
  }

  get queue(): QueueName {
    return this.#inner.queue
  }

  get exchange(): string {
    return this.#inner.exchange
  }

  get routingKey(): string {
    return this.#inner.routingKey
  }

  get redelivered(): boolean {
    return this.#inner.redelivered
  }

  get faults(): number {
    return this.#inner.faults
  }

  get begun(): boolean {
    return this.#inner.begun
  }

  get claim(): number {
    return this.#inner.claim
  }

  get enqueuedAt(): EpochMs | undefined {
    return this.#inner.enqueuedAt
  }

  async ack(): Promise<Settled> {
    const attempt = attemptOf(this.#inner.message)
    this.#journal.write({ kind: 'asked', ...attempt })
    const settled = await this.#inner.ack()
    this.#journal.write({ kind: settled === 'settled' ? 'acked' : 'stale', ...attempt })
    return settled
  }

  requeue(how: { readonly counted: boolean; readonly delay?: Ms }): Promise<Settled> {
    return this.#inner.requeue(how)
  }

  begin(): Promise<Settled> {
    return this.#inner.begin()
  }

  condemn(): Promise<Settled> {
    return this.#inner.condemn()
  }

  current(): Promise<boolean> {
    return this.#inner.current()
  }
}

function isTask({ headers }: Message): boolean {
  return headers['task'] !== undefined
}

function attemptOf({ headers }: Message): { readonly id: string; readonly retries: number } {
  return { id: String(headers['id']), retries: Number(headers['retries']) }
}
