import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import type { ManagementTarget } from '../../drivers/amqp/management.js'
import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type {
  Address,
  Binding,
  CloseReason,
  Connection,
  PublishOptions,
  Queue,
  QueueStats,
  Settled,
  Topology,
} from '../broker.js'
import type { BrokerError } from '../errors.js'
import type { AckTimeouts } from './ack-timeouts.js'
import { AdminChannel } from './admin-channel.js'
import type { AmqpBehaviour } from './amqp-behaviour.js'
import { AmqpConsumer, type ConsumerHome } from './amqp-consumer.js'
import type { AmqpDelivery, DeliveryOwner } from './amqp-delivery.js'
import { type Burier, buryDelivery } from './bury-delivery.js'
import { ClaimNumbers } from './claim-numbers.js'
import { ConfirmedPublisher } from './confirmed-publisher.js'
import { DelayedDelivery } from './delayed-delivery.js'
import { Getter } from './getter.js'
import { ifThere } from './if-there.js'
import { Lines } from './lines.js'
import { Listing } from './listing.js'
import { type Mover, moveDelivery } from './move-delivery.js'
import { NATIVE_ENTRY, nativeDelay } from './native-delay.js'
import { Parking, parkingCascade } from './parking.js'
import type { Past } from './past.js'
import { DeclaredTopology } from './topology.js'
import { type AmqpPlace, connectionClosed, lost, NOT_FOUND, notSent, operationTrouble, queueGone } from './trouble.js'
import { warnOfLimits } from './warn-of-limits.js'

export interface AmqpConnectionParts {
  readonly wire: AmqpWire
  readonly place: AmqpPlace
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly behaviour: AmqpBehaviour
  /** Who connected. */
  readonly name: string
  readonly timeouts: AckTimeouts
  readonly management: ManagementTarget | undefined
  /** Queues for which an earlier connection of this process has set up native delayed delivery. */
  readonly delayed: Set<QueueName>
  /** A second line under the same name, for publishing beside consuming. */
  openWire(): Promise<AmqpWire>
}

/** How long the last answers may take when a connection closes. */
const LAST_ANSWERS: Ms = 5000

/**
 * One session with RabbitMQ.
 *
 * Modes: *open*; *closing*, when consumers hand back and answers are waited for; *ended*. Any line lost, or a channel that
 * was to last, ends it as a whole, with the reason: whoever stands above connects anew.
 */
export class AmqpConnection implements Connection, ConsumerHome, DeliveryOwner {
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly claims: ClaimNumbers
  readonly #parts: AmqpConnectionParts
  readonly #lines: Lines
  readonly #admin: AdminChannel
  readonly #topology: DeclaredTopology
  readonly #publisher: ConfirmedPublisher
  readonly #getter: Getter
  readonly #listing: Listing
  readonly #parking: Parking
  readonly #delayed: DelayedDelivery
  readonly #mover: Mover & Burier
  readonly #consumers = new Set<AmqpConsumer>()
  readonly #ended = deferred<CloseReason>()
  #state: 'open' | 'closing' | 'ended' = 'open'
  #tags = 0
  #disposed: Promise<void> | undefined

  constructor(parts: AmqpConnectionParts) {
    const { wire, place, runtime, behaviour, management, delayed } = parts
    const { clock, log } = runtime
    this.#parts = parts
    this.runtime = runtime
    this.claims = new ClaimNumbers(runtime.random)
    this.#lines = new Lines({
      first: wire,
      log,
      url: place.url,
      open: () => parts.openWire(),
      alarm: reason => this.#publisher.alarm(reason),
      ended: error => this.#lose(lost(error, place)),
    })
    this.#admin = new AdminChannel({
      wire,
      demandOpen: doing => this.#demandOpen(doing),
      trouble: (doing, error) => this.trouble(doing, error),
    })
    this.#topology = new DeclaredTopology(behaviour.declare === 'passive')
    this.#parking = new Parking(parkingCascade(behaviour.delayQueueType))
    this.#delayed = new DelayedDelivery({ admin: this.#admin, topology: this.#topology, behaviour, delayed })
    this.#publisher = new ConfirmedPublisher({
      place,
      clock,
      wire: () => this.#lines.publishing(),
      confirms: behaviour.confirms,
      blockedWait: behaviour.publishTimeout * 0.6,
      unrouted: () => this.forgetTopology(),
    })
    this.#getter = new Getter({ wire, owner: this, clock })
    this.#listing = new Listing({
      management,
      topology: this.#topology,
      url: place.url,
      stats: queue => this.stats(queue),
    })
    this.#mover = {
      log,
      addressOf: async (queue, delay) =>
        delay > 0 ? await this.#parkingPlace(queue, delay) : this.#routed({ exchange: '', routingKey: queue.name }),
      declareDead: async queue => {
        await this.declare({ queues: [{ name: queue, durable: true }] })
        return this.#routed({ exchange: '', routingKey: queue })
      },
      publish: (copy, to) => this.#publisher.publish(copy, to),
      pause: delay => this.#pause(delay),
    }
  }

  get closed(): Promise<CloseReason> {
    return this.#ended.promise
  }

  get unlisted(): string | undefined {
    return this.#listing.incomplete
  }

  get perConsumerOnly(): boolean {
    return this.#parts.behaviour.quorum || !/^[0-3]\./.test(this.#lines.first.version)
  }

  /** From 3.12 on limits over a channel may be forbidden: asking for one would cost the connection. */
  get consumesInSilence(): boolean {
    return /^([0-2]|3\.(\d|1[01]))\./.test(this.#lines.first.version)
  }

  async declare(topology: Topology | Queue): Promise<void> {
    const wanted: Topology = 'name' in topology ? { queues: [topology] } : topology
    this.#demandOpen('declaring exchanges and queues')
    const missing = this.#topology.missing(wanted)
    if (missing === undefined) return
    await this.#admin.ask(
      () => `declaring ${namesOf(wanted)}`,
      async channel => {
        // Somebody else may have declared it while this waited for its turn.
        const still = this.#topology.missing(wanted)
        if (still !== undefined) await this.#topology.declare(channel, still)
      },
    )
    for (const { name } of missing.exchanges) this.#publisher.know(name)
  }

  async publish(message: Message, to: Address, options: PublishOptions): Promise<void> {
    if (this.#state !== 'open') throw notSent(`the connection to ${this.#parts.place.url} is closed`, true)
    const { notBefore, mandatory, signal } = options
    const how = { ...(mandatory === undefined ? {} : { mandatory }), ...(signal === undefined ? {} : { signal }) }
    const seconds = notBefore === undefined ? 0 : (notBefore - this.runtime.clock.now()) / 1000
    if (seconds > 0 && (await this.#delayed.serves(to))) {
      this.#publisher.know(NATIVE_ENTRY)
      return await this.#publisher.publish(message, nativeDelay(to, seconds), how)
    }
    return await this.#publisher.publish(message, this.#routed(to), how)
  }

  async consume(queues: readonly Queue[], prefetch: number): Promise<AmqpConsumer> {
    await this.declare({ queues })
    await this.#delayed.setUp(queues)
    this.#lines.consumed()
    const consumer = new AmqpConsumer(this, prefetch)
    this.#consumers.add(consumer)
    try {
      await consumer.start(queues)
      void this.#warnOfLimits(queues)
      return consumer
    } catch (error) {
      await consumer[Symbol.asyncDispose]()
      throw error
    }
  }

  async get(queue: QueueName, limit: number): Promise<readonly AmqpDelivery[]> {
    this.#demandOpen(`getting from queue '${queue}'`)
    try {
      return await this.#getter.get(queue, limit)
    } catch (cause) {
      throw this.trouble(`getting from queue '${queue}'`, cause)
    }
  }

  async stats(queue: QueueName): Promise<QueueStats> {
    const found = await this.#admin.ask(
      () => `looking at queue '${queue}'`,
      channel => ifThere(channel.lookAtQueue(queue)),
    )
    return { queue, ready: found?.messages ?? 0, held: 0, delayed: 0, consumers: found?.consumers ?? 0 }
  }

  async list(): Promise<readonly QueueStats[]> {
    this.#demandOpen('listing queues')
    return await this.#listing.queues()
  }

  async bindings(): Promise<readonly Binding[]> {
    this.#demandOpen('listing bindings')
    return await this.#listing.bindings()
  }

  async purge(queue: QueueName): Promise<number> {
    return (
      (await this.#admin.ask(
        () => `purging queue '${queue}'`,
        channel => ifThere(channel.purge(queue)),
      )) ?? 0
    )
  }

  suspect(): boolean {
    return false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async openChannel(): Promise<AmqpChannel> {
    return await this.#lines.first.channel()
  }

  flushSocket(): void {
    this.#lines.first.flush()
  }

  nextTag(): string {
    return `lovage${++this.#tags}`
  }

  trouble(doing: string, error: unknown): BrokerError {
    return operationTrouble(doing, error, this.#parts.place)
  }

  forgetTopology(): void {
    this.#topology.forget()
    this.#parking.forget()
    this.#publisher.forget()
  }

  left(consumer: AmqpConsumer): void {
    this.#consumers.delete(consumer)
  }

  lose(doing: string, error: AmqpError | undefined): void {
    const { place } = this.#parts
    if (error?.reply === undefined) this.#lose(lost(error, place))
    else if (error.reply === 404 && this.#declares) this.#lose(queueGone(error, place))
    else this.#lose(this.trouble(doing, error))
  }

  loseConsumer(_queue: QueueName, error: BrokerError): void {
    this.#lose(error.code === NOT_FOUND && this.#declares ? queueGone(error, this.#parts.place) : error)
  }

  /** A queue that is not there any more is made again by the next session: waiting helps. */
  get #declares(): boolean {
    return this.#parts.behaviour.declare === 'active'
  }

  replace(delivery: AmqpDelivery, past: Past, delay: Ms): Promise<Settled> {
    return moveDelivery(delivery, past, delay, this.#mover)
  }

  released(): void {}

  bury(delivery: AmqpDelivery): boolean {
    const dead = this.#parts.timeouts.buried(delivery, this.#parts.name)
    if (dead === undefined) return false
    void buryDelivery(delivery, dead, this.#mover)
    return true
  }

  timedOut(held: Iterable<AmqpDelivery>): void {
    this.#parts.timeouts.expired(held)
  }

  watch(held: () => Iterable<AmqpDelivery>): Disposable {
    return this.#parts.timeouts.watch(held)
  }

  /** Said once, when consuming begins; nothing waits for it. */
  #warnOfLimits(queues: readonly Queue[]): Promise<void> {
    return warnOfLimits(queues, {
      management: this.#parts.management,
      log: this.runtime.log,
      version: this.#lines.first.version,
      open: () => this.#state === 'open',
      pause: ms => this.#pause(ms),
    })
  }

  /** The default exchange, unless it is not ours to write to. */
  #routed(to: Address): Address {
    const direct = to.exchange === '' && this.#parts.behaviour.publishVia === 'exchange'
    return direct ? this.#topology.ownAddress(to.routingKey) : to
  }

  /** Undefined: nothing can be parked, because we may not declare. */
  async #parkingPlace({ name }: Queue, delay: Ms): Promise<Address | undefined> {
    if (this.#parts.behaviour.declare === 'passive') return undefined
    const to = await this.#admin.ask(
      () => `parking a message of queue '${name}'`,
      channel => this.#parking.address(channel, name, delay),
    )
    this.#publisher.know(to.exchange)
    return to
  }

  /** Ends early with the connection, and leaves no timer behind. */
  async #pause(ms: Ms): Promise<void> {
    const over = deferred()
    using _timer = this.runtime.clock.timer(ms, () => over.resolve())
    await Promise.race([over.promise, this.closed])
  }

  #demandOpen(doing: string): void {
    if (this.#state !== 'open') throw connectionClosed(doing, this.#parts.place)
  }

  #lose(error: BrokerError): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#end(error.message)
    this.#ended.resolve({ kind: 'lost', error })
    void this.#lines.close()
  }

  #end(why: string): void {
    this.#publisher.end(why)
    for (const consumer of this.#consumers) consumer.end()
    this.#consumers.clear()
  }

  async #dispose(): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'closing'
    await Promise.all([...this.#consumers].map(consumer => consumer[Symbol.asyncDispose]()))
    await this.#lastAnswers()
    // Verdicts of this turn are on their way behind its microtasks.
    await this.#getter.flush()
    this.#state = 'ended'
    await this.#lines.close()
    this.#getter.end()
    this.#end('the connection was closed')
    this.#ended.resolve({ kind: 'closed' })
  }

  async #lastAnswers(): Promise<void> {
    const late = deferred()
    using _timer = this.runtime.clock.timer(LAST_ANSWERS, () => late.resolve())
    await Promise.race([this.#publisher.drain(), this.#lines.first.closed, late.promise])
  }
}

function namesOf({ exchanges = [], queues = [] }: Topology): string {
  const names = [...exchanges.map(({ name }) => `exchange '${name}'`), ...queues.map(({ name }) => `queue '${name}'`)]
  return names.length > 3
    ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
    : names.join(', ') || 'nothing'
}
