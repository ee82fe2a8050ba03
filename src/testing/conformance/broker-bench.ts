import assert from 'node:assert/strict'
import type { Connection, Consumer, Delivery, PublishOptions, Queue } from '../../brokers/broker.js'
import type { Ms } from '../../lib/time.js'
import { type QueueName, queueName } from '../../protocol/ids.js'
import type { Message, Properties } from '../../protocol/message.js'
import type { BrokerCapability, BrokerHarness, BrokerPlace, BrokerTimes } from './broker-harness.js'

/** One case of the suite: a sentence about behaviour, starting with the rule it proves, if it has a number. */
export interface BrokerCase {
  readonly name: string
  readonly needs?: readonly BrokerCapability[]
  run(bench: BrokerBench): Promise<void>
}

/** What cases are written with: short verbs over one fresh broker. */
export class BrokerBench {
  readonly place: BrokerPlace
  readonly #lacks: NonNullable<BrokerHarness['lacks']>
  #names = 0
  #publishes = 0

  constructor(place: BrokerPlace, lacks: NonNullable<BrokerHarness['lacks']>) {
    this.place = place
    this.#lacks = lacks
  }

  lacks(capability: BrokerCapability): boolean {
    return this.#lacks[capability] !== undefined
  }

  get times(): BrokerTimes {
    return this.place.times
  }

  connect(): Promise<Connection> {
    return this.place.connect(`node${++this.#names}@bench`)
  }

  /** A connection that can be frozen. */
  async holder(): Promise<Holder> {
    const name = `holder${++this.#names}@bench`
    const connection = await this.place.connect(name)
    return {
      connection,
      freeze: () => this.place.freeze(name),
      thaw: () => this.place.thaw(name),
    }
  }

  /** A connection and a declared queue. */
  async queue(options: Partial<Queue> = {}): Promise<{ connection: Connection; queue: Queue }> {
    const connection = await this.connect()
    const queue: Queue = { name: queueName('tasks'), ...options }
    await connection.declare({ queues: [queue] })
    return { connection, queue }
  }

  /** Publishes a text to a queue by its name. */
  publish(connection: Connection, queue: QueueName, text: string, options: PublishExtras = {}): Promise<void> {
    return this.send(connection, { exchange: '', routingKey: queue }, text, options)
  }

  send(
    connection: Connection,
    to: { readonly exchange: string; readonly routingKey: string },
    text: string,
    { properties = {}, ...options }: PublishExtras = {},
  ): Promise<void> {
    return connection.publish(messageOf(text, properties), to, { publishId: this.publishId(), ...options })
  }

  /** Publishes `0`, `1`, … in one turn, in that order. */
  async fill(connection: Connection, queue: QueueName, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => this.publish(connection, queue, String(i))))
  }

  publishId(): string {
    return `publish-${++this.#publishes}`
  }

  /** Takes one ready message, which must be there. */
  async getOne(connection: Connection, queue: QueueName): Promise<Delivery> {
    const [delivery] = await connection.get(queue, 1)
    assert.ok(delivery, `no message in ${queue}`)
    return delivery
  }

  /** Gets and acks everything that is ready. */
  async drain(connection: Connection, queue: QueueName): Promise<readonly string[]> {
    const deliveries = await connection.get(queue, 10_000)
    await Promise.all(deliveries.map(delivery => delivery.ack()))
    return deliveries.map(textOf)
  }

  /** Waits for a message to be ready, then takes it. */
  async awaitOne(connection: Connection, queue: QueueName): Promise<Delivery> {
    let found: Delivery | undefined
    await this.eventually(`a message in ${queue}`, async () => {
      const [delivery] = await connection.get(queue, 1)
      found = delivery
      return delivery !== undefined
    })
    return found as Delivery
  }

  async eventually(what: string, holds: () => boolean | Promise<boolean>, bound?: Ms): Promise<void> {
    const { step, patience } = this.times
    for (let waited = 0; waited <= (bound ?? patience); waited += step) {
      if (await holds()) return
      await this.place.pass(step)
    }
    assert.fail(`waited in vain for ${what}`)
  }

  /** Lets time pass in which something must not happen. */
  quiet(): Promise<void> {
    return this.place.pass(this.times.quiet)
  }

  /** Waits until the reader has `count` deliveries in all. */
  async arrived(reader: Reader, count: number): Promise<readonly Delivery[]> {
    await this.eventually(
      `${count} deliveries (${reader.deliveries.length} so far)`,
      () => reader.deliveries.length >= count,
    )
    return reader.deliveries
  }
}

export interface Holder {
  readonly connection: Connection
  freeze(): Promise<void>
  thaw(): Promise<void>
}

export type PublishExtras = Partial<PublishOptions> & { readonly properties?: Properties }

/** Iterates a consumer from now on and remembers what came. */
export class Reader {
  readonly deliveries: Delivery[] = []
  ended = false

  constructor(consumer: Consumer, each: (delivery: Delivery) => void = () => {}) {
    void this.#read(consumer, each)
  }

  get texts(): readonly string[] {
    return this.deliveries.map(textOf)
  }

  async #read(consumer: Consumer, each: (delivery: Delivery) => void): Promise<void> {
    for await (const batch of consumer) {
      this.deliveries.push(...batch)
      for (const delivery of batch) each(delivery)
    }
    this.ended = true
  }
}

export function messageOf(text: string, properties: Properties = {}): Message {
  return { headers: {}, properties, body: Buffer.from(text, 'utf8') }
}

export function textOf(delivery: Pick<Delivery, 'message'>): string {
  return Buffer.from(delivery.message.body).toString('utf8')
}

export function countTo(end: number): readonly string[] {
  return Array.from({ length: end }, (_, i) => String(i))
}
