import { type AmqpBroker, type AmqpBrokerOptions, createAmqpBroker } from '../../../src/brokers/amqp/amqp-broker.js'
import type { Connection, Delivery, Queue } from '../../../src/brokers/broker.js'
import { type MemoryLog, memoryLog } from '../../../src/lib/memory-log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { queueName } from '../../../src/protocol/ids.js'
import type { Message, Properties } from '../../../src/protocol/message.js'
import { eventually } from '../services/rabbitmq.js'

/** An adapter with real time, and a log to look into. */
export class AmqpRig implements AsyncDisposable {
  readonly log: MemoryLog = memoryLog()
  readonly broker: AmqpBroker
  #names = 0
  #publishes = 0

  constructor(url: string, options: Partial<AmqpBrokerOptions> = {}) {
    const { clock, random } = nodeRuntime()
    this.broker = createAmqpBroker({ url, runtime: { clock, random, log: this.log.log }, ...options })
  }

  connect(name = `rig${++this.#names}@test`): Promise<Connection> {
    return this.broker.connect({ name })
  }

  publish(connection: Connection, queue: string, text: string, properties: Properties = {}): Promise<void> {
    return this.send(connection, { exchange: '', routingKey: queue }, text, properties)
  }

  send(
    connection: Connection,
    to: { readonly exchange: string; readonly routingKey: string },
    text: string,
    properties: Properties = {},
  ): Promise<void> {
    const message: Message = { headers: {}, properties: { deliveryMode: 2, ...properties }, body: Buffer.from(text) }
    return connection.publish(message, to, { publishId: `p${++this.#publishes}` })
  }

  /** Waits for one ready message and takes it. */
  async take(connection: Connection, queue: string): Promise<Delivery> {
    let found: Delivery | undefined
    await eventually(`a message in ${queue}`, async () => {
      ;[found] = await connection.get(queueName(queue), 1)
      return found !== undefined
    })
    return found as Delivery
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker[Symbol.asyncDispose]()
  }
}

let queues = 0

/** A queue of a name that no other case of this process has. */
export function someQueue(options: Partial<Queue> = {}): Queue {
  return { name: queueName(`q${++queues}`), ...options }
}

export function textOf(delivery: Pick<Delivery, 'message'>): string {
  return Buffer.from(delivery.message.body).toString('utf8')
}
