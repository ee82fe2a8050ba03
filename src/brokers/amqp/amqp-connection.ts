import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import type { AmqpWire } from '../../drivers/amqp/amqp-wire.js'
import {
  type ManagedQueue,
  type ManagementTarget,
  managedBindings,
  managedQueues,
} from '../../drivers/amqp/management.js'
import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { deadQueue } from '../../protocol/dead-letter.js'
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
import { AmqpConsumer, type ConsumerHome } from './amqp-consumer.js'
import { AmqpDelivery, type DeliveryOwner } from './amqp-delivery.js'
import { ClaimNumbers } from './claim-numbers.js'
import { ConfirmedPublisher } from './confirmed-publisher.js'
import { droppingQueues } from './delivery-limits.js'
import { Holdings } from './holdings.js'
import { keepDelivery, type Mover, moveDelivery } from './move-delivery.js'
import { declareNativeDelay, NATIVE_ENTRY, nativeCascade, nativeDelay } from './native-delay.js'
import { Parking, parkingCascade } from './parking.js'
import type { Past } from './past.js'
import { DeclaredTopology, isQuorum } from './topology.js'
import { type AmqpPlace, connectionClosed, lost, NOT_FOUND, notSent, operationTrouble, queueGone } from './trouble.js'

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

/** How to behave; all from settings. */
export interface AmqpBehaviour {
  readonly confirms: boolean
  /** How long a publish may take in all (D04). */
  readonly publishTimeout: Ms
  /** `passive`: the account may not declare anything; what is used has been set up by somebody else. */
  readonly declare: 'active' | 'passive'
  /** `exchange`: nothing goes through the default exchange, which the account may not write to. */
  readonly publishVia: 'default' | 'exchange'
  /** Some configured queue is a quorum queue: prefetch per consumer, native delayed delivery. */
  readonly quorum: boolean
  readonly delayQueueType: 'classic' | 'quorum'
}

/** How often, and after which pauses, the management plugin is asked for the policies of new queues. */
const POLICY_TRIES = 4
const POLICY_PAUSE: Ms = 3000
/** How long the last answers may take when a connection closes. */
const LAST_ANSWERS: Ms = 5000

/**
 * One session with RabbitMQ: a line for consuming, acknowledging and asking, and a second one for publishing as soon as
 * both are done, because RabbitMQ stops reading from whoever publishes while it has an alarm, acks included (F30).
 *
 * Modes: *open*; *closing*, when consumers hand back and answers are waited for; *ended*. Any line lost, or a channel that
 * was to last, ends it as a whole, with the reason: whoever stands above connects anew.
 */
export class AmqpConnection implements Connection, ConsumerHome, DeliveryOwner {
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly claims: ClaimNumbers
  readonly #wire: AmqpWire
  readonly #parts: AmqpConnectionParts
  readonly #admin: AdminChannel
  readonly #topology: DeclaredTopology
  readonly #publisher: ConfirmedPublisher
  readonly #parking: Parking
  readonly #mover: Mover
  readonly #consumers = new Set<AmqpConsumer>()
  readonly #ended = deferred<CloseReason>()
  #publishWire: Promise<AmqpWire> | undefined
  #getter: Promise<{ readonly channel: AmqpChannel; readonly holdings: Holdings<AmqpDelivery> }> | undefined
  #state: 'open' | 'closing' | 'ended' = 'open'
  #consumed = false
  #tags = 0
  #unlisted: string | undefined
  #native: Promise<boolean> | undefined
  #disposed: Promise<void> | undefined

  constructor(parts: AmqpConnectionParts) {
    const { wire, place, runtime, behaviour } = parts
    this.#parts = parts
    this.#wire = wire
    this.runtime = runtime
    this.claims = new ClaimNumbers(runtime.random)
    this.#admin = new AdminChannel(wire)
    this.#topology = new DeclaredTopology(behaviour.declare === 'passive')
    this.#parking = new Parking(parkingCascade(behaviour.delayQueueType))
    this.#publisher = new ConfirmedPublisher({
      place,
      clock: runtime.clock,
      wire: () => this.#wireForPublishing(),
      confirms: behaviour.confirms,
      blockedWait: behaviour.publishTimeout * 0.6,
      unrouted: () => this.forgetTopology(),
    })
    this.#mover = {
      log: runtime.log,
      addressOf: async (queue, delay) =>
        delay > 0 ? await this.#parkingPlace(queue, delay) : this.#routed({ exchange: '', routingKey: queue.name }),
      publish: (copy, to) => this.#publisher.publish(copy, to),
      pause: delay => this.#pause(delay),
    }
    wire.onBlocked(reason => this.#blocked(wire, reason))
    void wire.closed.then(error => this.#wireClosed(error))
  }

  get closed(): Promise<CloseReason> {
    return this.#ended.promise
  }

  get unlisted(): string | undefined {
    return this.#unlisted
  }

  get perConsumerOnly(): boolean {
    return this.#parts.behaviour.quorum || !/^[0-3]\./.test(this.#wire.version)
  }

  /** From 3.12 on limits over a channel may be forbidden: asking for one would cost the connection. */
  get consumesInSilence(): boolean {
    return /^([0-2]|3\.(\d|1[01]))\./.test(this.#wire.version)
  }

  async declare(topology: Topology | Queue): Promise<void> {
    const wanted: Topology = 'name' in topology ? { queues: [topology] } : topology
    this.#demandOpen('declaring exchanges and queues')
    const missing = this.#topology.missing(wanted)
    if (missing === undefined) return
    await this.#ask(
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
    if (seconds > 0 && (await this.#delaysNatively(to))) {
      return await this.#publisher.publish(message, nativeDelay(to, seconds), how)
    }
    return await this.#publisher.publish(message, this.#routed(to), how)
  }

  async consume(queues: readonly Queue[], prefetch: number): Promise<AmqpConsumer> {
    await this.declare({ queues })
    await this.#setUpNativeDelay(queues)
    this.#consumed = true
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
    const deliveries: AmqpDelivery[] = []
    try {
      const { channel, holdings } = await this.#getChannel()
      while (deliveries.length < limit) {
        const incoming = await channel.get(queue)
        if (incoming === undefined) break
        deliveries.push(new AmqpDelivery(incoming, { name: queue }, holdings, this, this.runtime.clock.now()))
      }
    } catch (cause) {
      if ((cause as AmqpError).reply !== 404) throw this.trouble(`getting from queue '${queue}'`, cause)
    }
    return deliveries
  }

  async stats(queue: QueueName): Promise<QueueStats> {
    const found = await this.#ask(
      () => `looking at queue '${queue}'`,
      channel => ifThere(channel.lookAtQueue(queue)),
    )
    return { queue, ready: found?.messages ?? 0, held: 0, delayed: 0, consumers: found?.consumers ?? 0 }
  }

  /** AMQP cannot list: all of them where the management plugin answers, else those declared over this connection. */
  async list(): Promise<readonly QueueStats[]> {
    this.#demandOpen('listing queues')
    const managed = await this.#managed(managedQueues)
    if (managed !== undefined) {
      // Names come from the broker, which has checked them.
      return managed.map(({ name, ready, held, consumers }) => ({
        queue: name as QueueName,
        ready,
        held,
        delayed: 0,
        consumers,
      }))
    }
    const stats: QueueStats[] = []
    for (const queue of this.#topology.queues) stats.push(await this.stats(queue))
    return stats
  }

  /** As `list`. */
  async bindings(): Promise<readonly Binding[]> {
    this.#demandOpen('listing bindings')
    const managed = await this.#managed(managedBindings)
    if (managed === undefined) return this.#topology.bindings
    return managed.map(({ queue, exchangeType, ...rest }) => ({
      ...rest,
      exchangeType: exchangeType as Binding['exchangeType'],
      queue: queue as QueueName,
    }))
  }

  async purge(queue: QueueName): Promise<number> {
    return (
      (await this.#ask(
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
    return await this.#wire.channel()
  }

  flushSocket(): void {
    this.#wire.flush()
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
    void this.#writeDead(delivery, dead)
    return true
  }

  timedOut(held: Iterable<AmqpDelivery>): void {
    this.#parts.timeouts.expired(held)
  }

  watch(held: () => Iterable<AmqpDelivery>): Disposable {
    return this.#parts.timeouts.watch(held)
  }

  /** Confirmed before the ack; never rejects. */
  async #writeDead(delivery: AmqpDelivery, dead: Message): Promise<void> {
    const queue = deadQueue(delivery.queue)
    try {
      await this.declare({ queues: [{ name: queue, durable: true }] })
      await this.#publisher.publish(dead, this.#routed({ exchange: '', routingKey: queue }))
      await delivery.ack()
    } catch (cause) {
      this.runtime.log.critical(`Dead letter for ${delivery.queue} could not be written: ${String(cause)}`)
      await keepDelivery(delivery, this.#mover)
    }
  }

  async #managed<T>(ask: (target: ManagementTarget) => Promise<T | undefined>): Promise<T | undefined> {
    const { management, place } = this.#parts
    const answer = management === undefined ? undefined : await ask(management)
    const where = management === undefined ? '' : ` at ${management.url}`
    this.#unlisted =
      answer === undefined
        ? `AMQP cannot list what ${place.url} has, and its management plugin does not answer${where} (rabbitmqManagementUrl): shown is only what is declared here.`
        : undefined
    return answer
  }

  /** Of a queue that was declared just now the plugin knows the policies a few seconds later. */
  async #policies(queues: readonly Queue[]): Promise<readonly ManagedQueue[] | undefined> {
    const { management } = this.#parts
    if (management === undefined) return undefined
    for (let tries = 0; ; tries++) {
      const managed = await managedQueues(management)
      const known = managed?.filter(each => each.policy !== undefined).map(each => each.name)
      const all = known === undefined || queues.every(({ name }) => known.includes(name))
      if (all || tries === POLICY_TRIES || this.#state !== 'open') return managed
      await this.#pause(POLICY_PAUSE)
    }
  }

  /** D34: said once, when consuming begins; nothing waits for it. */
  async #warnOfLimits(queues: readonly Queue[]): Promise<void> {
    if (!queues.some(isQuorum)) return
    const managed = await this.#policies(queues)
    for (const { name, limit } of droppingQueues(queues, managed, this.#wire.version)) {
      this.runtime.log.warning(
        `Quorum queue '${name}' drops a message after ${limit} returns, because it has a delivery limit and no dead-letter exchange. Give it one by a policy (dead-letter-exchange), or lift the limit (delivery-limit).`,
        { queue: name },
      )
    }
  }

  /** The default exchange, unless it is not ours to write to. */
  #routed(to: Address): Address {
    const direct = to.exchange === '' && this.#parts.behaviour.publishVia === 'exchange'
    return direct ? this.#topology.ownAddress(to.routingKey) : to
  }

  /** Undefined: nothing can be parked, because we may not declare. */
  async #parkingPlace({ name }: Queue, delay: Ms): Promise<Address | undefined> {
    if (this.#parts.behaviour.declare === 'passive') return undefined
    const to = await this.#ask(
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

  /** Celery's rule: quorum queues in use, an eta to come, and an exchange that is not direct; and somebody has set it up. */
  async #delaysNatively({ exchange }: Address): Promise<boolean> {
    if (!this.#parts.behaviour.quorum || exchange === '') return false
    const type = this.#topology.typeOf(exchange)
    if (type === undefined || type === 'direct') return false
    this.#native ??= this.#hasNativeDelay()
    const there = await this.#native
    if (!there) this.#native = undefined
    else this.#publisher.know(NATIVE_ENTRY)
    return there
  }

  async #setUpNativeDelay(queues: readonly Queue[]): Promise<void> {
    const { behaviour, delayed } = this.#parts
    if (!behaviour.quorum || behaviour.declare === 'passive') return
    // It takes more than a hundred questions. A broker that has come back has it still, unless it came back empty.
    if (queues.every(({ name }) => delayed.has(name)) && (await this.#hasNativeDelay())) return
    await this.#ask(
      () => 'declaring delayed delivery',
      channel => declareNativeDelay(channel, nativeCascade(behaviour.delayQueueType), queues),
    )
    for (const { name } of queues) delayed.add(name)
  }

  #hasNativeDelay(): Promise<boolean> {
    return this.#ask(
      () => 'looking for delayed delivery',
      async channel => (await ifThere(channel.lookAtExchange(NATIVE_ENTRY).then(() => true))) ?? false,
    )
  }

  #getChannel(): Promise<{ readonly channel: AmqpChannel; readonly holdings: Holdings<AmqpDelivery> }> {
    this.#getter ??= this.#openGetter()
    return this.#getter
  }

  async #openGetter(): Promise<{ readonly channel: AmqpChannel; readonly holdings: Holdings<AmqpDelivery> }> {
    const channel = await this.#wire.channel()
    const holdings = new Holdings<AmqpDelivery>(channel, () => this.#wire.flush())
    void channel.closed.then(() => {
      holdings.end()
      this.#getter = undefined
    })
    return { channel, holdings }
  }

  #wireForPublishing(): Promise<AmqpWire> {
    this.#publishWire ??= this.#consumed ? this.#secondWire() : Promise.resolve(this.#wire)
    return this.#publishWire
  }

  async #secondWire(): Promise<AmqpWire> {
    try {
      const wire = await this.#parts.openWire()
      wire.onBlocked(reason => this.#blocked(wire, reason))
      void wire.closed.then(error => this.#wireClosed(error))
      if (this.#state === 'ended') void wire.close()
      return wire
    } catch (error) {
      this.#publishWire = undefined
      throw error
    }
  }

  #blocked(wire: AmqpWire, reason: string | undefined): void {
    void this.#publishWire?.then(publishing => publishing === wire && this.#publisher.alarm(reason))
    if (reason !== undefined)
      this.runtime.log.warning(`RabbitMQ at ${this.#parts.place.url} takes no messages: ${reason}`)
  }

  async #ask<T>(doing: () => string, act: (channel: AmqpChannel) => Promise<T>): Promise<T> {
    this.#demandOpen(doing())
    try {
      return await this.#admin.run(act)
    } catch (error) {
      throw this.trouble(doing(), error)
    }
  }

  #demandOpen(doing: string): void {
    if (this.#state !== 'open') throw connectionClosed(doing, this.#parts.place)
  }

  #wireClosed(error: AmqpError | undefined): void {
    this.#lose(lost(error, this.#parts.place))
  }

  #lose(error: BrokerError): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#end(error.message)
    this.#ended.resolve({ kind: 'lost', error })
    void this.#closeWires()
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
    const getter = await this.#getter?.catch(() => undefined)
    getter?.holdings.flush()
    this.#state = 'ended'
    await this.#closeWires()
    getter?.holdings.end()
    this.#end('the connection was closed')
    this.#ended.resolve({ kind: 'closed' })
  }

  async #lastAnswers(): Promise<void> {
    const late = deferred()
    using _timer = this.runtime.clock.timer(LAST_ANSWERS, () => late.resolve())
    await Promise.race([this.#publisher.drain(), this.#wire.closed, late.promise])
  }

  async #closeWires(): Promise<void> {
    const second = await this.#publishWire?.catch(() => undefined)
    await Promise.all([this.#wire.close(), second?.close()])
  }
}

/** Undefined when the broker has no such thing. */
async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if ((error as AmqpError).reply === 404) return undefined
    throw error
  }
}

function namesOf({ exchanges = [], queues = [] }: Topology): string {
  const names = [...exchanges.map(({ name }) => `exchange '${name}'`), ...queues.map(({ name }) => `queue '${name}'`)]
  return names.length > 3
    ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
    : names.join(', ') || 'nothing'
}
