import type { AmqpIncoming } from '../../drivers/amqp/amqp-channel.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { Message } from '../../protocol/message.js'
import type { Delivery, Queue, Settled } from '../broker.js'
import { fromAmqp } from './amqp-message.js'
import { withoutDelay } from './cascade.js'
import type { ClaimNumbers } from './claim-numbers.js'
import { cameByNativeDelay } from './native-delay.js'
import { cameByParking } from './parking.js'
import { faultsOf, hadBegun, type Mark, type Past, readPast, withoutPast } from './past.js'

/** Whoever can publish a message again in place of a held one, and hears of ends. */
export interface DeliveryOwner {
  /** Those of its connection. */
  readonly claims: ClaimNumbers
  /** A confirmed copy, then the ack of the original; `stale` when it was not ours any more. Never rejects. */
  replace(delivery: AmqpDelivery, past: Past, delay: Ms): Promise<Settled>
  /** The delivery no longer counts as held. Called once. */
  released(delivery: AmqpDelivery): void
}

/** The unsettled deliveries of one channel, by tag. None of the verbs rejects. */
export interface DeliveryTags {
  hold(tag: number, delivery: AmqpDelivery): void
  has(tag: number): boolean
  ack(tag: number): Promise<Settled>
  requeue(tag: number): Promise<Settled>
}

/** A message held on one channel of one connection; on any other its token is stale (D31). */
export class AmqpDelivery implements Delivery {
  readonly message: Message
  readonly queue: Queue['name']
  readonly exchange: string
  readonly routingKey: string
  readonly redelivered: boolean
  readonly faults: number
  readonly begun: boolean
  /** Larger for the later attempt of a message (D45). */
  readonly claim: number
  readonly enqueuedAt: undefined = undefined
  readonly receivedAt: EpochMs
  readonly tag: number
  readonly source: Queue
  readonly #holdings: DeliveryTags
  readonly #owner: DeliveryOwner
  readonly #past: Past | undefined
  readonly #flagged: boolean
  #state: 'held' | 'moving' | 'over' = 'held'

  constructor(incoming: AmqpIncoming, source: Queue, holdings: DeliveryTags, owner: DeliveryOwner, now: EpochMs) {
    const { fields, properties, content } = incoming
    const { deliveryTag, redelivered, exchange, routingKey } = fields
    const arrived = fromAmqp(properties, content)
    const past = readPast(arrived.headers)
    this.message = withoutPast(arrived)
    this.queue = source.name
    if (past !== undefined) {
      this.exchange = past.exchange
      this.routingKey = past.routingKey
    } else if (cameByNativeDelay(exchange) || cameByParking(exchange)) {
      // A retry goes back to where it was meant to go, not into the delays.
      this.exchange = source.exchange?.name ?? ''
      this.routingKey = this.exchange === '' ? source.name : withoutDelay(routingKey)
    } else {
      this.exchange = exchange
      this.routingKey = routingKey
    }
    this.redelivered = redelivered || past !== undefined
    this.faults = faultsOf(past, redelivered)
    this.begun = hadBegun(past, redelivered)
    this.claim = owner.claims.next(this.faults, now, past)
    this.receivedAt = now
    this.tag = deliveryTag
    this.source = source
    this.#past = past
    this.#flagged = redelivered
    this.#holdings = holdings
    this.#owner = owner
    holdings.hold(deliveryTag, this)
  }

  ack(): Promise<Settled> {
    if (!this.#release('over')) return STALE
    return this.#holdings.ack(this.tag)
  }

  async requeue({ counted, delay = 0 }: { readonly counted: boolean; readonly delay?: Ms }): Promise<Settled> {
    if (this.#state !== 'held') return 'stale'
    const plain = !counted && delay <= 0 && !this.marked
    if (!plain) {
      return await this.#move(counted ? 'failed' : this.#cleanMark(delay), this.faults + (counted ? 1 : 0), delay)
    }
    this.#release('over')
    return await this.#holdings.requeue(this.tag)
  }

  /**
   * The mark travels with a copy of the message, so a message that has none yet is `stale` here: its copy comes back, to
   * this worker or another, and may then begin.
   */
  async begin(): Promise<Settled> {
    if (this.#state !== 'held' || !this.#holdings.has(this.tag)) return 'stale'
    if (this.marked) return 'settled'
    await this.#move('begun', this.faults, 0)
    return 'stale'
  }

  /** What made it poison is in its header and the broker's flag, which stay. A copy marked anew would come as one that never began. */
  async condemn(): Promise<Settled> {
    return (await this.current()) ? 'settled' : 'stale'
  }

  async current(): Promise<boolean> {
    return this.#state === 'held' && this.#holdings.has(this.tag)
  }

  /** It carries the mark of a beginning that is still to come: returned by the broker itself, it would count as failed. */
  get marked(): boolean {
    return this.#past?.mark === 'begun' && !this.#flagged
  }

  /** Also while it is moved. */
  get holds(): boolean {
    return this.#holdings.has(this.tag)
  }

  /** Sends the original back as it is, after a copy could not be published. */
  giveBack(): Promise<Settled> {
    return this.#holdings.requeue(this.tag)
  }

  settleOriginal(): Promise<Settled> {
    return this.#holdings.ack(this.tag)
  }

  /** Of one that only waited here: what began and failed before stays marked (D60). */
  #cleanMark(delay: Ms): Mark {
    // Who took the mark away would send it round for ever between one that marks it and one that does not know its task.
    if (this.marked) return delay > 0 ? 'begun' : 'waiting'
    return this.begun ? 'failed' : 'waiting'
  }

  async #move(mark: Mark, deliveries: number, delay: Ms): Promise<Settled> {
    if (!this.#holdings.has(this.tag)) {
      this.#release('over')
      return 'stale'
    }
    this.#state = 'moving'
    const { claim, exchange, routingKey } = this
    const settled = await this.#owner.replace(this, { deliveries, mark, claim, exchange, routingKey }, delay)
    this.#release('over')
    return settled
  }

  #release(state: 'over'): boolean {
    if (this.#state === 'over') return false
    if (this.#state === 'moving' && state !== 'over') return false
    this.#state = state
    this.#owner.released(this)
    return true
  }
}

const STALE: Promise<Settled> = Promise.resolve('stale')
