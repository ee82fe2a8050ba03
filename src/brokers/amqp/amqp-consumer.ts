import type { AmqpChannel, AmqpIncoming } from '../../drivers/amqp/amqp-channel.js'
import type { AmqpError } from '../../drivers/amqp/amqp-error.js'
import { type BackoffRule, backoff } from '../../lib/backoff.js'
import { Channel } from '../../lib/channel.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Consumer, Queue, Settled } from '../broker.js'
import type { BrokerError } from '../errors.js'
import { AmqpDelivery, type DeliveryOwner } from './amqp-delivery.js'
import type { ClaimNumbers } from './claim-numbers.js'
import { Holdings } from './holdings.js'
import type { Past } from './past.js'
import { isQuorum } from './topology.js'
import { isTimeout, NOT_FOUND } from './trouble.js'

/** What a consumer needs of its connection. */
export interface ConsumerHome {
  readonly claims: ClaimNumbers
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  openChannel(): Promise<AmqpChannel>
  flushSocket(): void
  declare(queue: Queue): Promise<void>
  replace(delivery: AmqpDelivery, past: Past, delay: Ms): Promise<Settled>
  /** True when it is dead-lettered instead of handed out: it was taken back from its running task too often (D32). */
  bury(delivery: AmqpDelivery): boolean
  /** RabbitMQ took back what was held too long. */
  timedOut(held: Iterable<AmqpDelivery>): void
  watch(held: () => Iterable<AmqpDelivery>): Disposable
  /** A channel that was to last is gone: the connection is of no use any more. */
  lose(doing: string, error: AmqpError | undefined): void
  /** Consuming a queue again has failed too often. */
  loseConsumer(queue: QueueName, error: BrokerError): void
  trouble(doing: string, error: unknown): BrokerError
  /** Deleted by somebody: what was declared has to be declared again. */
  forgetTopology(): void
  left(consumer: AmqpConsumer): void
  nextTag(): string
  /** Only prefetch per consumer is possible: newer servers, quorum queues in use. */
  readonly perConsumerOnly: boolean
  /** The server consumes by itself, in silence, from a queue that is declared anew quickly, and may lose what that one hands out. */
  readonly consumesInSilence: boolean
}

/** "No limit" is this many: what a process is given without limit it cannot hold. */
const UNLIMITED = 10_000
/** What AMQP can say. */
const MAX_PREFETCH = 65_535
/** So many that a limit over a whole channel never limits. */
const NO_LIMIT = MAX_PREFETCH
/** Pauses before a cancelled consumer is tried again. */
const AGAIN: BackoffRule = { first: 200, cap: 5000 }
const TRIES = 6

/** A channel and the queues consumed on it. Quorum queues know no prefetch that several consumers share. */
interface Lane {
  readonly global: boolean
  readonly channel: AmqpChannel
  readonly holdings: Holdings<AmqpDelivery>
  readonly watch: Disposable
  prefetch: number
}

interface Served {
  readonly queue: Queue
  readonly lane: Lane
  tag: string
  /** The window is closed: the server has no consumer of ours. */
  paused: boolean
}

/**
 * Consumes from its queues over one channel, or two where classic and quorum queues meet.
 *
 * The broker's window is a promise of the broker; ours is kept here as well: never more unsettled deliveries are given out
 * than the prefetch says, whatever has arrived. So a lowered prefetch holds at once, and one that the broker can only
 * change by consuming anew (quorum queues) cannot overshoot.
 *
 * A consumer that the broker cancels (its queue was deleted, its node failed) is set up again by itself, with the queue
 * declared anew; the other queues notice nothing (H05). When that stays impossible the connection ends, with the reason.
 */
export class AmqpConsumer implements Consumer, DeliveryOwner {
  readonly #home: ConsumerHome
  readonly #batches = new Channel<readonly AmqpDelivery[]>()
  readonly #served = new Map<QueueName, Served>()
  readonly #byTag = new Map<string, Served>()
  readonly #lanes = new Map<boolean, Promise<Lane>>()
  readonly #opened = new Set<Lane>()
  #arrived: AmqpDelivery[] = []
  #given = 0
  #prefetch: number
  #flushing = false
  #stopped = false
  #resizing: Promise<void> = Promise.resolve()
  #disposed: Promise<void> | undefined

  constructor(home: ConsumerHome, prefetch: number) {
    this.#home = home
    this.#prefetch = windowOf(prefetch)
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly AmqpDelivery[]> {
    return this.#batches[Symbol.asyncIterator]()
  }

  get claims(): ClaimNumbers {
    return this.#home.claims
  }

  /** Declared before. Rejects with `BrokerError`. */
  async start(queues: readonly Queue[]): Promise<void> {
    try {
      for (const queue of queues) await this.#serve(queue)
    } catch (error) {
      throw this.#home.trouble('beginning to consume', error)
    }
  }

  /** Held deliveries of this consumer that are not settled. */
  get held(): number {
    let held = 0
    for (const { holdings } of this.#opened) held += holdings.size
    return held
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = windowOf(count)
    if (this.#prefetch > 0) this.#giveOut()
    this.#resizing = this.#resizing.then(() => this.#resize())
    await this.#resizing
  }

  async add(queue: Queue): Promise<void> {
    await this.#home.declare(queue)
    if (this.#stopped || this.#served.has(queue.name)) return
    try {
      await this.#serve(queue)
    } catch (error) {
      throw this.#home.trouble(`beginning to consume queue '${queue.name}'`, error)
    }
  }

  /** What has arrived from the queue and was not iterated goes back, uncounted. */
  async cancel(queue: QueueName): Promise<void> {
    const served = this.#served.get(queue)
    if (served === undefined) return
    this.#served.delete(queue)
    await served.lane.channel.cancel(served.tag).catch(() => {})
    this.#byTag.delete(served.tag)
    await this.#handBack(this.#takeUnread(delivery => delivery.queue === queue))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  /** The connection is gone. */
  end(): void {
    this.#stopped = true
    this.#arrived = []
    for (const { holdings, watch } of this.#opened) {
      holdings.end()
      watch[Symbol.dispose]()
    }
    this.#batches.close()
  }

  replace(delivery: AmqpDelivery, past: Past, delay: Ms): Promise<Settled> {
    return this.#home.replace(delivery, past, delay)
  }

  released(): void {
    this.#given--
    if (this.#arrived.length > 0) this.#flushSoon()
  }

  async #serve(queue: Queue): Promise<void> {
    const lane = await this.#lane(!this.#home.perConsumerOnly && !isQuorum(queue))
    const served: Served = { queue, lane, tag: this.#home.nextTag(), paused: this.#prefetch === 0 }
    this.#served.set(queue.name, served)
    if (!served.paused) await this.#subscribe(served)
  }

  /** Known by its tag before the broker is asked: deliveries may come with its answer. */
  async #subscribe(served: Served): Promise<void> {
    const { queue, lane, tag } = served
    this.#byTag.set(tag, served)
    if (this.#home.consumesInSilence && isQuorum(queue)) await this.#subscribeOnce(lane.channel, queue.name, tag)
    else await lane.channel.consume(queue.name, tag)
  }

  /**
   * A server before 4.0 that learns of a deleted queue does not tell a consumer at once: it tries to consume again, and
   * succeeds when somebody has declared the queue meanwhile. But then it forgets the new quorum queue's state on that
   * channel, and drops every message that the queue hands out: the queue has a consumer and a full window, and nothing
   * comes (seen on 3.10). While a limit over the whole channel is set, it refuses to consume from a quorum queue, so its
   * attempt fails and the consumer is cancelled, as it is when nobody was so quick. The limit has no other effect on
   * quorum queues; for our own request it is lifted, and a queue deleted within that round trip is still consumed in
   * silence. This makes the loss rare and does not rule it out. The three are queued together, so that no other request
   * comes between.
   */
  async #subscribeOnce(channel: AmqpChannel, queue: QueueName, tag: string): Promise<void> {
    await Promise.all([channel.prefetch(0, true), channel.consume(queue, tag), channel.prefetch(NO_LIMIT, true)])
  }

  #lane(global: boolean): Promise<Lane> {
    const present = this.#lanes.get(global)
    if (present !== undefined) return present
    const lane = this.#openLane(global)
    this.#lanes.set(global, lane)
    return lane
  }

  async #openLane(global: boolean): Promise<Lane> {
    const channel = await this.#home.openChannel()
    const holdings = new Holdings<AmqpDelivery>(channel, () => this.#home.flushSocket())
    const lane: Lane = {
      global,
      channel,
      holdings,
      watch: this.#home.watch(() => holdings.held),
      prefetch: Math.max(1, this.#prefetch),
    }
    this.#opened.add(lane)
    channel.listen({
      delivery: message => this.#receive(message, lane),
      cancelled: tag => this.#cancelledByBroker(tag),
    })
    void channel.closed.then(error => this.#laneClosed(lane, error))
    await channel.prefetch(lane.prefetch, global)
    return lane
  }

  #receive(incoming: AmqpIncoming, { holdings, channel }: Lane): void {
    const served = this.#byTag.get(incoming.fields.consumerTag ?? '')
    if (served === undefined) {
      channel.requeue(incoming.fields.deliveryTag)
      return
    }
    const delivery = new AmqpDelivery(incoming, served.queue, holdings, this, this.#home.runtime.clock.now())
    if (delivery.redelivered && this.#home.bury(delivery)) {
      this.#given++
      return
    }
    this.#arrived.push(delivery)
    this.#flushSoon()
  }

  /** Everything that one piece of the socket held goes out together. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.#giveOut()
    })
  }

  #giveOut(): void {
    const room = this.#prefetch - this.#given
    if (this.#stopped || room <= 0 || this.#arrived.length === 0) return
    const batch = this.#arrived.length <= room ? this.#arrived : this.#arrived.slice(0, room)
    this.#arrived = batch === this.#arrived ? [] : this.#arrived.slice(room)
    this.#given += batch.length
    this.#batches.push(batch)
  }

  /** Tells the broker the newest window; where only new consumers heed it, every queue gets one. */
  async #resize(): Promise<void> {
    for (const opening of this.#lanes.values()) {
      const lane = await opening.catch(() => undefined)
      if (lane === undefined || this.#stopped || !lane.channel.open) continue
      if (this.#prefetch === 0) await this.#pause(lane)
      else await this.#widen(lane, this.#prefetch)
    }
  }

  async #widen(lane: Lane, wanted: number): Promise<void> {
    const changed = lane.prefetch !== wanted
    lane.prefetch = wanted
    if (changed) await lane.channel.prefetch(wanted, lane.global)
    for (const served of this.#served.values()) {
      if (served.lane !== lane) continue
      if (served.paused) await this.#resume(served)
      else if (changed && !lane.global) await this.#renew(served)
    }
  }

  /** AMQP's window cannot be closed: 0 is no limit. Only who does not consume gets nothing; what came meanwhile goes back. */
  async #pause(lane: Lane): Promise<void> {
    for (const served of this.#served.values()) {
      if (served.lane !== lane || served.paused) continue
      served.paused = true
      await lane.channel.cancel(served.tag)
      this.#byTag.delete(served.tag)
    }
    if (this.#prefetch === 0) await this.#handBack(this.#takeUnread(() => true))
  }

  async #resume(served: Served): Promise<void> {
    served.paused = false
    served.tag = this.#home.nextTag()
    await this.#subscribe(served)
  }

  async #renew(served: Served): Promise<void> {
    const { tag, lane } = served
    await lane.channel.cancel(tag)
    this.#byTag.delete(tag)
    if (this.#stopped || this.#served.get(served.queue.name) !== served) return
    served.tag = this.#home.nextTag()
    await this.#subscribe(served)
  }

  #cancelledByBroker(tag: string): void {
    const served = this.#byTag.get(tag)
    this.#byTag.delete(tag)
    if (served === undefined || this.#stopped || this.#served.get(served.queue.name) !== served) return
    const { name } = served.queue
    this.#home.forgetTopology()
    this.#home.runtime.log.warning(
      `RabbitMQ cancelled the consumer of queue '${name}': the queue was deleted, or its node failed. It is declared and consumed again.`,
      { queue: name },
    )
    void this.#revive(served)
  }

  async #revive(served: Served): Promise<void> {
    const { clock, log, random } = this.#home.runtime
    const { queue } = served
    for (let tries = 0; ; tries++) {
      try {
        await clock.sleep(backoff(tries, AGAIN, random))
        if (this.#stopped || served.paused || this.#served.get(queue.name) !== served) return
        await this.#home.declare(queue)
        served.tag = this.#home.nextTag()
        await this.#subscribe(served)
        log.info(`Queue '${queue.name}' is consumed again.`, { queue: queue.name })
        return
      } catch (cause) {
        if (this.#stopped) return
        const error = this.#home.trouble(`consuming queue '${queue.name}' again`, cause)
        log.error(error.message, { queue: queue.name })
        // RabbitMQ cancels before it forgets the queue, and somebody may delete it again: what was declared may be gone.
        const gone = error.code === NOT_FOUND
        if (gone) this.#home.forgetTopology()
        if (!(error.transient || gone) || tries + 1 >= TRIES) return this.#home.loseConsumer(queue.name, error)
      }
    }
  }

  #laneClosed(lane: Lane, error: AmqpError | undefined): void {
    const settled = this.#stopped && lane.holdings.size === 0
    if (error !== undefined && isTimeout(error)) this.#home.timedOut(lane.holdings.held)
    lane.watch[Symbol.dispose]()
    lane.holdings.end()
    this.#opened.delete(lane)
    if (!settled && error !== undefined) this.#home.lose('consuming', error)
  }

  /** What nobody has iterated, of those that match; the others stay as they are. */
  #takeUnread(matches: (delivery: AmqpDelivery) => boolean): readonly AmqpDelivery[] {
    const read = this.#batches.take().flat()
    this.#given -= read.length
    const unread = [...read, ...this.#arrived]
    this.#arrived = unread.filter(delivery => !matches(delivery))
    const taken = unread.filter(matches)
    this.#given += taken.length
    this.#giveOut()
    return taken
  }

  async #dispose(): Promise<void> {
    this.#stopped = true
    const lanes = [...this.#opened]
    const served = [...this.#served.values()]
    this.#served.clear()
    await Promise.all(served.map(({ lane, tag }) => lane.channel.cancel(tag).catch(() => {})))
    this.#byTag.clear()
    const unread = this.#takeUnread(() => true)
    this.#batches.close()
    await this.#handBack(unread)
    for (const lane of lanes) void this.#closeWhenSettled(lane)
    this.#home.left(this)
  }

  /** What was iterated may still be settled. */
  async #closeWhenSettled({ holdings, channel }: Lane): Promise<void> {
    await holdings.settled()
    await channel.close()
  }

  async #handBack(deliveries: readonly AmqpDelivery[]): Promise<void> {
    await Promise.all(deliveries.map(delivery => delivery.requeue({ counted: false })))
  }
}

/** 0 here = closed. */
function windowOf(prefetch: number): number {
  if (prefetch < 0) return 0
  return prefetch === 0 ? UNLIMITED : Math.min(prefetch, MAX_PREFETCH)
}
