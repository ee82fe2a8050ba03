import { AmqpDelivery, type DeliveryOwner, type DeliveryTags } from '../../brokers/amqp/amqp-delivery.js'
import { toAmqpBody, toAmqpProperties } from '../../brokers/amqp/amqp-message.js'
import { ClaimNumbers } from '../../brokers/amqp/claim-numbers.js'
import { type Mover, moveDelivery } from '../../brokers/amqp/move-delivery.js'
import type { Past } from '../../brokers/amqp/past.js'
import type { Broker, Connection, Consumer, Delivery, Queue, Settled } from '../../brokers/broker.js'
import { BrokerError } from '../../brokers/errors.js'
import { Channel } from '../../lib/channel.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import { parkedFor } from './amqp-parking.js'

/**
 * What a process makes of RabbitMQ's deliveries: the real `AmqpDelivery` over those of a simulated broker, which knows no
 * more of a message's past than one flag. A message is given a past by publishing it again and acking the original (D40),
 * two journeys between which everything can go wrong.
 */
export function amqpClient(broker: Broker, runtime: Runtime): Broker {
  return {
    url: broker.url,
    features: broker.features,
    connect: async (options, signal) => clientConnection(await broker.connect(options, signal), runtime),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  }
}

function clientConnection(inner: Connection, runtime: Runtime): Connection {
  const home = new Home(inner, runtime)
  return {
    closed: inner.closed,
    declare: topology => inner.declare(topology),
    publish: (message, to, options) => inner.publish(message, to, options),
    consume: async (queues, prefetch) => new ClientConsumer(await inner.consume(queues, prefetch), queues, home),
    get: async (queue, limit) =>
      (await inner.get(queue, limit)).map(delivery => home.receive(delivery, { name: queue })),
    stats: queue => inner.stats(queue),
    list: () => inner.list(),
    bindings: () => inner.bindings(),
    purge: queue => inner.purge(queue),
    suspect: () => inner.suspect(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
}

/** One connection: its tags, and the way back to the broker for what is published again. */
class Home implements DeliveryOwner, DeliveryTags {
  readonly claims: ClaimNumbers
  readonly #inner: Connection
  readonly #runtime: Runtime
  readonly #mover: Mover
  readonly #held = new Map<number, Delivery>()
  #tags = 0
  #copies = 0
  #lost = false

  constructor(inner: Connection, runtime: Runtime) {
    this.#inner = inner
    this.#runtime = runtime
    this.claims = new ClaimNumbers(runtime.random)
    this.#mover = {
      log: runtime.log,
      addressOf: async ({ name }, delay) => (delay > 0 ? parkedFor(name, delay) : { exchange: '', routingKey: name }),
      publish: (copy, to) => inner.publish(copy, to, { publishId: `again-${++this.#copies}` }),
      pause: delay => this.#pause(delay),
    }
    void inner.closed.then(() => {
      this.#lost = true
      this.#held.clear()
    })
  }

  receive(delivery: Delivery, source: Queue): AmqpDelivery {
    const { message, redelivered, exchange, routingKey } = delivery
    const deliveryTag = ++this.#tags
    this.#held.set(deliveryTag, delivery)
    const fields = { deliveryTag, redelivered, exchange, routingKey }
    const incoming = { fields, properties: toAmqpProperties(message), content: toAmqpBody(message) }
    return new AmqpDelivery(incoming, source, this, this, this.#runtime.clock.now())
  }

  hold(): void {}

  has(tag: number): boolean {
    return this.#held.has(tag)
  }

  ack(tag: number): Promise<Settled> {
    return this.#settle(tag, delivery => delivery.ack())
  }

  requeue(tag: number): Promise<Settled> {
    return this.#settle(tag, delivery => delivery.requeue({ counted: false }))
  }

  replace(delivery: AmqpDelivery, past: Past, delay: Ms): Promise<Settled> {
    return moveDelivery(delivery, past, delay, this.#mover)
  }

  released(): void {}

  async #settle(tag: number, give: (delivery: Delivery) => Promise<Settled>): Promise<Settled> {
    const delivery = this.#held.get(tag)
    if (delivery === undefined) return 'stale'
    this.#held.delete(tag)
    try {
      return await give(delivery)
    } catch (error) {
      if (error instanceof BrokerError) return 'stale'
      throw error
    }
  }

  /** Ends with the connection, and leaves no timer behind. */
  async #pause(ms: Ms): Promise<void> {
    if (this.#lost) return
    const over = new AbortController()
    await Promise.race([this.#runtime.clock.sleep(ms, over.signal).catch(() => {}), this.#inner.closed])
    over.abort()
  }
}

class ClientConsumer implements Consumer {
  readonly #inner: Consumer
  readonly #home: Home
  readonly #queues: Map<QueueName, Queue>
  readonly #batches = new Channel<readonly AmqpDelivery[]>()

  constructor(inner: Consumer, queues: readonly Queue[], home: Home) {
    this.#inner = inner
    this.#home = home
    this.#queues = new Map(queues.map(queue => [queue.name, queue]))
    void this.#pump()
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Delivery[]> {
    return this.#batches[Symbol.asyncIterator]()
  }

  setPrefetch(count: number): Promise<void> {
    return this.#inner.setPrefetch(count)
  }

  async add(queue: Queue): Promise<void> {
    this.#queues.set(queue.name, queue)
    await this.#inner.add(queue)
  }

  async cancel(queue: QueueName): Promise<void> {
    await this.#inner.cancel(queue)
    const unread = this.#batches.take().flat()
    const kept = unread.filter(delivery => delivery.queue !== queue)
    if (kept.length > 0) this.#batches.push(kept)
    await handBack(unread.filter(delivery => delivery.queue === queue))
  }

  /** What arrived before the broker had stopped is handed back as ours, with its past. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
    const unread = this.#batches.take().flat()
    this.#batches.close()
    await handBack(unread)
  }

  async #pump(): Promise<void> {
    for await (const batch of this.#inner) {
      const deliveries = batch.map(delivery =>
        this.#home.receive(delivery, this.#queues.get(delivery.queue) ?? { name: delivery.queue }),
      )
      if (!this.#batches.push(deliveries)) await handBack(deliveries)
    }
    this.#batches.close()
  }
}

async function handBack(deliveries: readonly AmqpDelivery[]): Promise<void> {
  await Promise.all(deliveries.map(delivery => delivery.requeue({ counted: false })))
}
