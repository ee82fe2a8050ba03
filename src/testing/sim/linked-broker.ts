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
import { PublishUnknownError } from '../../brokers/errors.js'
import type { LimitAnswer, LimitRequest } from '../../brokers/limits/limit-store.js'
import { Channel } from '../../lib/channel.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import { brokerTrouble } from './linked-queue-store.js'
import type { SimChannel } from './sim-channel.js'
import type { SimLink } from './sim-link.js'
import { withSignal } from './with-signal.js'

export interface LinkedBrokerOptions {
  /** What the broker does with a connection whose other end is gone without a word. Default: disposes it. */
  readonly drop?: (connection: Connection) => void
}

/** A broker as a process reaches it over a link: verbs travel there and back, deliveries are pushed. */
export function linkedBroker(link: SimLink, broker: Broker, options: LinkedBrokerOptions = {}): Broker {
  const drop = options.drop ?? (connection => void connection[Symbol.asyncDispose]())
  return new LinkedBroker(link, broker, drop)
}

class LinkedBroker implements Broker {
  readonly url: string
  readonly features: BrokerFeatures
  readonly #link: SimLink
  readonly #broker: Broker
  readonly #drop: (connection: Connection) => void
  readonly #connections = new Set<Connection>()

  constructor(link: SimLink, broker: Broker, drop: (connection: Connection) => void) {
    this.url = broker.url
    this.features = broker.features
    this.#link = link
    this.#broker = broker
    this.#drop = drop
  }

  async connect(options: ConnectOptions, signal?: AbortSignal): Promise<Connection> {
    const channel = this.#link.connect(brokerTrouble)
    const connecting = channel.call('connect', async () => {
      const connection = await this.#broker.connect(options)
      channel.onGone(() => this.#drop(connection))
      return new LinkedConnection(channel, connection)
    })
    try {
      const connection = await withSignal(connecting, signal)
      this.#connections.add(connection)
      void connection.closed.then(() => this.#connections.delete(connection))
      return connection
    } catch (error) {
      channel.close()
      throw error
    }
  }

  /** Closes this process's connections; the broker itself belongs to the world. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#connections].map(connection => connection[Symbol.asyncDispose]()))
  }
}

class LinkedConnection implements Connection {
  readonly #channel: SimChannel
  readonly #connection: Connection
  readonly #consumers = new Set<LinkedConsumer>()
  readonly #closed: Deferred<CloseReason> = deferred<CloseReason>()
  #disposed: Promise<void> | undefined

  constructor(channel: SimChannel, connection: Connection) {
    this.#channel = channel
    this.#connection = connection
    channel.onLost(() => this.#ended({ kind: 'lost', error: brokerTrouble('waiting', true) }))
    void connection.closed.then(reason => channel.push('closed', () => this.#ended(reason)))
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  declare(topology: Topology): Promise<void> {
    return this.#channel.call('declare', () => this.#connection.declare(topology))
  }

  async publish(message: Message, to: Address, options: PublishOptions): Promise<void> {
    const { signal, ...rest } = options
    if (signal?.aborted) throw brokerTrouble('publish', false)
    const publishing = this.#channel.call('publish', () => this.#connection.publish(message, to, rest))
    try {
      await withSignal(publishing, signal)
    } catch (error) {
      if (signal === undefined || error !== signal.reason) throw error
      throw new PublishUnknownError('LVG_PUBLISH_UNKNOWN', 'The publish was given up before the broker answered.', {
        cause: error,
        transient: true,
      })
    }
  }

  async consume(queues: readonly Queue[], prefetch: number): Promise<Consumer> {
    return this.#channel.call('consume', async () => {
      const consumer = new LinkedConsumer(this.#channel, await this.#connection.consume(queues, prefetch))
      this.#consumers.add(consumer)
      return consumer
    })
  }

  get(queue: QueueName, limit: number): Promise<readonly Delivery[]> {
    return this.#channel.call('get', async () => {
      const deliveries = await this.#connection.get(queue, limit)
      return deliveries.map(delivery => new LinkedDelivery(this.#channel, delivery))
    })
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#channel.call('stats', () => this.#connection.stats(queue))
  }

  weigh(queue: QueueName): Promise<number | undefined> {
    return this.#channel.call('weigh', async () => this.#connection.weigh?.(queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#channel.call('list', () => this.#connection.list())
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#channel.call('bindings', () => this.#connection.bindings())
  }

  purge(queue: QueueName): Promise<number> {
    return this.#channel.call('purge', () => this.#connection.purge(queue))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#channel.call('limit', async () => (await this.#connection.limit?.(request)) ?? [])
  }

  /** Known on this side of the link, so no journey. */
  suspect(): boolean {
    return this.#connection.suspect()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #dispose(): Promise<void> {
    await Promise.all([...this.#consumers].map(consumer => consumer[Symbol.asyncDispose]()))
    // A lost channel has nobody to say goodbye to; the broker notices by itself.
    await this.#channel.call('close', () => this.#connection[Symbol.asyncDispose]()).catch(() => {})
    this.#ended({ kind: 'closed' })
  }

  #ended(reason: CloseReason): void {
    for (const consumer of this.#consumers) consumer.end()
    this.#closed.resolve(reason)
    this.#channel.close()
  }
}

class LinkedConsumer implements Consumer {
  readonly #channel: SimChannel
  readonly #consumer: Consumer
  readonly #batches = new Channel<readonly LinkedDelivery[]>()
  #disposed: Promise<void> | undefined

  constructor(channel: SimChannel, consumer: Consumer) {
    this.#channel = channel
    this.#consumer = consumer
    void this.#pump()
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Delivery[]> {
    return this.#batches[Symbol.asyncIterator]()
  }

  setPrefetch(count: number): Promise<void> {
    return this.#channel.call('prefetch', () => this.#consumer.setPrefetch(count))
  }

  add(queue: Queue): Promise<void> {
    return this.#channel.call('add', () => this.#consumer.add(queue))
  }

  cancel(queue: QueueName): Promise<void> {
    return this.#channel.call('cancel', () => this.#consumer.cancel(queue))
  }

  /** The connection is gone. */
  end(): void {
    this.#batches.take()
    this.#batches.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #dispose(): Promise<void> {
    await this.#channel.call('stop', () => this.#consumer[Symbol.asyncDispose]()).catch(() => {})
    const unread = this.#batches.take().flat()
    this.#batches.close()
    await Promise.all(unread.map(delivery => delivery.requeue({ counted: false }).catch(() => 'stale')))
  }

  /** At the broker: whatever the consumer is given goes on its way to the process. */
  async #pump(): Promise<void> {
    for await (const batch of this.#consumer) {
      this.#channel.push(`deliver ${batch.length}`, () => {
        const deliveries = batch.map(delivery => new LinkedDelivery(this.#channel, delivery))
        if (this.#batches.push(deliveries)) return
        for (const delivery of deliveries) void delivery.requeue({ counted: false }).catch(() => {})
      })
    }
    this.#channel.push('end', () => this.#batches.close())
  }
}

class LinkedDelivery implements Delivery {
  readonly message: Message
  readonly queue: QueueName
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly faults: number
  readonly begun: boolean
  readonly claim: number
  readonly enqueuedAt: EpochMs | undefined
  readonly #channel: SimChannel
  readonly #delivery: Delivery

  constructor(channel: SimChannel, delivery: Delivery) {
    this.message = delivery.message
    this.queue = delivery.queue
    this.exchange = delivery.exchange
    this.routingKey = delivery.routingKey
    this.redelivered = delivery.redelivered
    this.faults = delivery.faults
    this.begun = delivery.begun
    this.claim = delivery.claim
    this.enqueuedAt = delivery.enqueuedAt
    this.#channel = channel
    this.#delivery = delivery
  }

  ack(): Promise<Settled> {
    return this.#verdict('ack', () => this.#delivery.ack())
  }

  requeue(how: { readonly counted: boolean; readonly delay?: Ms }): Promise<Settled> {
    return this.#verdict('requeue', () => this.#delivery.requeue(how))
  }

  begin(): Promise<Settled> {
    return this.#verdict('begin', () => this.#delivery.begin())
  }

  condemn(): Promise<Settled> {
    return this.#verdict('condemn', () => this.#delivery.condemn())
  }

  async current(): Promise<boolean> {
    if (!this.#channel.open) return false
    return this.#channel.call('current', () => this.#delivery.current())
  }

  /** On a connection that is gone every token is lost. */
  async #verdict(verb: string, give: () => Promise<Settled>): Promise<Settled> {
    if (!this.#channel.open) return 'stale'
    return this.#channel.call(verb, give)
  }
}
