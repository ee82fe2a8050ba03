import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import { endOfTurn } from '../../lib/node-turn.js'
import type { Settled } from '../broker.js'

/**
 * The unsettled deliveries of one channel, by delivery tag. Verdicts of one turn leave together, before whoever gave them
 * goes on: an early ack is in the socket when user code is entered. Where everything up to a tag is acked, one frame says
 * so. A tag of a channel that is gone is `stale`, and nothing is sent for it (D31).
 */
export class Holdings<Delivery = unknown> {
  readonly #channel: AmqpChannel
  readonly #flushSocket: () => void
  /** In the order of arrival, which is that of the tags. */
  readonly #unsettled = new Map<number, Delivery>()
  #oldest = 1
  #newest = 0
  #acks: number[] = []
  #requeues: number[] = []
  #flushed: Deferred<Settled> | undefined
  #ended = false
  #empty: Deferred<void> | undefined

  constructor(channel: AmqpChannel, flushSocket: () => void) {
    this.#channel = channel
    this.#flushSocket = flushSocket
  }

  get size(): number {
    return this.#unsettled.size
  }

  hold(tag: number, delivery: Delivery): void {
    this.#unsettled.set(tag, delivery)
    this.#newest = tag
  }

  /** Oldest first. */
  get held(): Iterable<Delivery> {
    return this.#unsettled.values()
  }

  has(tag: number): boolean {
    return !this.#ended && this.#unsettled.has(tag)
  }

  ack(tag: number): Promise<Settled> {
    if (!this.#take(tag)) return STALE
    this.#acks.push(tag)
    return this.#soon()
  }

  requeue(tag: number): Promise<Settled> {
    if (!this.#take(tag)) return STALE
    this.#requeues.push(tag)
    return this.#soon()
  }

  /** Resolves when everything is settled, or nothing can be any more. */
  async settled(): Promise<void> {
    if (this.#ended || this.#unsettled.size === 0) return
    this.#empty ??= deferred()
    await this.#empty.promise
  }

  /** Sends what waits now. */
  flush(): void {
    const flushed = this.#flushed
    if (flushed === undefined) return
    this.#flushed = undefined
    const live = !this.#ended && this.#channel.open
    if (live) this.#send()
    this.#acks = []
    this.#requeues = []
    flushed.resolve(live ? 'settled' : 'stale')
    if (this.#unsettled.size === 0) this.#rest()
  }

  /** The channel is gone, and with it every token. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.flush()
    this.#unsettled.clear()
    this.#rest()
  }

  #take(tag: number): boolean {
    return !this.#ended && this.#unsettled.delete(tag)
  }

  #soon(): Promise<Settled> {
    if (this.#flushed === undefined) {
      this.#flushed = deferred()
      endOfTurn(() => this.flush())
    }
    return this.#flushed.promise
  }

  /** Requeues first: an ack of many would settle them, too. */
  #send(): void {
    for (const tag of this.#requeues) this.#channel.requeue(tag)
    if (this.#acks.length > 0) this.#sendAcks()
    this.#flushSocket()
  }

  /** Tags count up from 1; asking the map for its first key would walk over all that were deleted before it. */
  #advance(): number {
    while (this.#oldest <= this.#newest && !this.#unsettled.has(this.#oldest)) this.#oldest++
    return this.#oldest
  }

  #sendAcks(): void {
    const oldest = this.#advance()
    let together = 0
    let count = 0
    for (const tag of this.#acks) {
      if (tag > oldest) {
        this.#channel.ack(tag, false)
        continue
      }
      count++
      if (tag > together) together = tag
    }
    if (count > 0) this.#channel.ack(together, count > 1)
  }

  #rest(): void {
    const empty = this.#empty
    this.#empty = undefined
    empty?.resolve()
  }
}

const STALE: Promise<Settled> = Promise.resolve('stale')
