import { setTimeout as sleep } from 'node:timers/promises'
import { type AmqpBroker, createAmqpBroker } from '../../../src/brokers/amqp/amqp-broker.js'
import type { Connection, Consumer, Exchange, Queue, Topology } from '../../../src/brokers/broker.js'
import { silentLog } from '../../../src/lib/log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import type { BrokerPlace, BrokerTimes } from '../../../src/testing/conformance/broker-harness.js'
import type { RabbitMq } from '../services/rabbitmq.js'

export type QueueType = 'classic' | 'quorum'

/** RabbitMQ as users have it, in a virtual host that is empty again when the place goes. */
export class AmqpPlace implements BrokerPlace {
  readonly times: BrokerTimes = {
    ...{ step: 10, quiet: 250, delay: 1_000, patience: 60_000 },
    ...{ lease: 20_000, detect: 25_000, long: 60_000 },
  }
  readonly #rabbit: RabbitMq
  readonly #type: QueueType
  readonly #broker: AmqpBroker
  readonly #queues = new Set<string>()
  readonly #exchanges = new Set<string>()

  constructor(rabbit: RabbitMq, type: QueueType) {
    this.#rabbit = rabbit
    this.#type = type
    const { clock, random } = nodeRuntime()
    this.#broker = createAmqpBroker({
      url: rabbit.url,
      runtime: { clock, random, log: silentLog },
      behaviour: { delayQueueType: 'classic' },
    })
  }

  async connect(name: string): Promise<Connection> {
    // Both ways of keeping a connection alive are put to the test.
    return this.#watched(await this.#broker.connect({ name, guarded: this.#type === 'quorum' }))
  }

  freeze(): Promise<void> {
    return Promise.reject(new Error('RabbitMQ has no leases.'))
  }

  thaw(): Promise<void> {
    return this.freeze()
  }

  now(): EpochMs {
    return Date.now()
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]()
    await this.#rabbit.deleteQueue(...this.#queues)
    await this.#rabbit.deleteExchange(...this.#exchanges)
  }

  /** Remembers what is declared, and makes every queue one of the type under test. */
  #watched(connection: Connection): Connection {
    const typed = (queue: Queue): Queue => this.#typed(queue)
    return {
      closed: connection.closed,
      declare: topology => connection.declare(this.#typedTopology(topology)),
      publish: (message, to, options) => connection.publish(message, to, options),
      consume: async (queues, prefetch) =>
        watchedConsumer(await connection.consume(queues.map(typed), prefetch), typed),
      get: (queue, limit) => connection.get(queue, limit),
      stats: queue => connection.stats(queue),
      list: () => connection.list(),
      bindings: () => connection.bindings(),
      purge: queue => connection.purge(queue),
      suspect: () => connection.suspect(),
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    }
  }

  #typedTopology({ exchanges = [], queues = [] }: Topology): Topology {
    for (const exchange of exchanges) this.#remember(exchange)
    return { exchanges, queues: queues.map(queue => this.#typed(queue)) }
  }

  #typed(queue: Queue): Queue {
    this.#queues.add(queue.name)
    if (queue.exchange !== undefined) this.#remember(queue.exchange)
    return { ...queue, arguments: { ...queue.arguments, 'x-queue-type': this.#type } }
  }

  #remember({ name }: Exchange): void {
    if (name !== '') this.#exchanges.add(name)
  }
}

function watchedConsumer(consumer: Consumer, typed: (queue: Queue) => Queue): Consumer {
  return {
    setPrefetch: count => consumer.setPrefetch(count),
    add: queue => consumer.add(typed(queue)),
    cancel: queue => consumer.cancel(queue),
    [Symbol.asyncIterator]: () => consumer[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: () => consumer[Symbol.asyncDispose](),
  }
}
