import { faultsOf, hadBegun, readPast } from '../../brokers/amqp/past.js'
import type {
  Address,
  Binding,
  Broker,
  BrokerFeatures,
  CloseReason,
  Connection,
  Consumer,
  Delivery,
  Queue,
  QueueStats,
  Settled,
  Topology,
} from '../../brokers/broker.js'
import { BrokerError, RejectedByBrokerError, UnroutableError } from '../../brokers/errors.js'
import { addTopology, bindingsOf, createRoutingTable, route, topologyParts } from '../../brokers/virtual/routing.js'
import { Channel } from '../../lib/channel.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import type { Clock, Runtime } from '../../lib/runtime.js'
import type { EpochMs, Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import { amqpClient } from './amqp-client.js'
import { parkingOf } from './amqp-parking.js'
import { Ledger, type LedgerMessage, type LedgerSession } from './ledger.js'
import { linkedBroker } from './linked-broker.js'
import type { Quirk, Quirks } from './quirks.js'
import type { SimLink } from './sim-link.js'
import type { SimPlace } from './sim-place.js'
import type { SimProcess } from './sim-process.js'
import type { SimRandom } from './sim-random.js'

export interface AmqpPlaceOptions {
  readonly runtime: Pick<Runtime, 'clock'>
  readonly random: SimRandom
  readonly now: () => SteadyMs
  /** How often what was published is forced to disk; a publish is confirmed then. Default 5 ms. */
  readonly syncMs?: Ms
  readonly quirks?: Quirks | undefined
}

const FEATURES: BrokerFeatures = {
  delays: false,
  publishDedupe: false,
  leases: false,
  exchanges: ['direct', 'topic', 'fanout'],
  durable: true,
}

/** A message in a queue. */
interface Entry {
  readonly queue: AmqpQueue
  readonly message: Message
  readonly to: Address
  readonly age: number
  readonly priority: number
  readonly enqueuedAt: EpochMs
  redelivered: boolean
  /** It waits until then. */
  parked: Disposable | undefined
  /** On disk: a crash of the broker spares it. */
  synced: boolean
}

/**
 * The `amqp-like` broker (reliability §13.4): RabbitMQ, as far as a client can tell. Unacknowledged messages belong to their
 * connection and come back, flagged, when it ends; a publish is confirmed when it is on disk; a lost confirm leaves the
 * publisher in doubt, and nothing removes the duplicate; what is to be known of a message's past it must carry itself.
 */
export class AmqpPlace implements SimPlace {
  readonly ledger: Ledger
  readonly #clock: Clock
  readonly #random: SimRandom
  readonly #syncMs: Ms
  readonly #quirks: Quirks | undefined
  readonly #table = createRoutingTable()
  readonly #queues = new Map<QueueName, AmqpQueue>()
  readonly #connections = new Set<AmqpConnection>()
  #unsynced: { readonly entries: readonly Entry[]; readonly confirm: Deferred<void> }[] = []
  #ackedSinceSync: Entry[] = []
  #sync: Disposable | undefined
  #blocked: Deferred<void> | undefined
  #rejections = 0
  #ages = 0
  #tags = 0

  constructor(options: AmqpPlaceOptions) {
    const { runtime, random, now, syncMs = 5 } = options
    this.#clock = runtime.clock
    this.#random = random
    this.#syncMs = syncMs
    this.#quirks = options.quirks
    this.ledger = new Ledger(now, undefined)
  }

  reach(process: SimProcess, link: SimLink): Broker {
    const drop = (connection: Connection): void => {
      if (connection instanceof AmqpConnection) connection.drop(lost('The connection was reset.'))
    }
    return amqpClient(linkedBroker(link, this.#broker(process), { drop }), process.runtime)
  }

  observe(): Promise<Connection> {
    return this.#broker(undefined).connect({ name: 'observer' })
  }

  /** An alarm: publishes are neither confirmed nor refused until it is over; consuming goes on (F30). */
  block(on: boolean): void {
    if (on) this.#blocked ??= deferred()
    else {
      this.#blocked?.resolve()
      this.#blocked = undefined
    }
  }

  /** So many of the next publishes are refused: queue full, no space (F31). */
  reject(count: number): void {
    this.#rejections = count
  }

  /** The broker cancels every consumer; the connections stay (F28). */
  cancelConsumers(): void {
    for (const connection of this.#connections) connection.cancelConsumers()
  }

  quirk(quirk: Quirk): boolean {
    return this.#quirks?.maybe(quirk) ?? false
  }

  /** Killed and started again: every connection is lost, and whatever was not on disk (F20). */
  restart(): void {
    for (const { entries } of this.#unsynced) for (const entry of entries) this.#forget(entry)
    this.#unsynced = []
    this.#sync?.[Symbol.dispose]()
    this.#sync = undefined
    const connections = [...this.#connections]
    this.#connections.clear()
    for (const connection of connections) connection.drop(lost('The broker was restarted.'))
    for (const entry of this.#ackedSinceSync.splice(0)) {
      this.ledger.unacked(entry.message)
      this.putBack(entry)
    }
    this.block(false)
    this.dispatch()
  }

  /** What is ready is handed out in another order than it came (F43). */
  reorder(): void {
    for (const queue of this.#queues.values()) queue.ready = this.#random.shuffled(queue.ready)
  }

  /** A message is delivered once more, flagged (F42). */
  duplicate({ message, queue, faults }: LedgerMessage): void {
    const place = this.#queues.get(queue)
    if (place === undefined) return
    const copy = { ...message }
    this.ledger.pushed(copy, queue, 'copy', 'broker', true).faults = faults
    this.ledger.flagged(copy)
    const entry = this.#entry(place, copy, { exchange: '', routingKey: queue })
    this.putBack({ ...entry, redelivered: true, synced: true })
    this.dispatch()
  }

  get clock(): Clock {
    return this.#clock
  }

  nextTag(): string {
    return String(++this.#tags)
  }

  declare(topology: Topology): void {
    const parts = topologyParts(topology)
    addTopology(this.#table, parts)
    for (const queue of parts.queues) {
      if (!this.#queues.has(queue.name)) this.#queues.set(queue.name, new AmqpQueue(queue))
    }
  }

  async publish(message: Message, to: Address, publishId: string, by: LedgerSession): Promise<void> {
    while (this.#blocked !== undefined) await this.#blocked.promise
    if (this.#rejections > 0) {
      this.#rejections--
      throw new RejectedByBrokerError('LVG_SIM_REJECTED', 'The simulated queue is full.', { transient: true })
    }
    const parking = parkingOf(to)
    const names = parking === undefined ? route(this.#table, to.exchange, to.routingKey) : [parking.queue]
    if (names.length === 0) throw new UnroutableError('LVG_UNROUTABLE', 'No queue.', { transient: false })
    const entries = names.map(name => {
      // The table and the map are changed together.
      // A publish that is tried again brings the same object: each becomes a message of its own.
      const own = { ...message }
      const entry = this.#entry(this.#queues.get(name) as AmqpQueue, own, to)
      this.ledger.pushed(own, name, publishId, by.name)
      const past = readPast(own.headers)
      if (past !== undefined) this.ledger.moved(by, own, { counted: past.mark === 'failed' })
      if (parking === undefined) this.putBack(entry)
      else this.#park(entry, parking.delay)
      return entry
    })
    const confirm = deferred()
    this.#unsynced.push({ entries, confirm })
    this.#sync ??= this.#clock.timer(this.#syncMs, () => this.#toDisk())
    this.dispatch()
    await confirm.promise
  }

  acked(entry: Entry): void {
    if (!entry.synced) return
    this.#ackedSinceSync.push(entry)
    this.#sync ??= this.#clock.timer(this.#syncMs, () => this.#toDisk())
  }

  #park(entry: Entry, delay: Ms): void {
    entry.queue.delayed++
    entry.parked = this.#clock.timer(delay, () => {
      entry.queue.delayed--
      entry.parked = undefined
      this.putBack(entry)
      this.dispatch()
    })
  }

  putBack(entry: Entry): void {
    entry.queue.insert(entry)
  }

  /** Hands out what is ready, to each consumer in turn. */
  dispatch(): void {
    for (const queue of this.#queues.values()) {
      while (queue.ready.length > 0) {
        const consumer = this.#nextConsumer(queue)
        if (consumer === undefined) break
        consumer.give(queue.ready.shift() as Entry)
      }
    }
    for (const connection of this.#connections) connection.flush()
  }

  take(name: QueueName, limit: number): readonly Entry[] {
    return this.#queues.get(name)?.ready.splice(0, limit) ?? []
  }

  list(): readonly QueueStats[] {
    return [...this.#queues.values()].map(queue => this.stats(queue.name))
  }

  stats(name: QueueName): QueueStats {
    const queue = this.#queues.get(name)
    const consumers = [...this.#connections].flatMap(connection => connection.consumersOf(name)).length
    if (queue === undefined) return { queue: name, ready: 0, held: 0, delayed: 0, consumers }
    return { queue: name, ready: queue.ready.length, held: queue.held, delayed: queue.delayed, consumers }
  }

  bindings(): readonly Binding[] {
    return bindingsOf(this.#table)
  }

  purge(name: QueueName): number {
    return this.#queues.get(name)?.ready.splice(0).length ?? 0
  }

  closed(connection: AmqpConnection): void {
    this.#connections.delete(connection)
    this.dispatch()
  }

  #broker(process: SimProcess | undefined): Broker {
    return {
      url: 'amqp://sim',
      features: FEATURES,
      connect: async ({ name }) => {
        const connection = new AmqpConnection(this, this.ledger, this.ledger.opened(name, process))
        this.#connections.add(connection)
        return connection
      },
      [Symbol.asyncDispose]: async () => undefined,
    }
  }

  #entry(queue: AmqpQueue, message: Message, to: Address): Entry {
    const priority = Math.min(message.properties.priority ?? 0, queue.maxPriority)
    const age = ++this.#ages
    const enqueuedAt = this.#clock.now()
    return { queue, message, to, age, priority, enqueuedAt, redelivered: false, parked: undefined, synced: false }
  }

  #toDisk(): void {
    this.#sync = undefined
    this.#ackedSinceSync = []
    for (const { entries, confirm } of this.#unsynced.splice(0)) {
      for (const entry of entries) entry.synced = true
      confirm.resolve()
    }
  }

  #forget(entry: Entry): void {
    const at = entry.queue.ready.indexOf(entry)
    if (at !== -1) entry.queue.ready.splice(at, 1)
    if (entry.parked !== undefined) {
      entry.parked[Symbol.dispose]()
      entry.queue.delayed--
    }
    this.ledger.lost(entry.message)
    for (const connection of this.#connections) connection.forget(entry)
  }

  #nextConsumer(queue: AmqpQueue): AmqpConsumer | undefined {
    const all = [...this.#connections].flatMap(connection => connection.consumersOf(queue.name))
    const first = queue.turn++
    for (let i = 0; i < all.length; i++) {
      const consumer = all[(first + i) % all.length]
      if (consumer?.hasRoom === true) return consumer
    }
    return undefined
  }
}

class AmqpQueue {
  readonly name: QueueName
  readonly maxPriority: number
  /** Higher priority first, then age. */
  ready: Entry[] = []
  held = 0
  delayed = 0
  turn = 0

  constructor(queue: Queue) {
    this.name = queue.name
    this.maxPriority = queue.maxPriority ?? 0
  }

  insert(entry: Entry): void {
    const after = this.ready.findIndex(other => isBefore(entry, other))
    if (after === -1) this.ready.push(entry)
    else this.ready.splice(after, 0, entry)
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.priority === b.priority ? a.age < b.age : a.priority > b.priority
}

class AmqpConnection implements Connection {
  readonly #place: AmqpPlace
  readonly #ledger: Ledger
  readonly #session: LedgerSession
  readonly #unacked = new Map<string, Entry>()
  readonly #consumers = new Set<AmqpConsumer>()
  readonly #closed = deferred<CloseReason>()
  #open = true

  constructor(place: AmqpPlace, ledger: Ledger, session: LedgerSession) {
    this.#place = place
    this.#ledger = ledger
    this.#session = session
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  async declare(topology: Topology): Promise<void> {
    this.#check()
    this.#place.declare(topology)
  }

  async publish(message: Message, to: Address, options: { readonly publishId: string }): Promise<void> {
    this.#check()
    await this.#place.publish(message, to, options.publishId, this.#session)
  }

  async consume(queues: readonly Queue[], prefetch: number): Promise<Consumer> {
    await this.declare({ queues })
    const names = queues.map(queue => queue.name)
    const consumer = new AmqpConsumer(this, this.#place, names, prefetch)
    this.#consumers.add(consumer)
    this.#place.dispatch()
    return consumer
  }

  async get(queue: QueueName, limit: number): Promise<readonly Delivery[]> {
    this.#check()
    return this.#place.take(queue, limit).map(entry => this.hold(entry, undefined))
  }

  async stats(queue: QueueName): Promise<QueueStats> {
    this.#check()
    return this.#place.stats(queue)
  }

  async list(): Promise<readonly QueueStats[]> {
    this.#check()
    return this.#place.list()
  }

  async bindings(): Promise<readonly Binding[]> {
    this.#check()
    return this.#place.bindings()
  }

  async purge(queue: QueueName): Promise<number> {
    this.#check()
    return this.#place.purge(queue)
  }

  suspect(): boolean {
    return false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end({ kind: 'closed' })
  }

  /** Ended from the broker's side, or by a reset. */
  drop(error: BrokerError): void {
    this.#end({ kind: 'lost', error })
  }

  hold(entry: Entry, consumer: AmqpConsumer | undefined): RawDelivery {
    const tag = this.#place.nextTag()
    if (!entry.redelivered && this.#place.quirk('early-flag')) {
      entry.redelivered = true
      this.#ledger.flagged(entry.message)
    }
    const { message, redelivered } = entry
    const past = readPast(message.headers)
    const faults = faultsOf(past, redelivered)
    this.#unacked.set(tag, entry)
    entry.queue.held++
    this.#ledger.claimed(this.#session, message, {
      token: tag,
      redelivered,
      faults,
      begun: hadBegun(past, redelivered),
    })
    const delivery = new RawDelivery(entry, tag, this, consumer)
    entry.redelivered = true
    return delivery
  }

  owns(tag: string): boolean {
    return this.#unacked.has(tag)
  }

  settle(tag: string, how: 'ack' | 'requeue'): Settled {
    const entry = this.#unacked.get(tag)
    if (entry === undefined) return 'stale'
    this.#unacked.delete(tag)
    entry.queue.held--
    // A client that can do no better hands it back marked as begun, and whoever gets it next cannot know.
    const counted = readPast(entry.message.headers)?.mark === 'begun'
    const verdict = how === 'ack' ? ({ kind: 'ack' } as const) : ({ kind: 'requeue', counted } as const)
    this.#ledger.settled(this.#session, tag, verdict, 'settled')
    if (how === 'ack') this.#place.acked(entry)
    else this.#place.putBack(entry)
    this.#place.dispatch()
    return 'settled'
  }

  consumersOf(queue: QueueName): readonly AmqpConsumer[] {
    return [...this.#consumers].filter(consumer => consumer.serves(queue))
  }

  flush(): void {
    for (const consumer of this.#consumers) consumer.flush()
  }

  cancelConsumers(): void {
    for (const consumer of this.#consumers) consumer.end()
    this.#consumers.clear()
  }

  left(consumer: AmqpConsumer): void {
    this.#consumers.delete(consumer)
  }

  forget(entry: Entry): void {
    for (const [tag, one] of this.#unacked) {
      if (one !== entry) continue
      this.#unacked.delete(tag)
      entry.queue.held--
    }
  }

  #end(reason: CloseReason): void {
    if (!this.#open) return
    this.#open = false
    for (const consumer of this.#consumers) consumer.end()
    this.#consumers.clear()
    // Closed or lost: the flag that comes with a message does not tell.
    this.#ledger.returned(this.#session, true)
    this.#ledger.gone(this.#session, reason.kind)
    for (const entry of this.#unacked.values()) {
      entry.queue.held--
      this.#place.putBack(entry)
    }
    this.#unacked.clear()
    this.#closed.resolve(reason)
    this.#place.closed(this)
  }

  #check(): void {
    if (!this.#open) throw lost('The connection is closed.')
  }
}

class AmqpConsumer implements Consumer {
  readonly #connection: AmqpConnection
  readonly #place: AmqpPlace
  readonly #batches = new Channel<readonly RawDelivery[]>()
  readonly #queues: Set<QueueName>
  #prefetch: number
  #held = 0
  #given: RawDelivery[] = []
  #ended = false

  constructor(connection: AmqpConnection, place: AmqpPlace, queues: readonly QueueName[], prefetch: number) {
    this.#connection = connection
    this.#place = place
    this.#queues = new Set(queues)
    this.#prefetch = prefetch
  }

  get hasRoom(): boolean {
    return this.#prefetch === 0 || this.#held < this.#prefetch
  }

  serves(queue: QueueName): boolean {
    return !this.#ended && this.#queues.has(queue)
  }

  give(entry: Entry): void {
    this.#held++
    this.#given.push(this.#connection.hold(entry, this))
  }

  /** What was given at one instant travels together. */
  flush(): void {
    while (this.#given.length > 0) {
      const alone = this.#given.length > 1 && this.#place.quirk('lone-delivery')
      this.#batches.push(this.#given.splice(0, alone ? 1 : this.#given.length))
    }
  }

  released(): void {
    this.#held--
  }

  end(): void {
    this.#ended = true
    this.flush()
    this.#batches.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly Delivery[]> {
    return this.#batches[Symbol.asyncIterator]()
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count
    this.#place.dispatch()
  }

  async add(queue: Queue): Promise<void> {
    this.#place.declare({ queues: [queue] })
    this.#queues.add(queue.name)
    this.#place.dispatch()
  }

  async cancel(queue: QueueName): Promise<void> {
    this.#queues.delete(queue)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.left(this)
    this.#ended = true
    const unread = [...this.#batches.take().flat(), ...this.#given.splice(0)]
    this.#batches.close()
    for (const delivery of unread) await delivery.requeue()
  }
}

/** As it comes over the wire: with the flag, and with what it carries. */
class RawDelivery implements Delivery {
  readonly message: Message
  readonly queue: QueueName
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly faults: number
  readonly begun: boolean
  readonly claim: number
  readonly enqueuedAt: EpochMs
  readonly #tag: string
  readonly #connection: AmqpConnection
  readonly #consumer: AmqpConsumer | undefined

  constructor(entry: Entry, tag: string, connection: AmqpConnection, consumer: AmqpConsumer | undefined) {
    this.message = entry.message
    this.queue = entry.queue.name
    this.exchange = entry.to.exchange
    this.routingKey = entry.to.routingKey
    this.redelivered = entry.redelivered
    const past = readPast(entry.message.headers)
    this.faults = faultsOf(past, entry.redelivered)
    this.begun = hadBegun(past, entry.redelivered)
    this.claim = Number(tag)
    this.enqueuedAt = entry.enqueuedAt
    this.#tag = tag
    this.#connection = connection
    this.#consumer = consumer
  }

  async ack(): Promise<Settled> {
    return this.#settle('ack')
  }

  /** Flagged, and nothing more: whatever else is to be known of it, a client must write. */
  async requeue(): Promise<Settled> {
    return this.#settle('requeue')
  }

  begin(): Promise<Settled> {
    return this.#owned()
  }

  condemn(): Promise<Settled> {
    return this.#owned()
  }

  async current(): Promise<boolean> {
    return this.#connection.owns(this.#tag)
  }

  async #owned(): Promise<Settled> {
    return (await this.current()) ? 'settled' : 'stale'
  }

  #settle(how: 'ack' | 'requeue'): Settled {
    if (this.#connection.owns(this.#tag)) this.#consumer?.released()
    return this.#connection.settle(this.#tag, how)
  }
}

function lost(message: string): BrokerError {
  return new BrokerError('LVG_SIM_CONNECTION', `${message} Connect again.`, { transient: true })
}
