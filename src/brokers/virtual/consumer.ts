import { Channel } from '../../lib/channel.js'
import { type Deferred, deferred } from '../../lib/deferred.js'
import { turnEnded } from '../../lib/node-turn.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Consumer, Queue, Settled } from '../broker.js'
import { type DeliveryOwner, messageBytes, VirtualDelivery } from './delivery.js'
import type { Claimed, Verdict } from './queue-store.js'
import type { LinkMember, StoreLink } from './store-link.js'
import { connectionClosed, storeTrouble } from './trouble.js'
import { claimLimit, expectBytes, rotate } from './window.js'

/**
 * Claims from its queues whenever its window has room, and sleeps in the store's `wake` when there is nothing.
 *
 * One loop, one claim at a time: no room or no queue → wait for the bell; room → claim; nothing found → wait for a wake.
 * The bell rings when something is settled, the window or the set of queues changes, or it all ends. Each queue in turn
 * comes first in a claim, so that none starves behind a longer one.
 */
export class VirtualConsumer implements Consumer, LinkMember, DeliveryOwner {
  readonly #link: StoreLink
  readonly #batches = new Channel<readonly VirtualDelivery[]>()
  #queues: readonly QueueName[]
  #first = 0
  #prefetch: number
  #held = 0
  #expectedBytes = 0
  #stopped = false
  #bell: Deferred<void> | undefined
  #sleep: AbortController | undefined
  /** Of a sleep that nobody cut short, for the next one: making one costs more than all else here. */
  #slept: AbortController | undefined
  #loop: Promise<void> | undefined
  #disposed: Promise<void> | undefined

  constructor(link: StoreLink, queues: readonly Queue[], prefetch: number) {
    this.#link = link
    this.#queues = [...new Set(queues.map(queue => queue.name))]
    this.#prefetch = prefetch
  }

  get serving(): readonly QueueName[] {
    return this.#queues
  }

  async start(): Promise<void> {
    await this.#link.join(this)
    this.#loop = this.#run()
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly VirtualDelivery[]> {
    return this.#batches[Symbol.asyncIterator]()
  }

  async setPrefetch(count: number): Promise<void> {
    this.#prefetch = count
    this.ring()
  }

  async add(queue: Queue): Promise<void> {
    if (this.#stopped) throw connectionClosed(`consuming queue '${queue.name}'`)
    await this.#link.run(`declaring queue '${queue.name}'`, session => session.declare({ queues: [queue] }))
    if (this.#queues.includes(queue.name)) return
    this.#serve([...this.#queues, queue.name])
    await this.#link.announce()
  }

  /** What was claimed from the queue and not yet iterated goes back, uncounted. */
  async cancel(queue: QueueName): Promise<void> {
    if (this.#stopped || !this.#queues.includes(queue)) return
    this.#serve(this.#queues.filter(name => name !== queue))
    const unwanted = this.#batches.take().flatMap(batch => this.#offer(batch))
    await this.#handBack(unwanted)
    await this.#link.announce()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  end(): void {
    this.#stop()
  }

  ring(): void {
    const bell = this.#bell
    this.#bell = undefined
    bell?.resolve()
  }

  settle(delivery: VirtualDelivery, verdict: Verdict): Promise<Settled> {
    return this.#link.settle(delivery, verdict)
  }

  current(delivery: VirtualDelivery): Promise<boolean> {
    return this.#link.current(delivery)
  }

  released(delivery: VirtualDelivery): void {
    this.#held--
    this.#link.unhold(messageBytes(delivery.message))
    this.ring()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        const limit = this.#limit()
        if (limit === 0) await this.#rung()
        else await this.#claim(limit)
      }
    } catch (error) {
      if (!this.#stopped) this.#link.lose(storeTrouble('waiting for messages', error))
    }
  }

  #limit(): number {
    if (this.#queues.length === 0) return 0
    return claimLimit({
      prefetch: this.#prefetch,
      held: this.#held,
      heldBytes: this.#link.heldBytes,
      expectedBytes: this.#expectedBytes,
    })
  }

  async #claim(limit: number): Promise<void> {
    const queues = this.#queues
    const order = rotate(queues, this.#first % queues.length)
    const claimed = await this.#link.run('claiming messages', session => session.claim(order, limit))
    const last = claimed.at(-1)
    const changed = this.#stopped || queues !== this.#queues
    if (last !== undefined) {
      this.#first = queues.indexOf(last.queue) + 1
      const deliveries = this.#receive(claimed)
      if (changed) await this.#handBack(this.#offer(deliveries))
      else this.#batches.push(deliveries)
    }
    if (claimed.length === limit || changed) return
    // There was no more: a claim that found nothing would only stand before the ack of what was found. So would a wait.
    if (last !== undefined) await turnEnded()
    if (!this.#stopped && queues === this.#queues) await this.#wake(queues)
  }

  #receive(claimed: readonly Claimed[]): readonly VirtualDelivery[] {
    let heaviest = 0
    const deliveries = claimed.map(one => {
      const bytes = messageBytes(one.message)
      if (bytes > heaviest) heaviest = bytes
      this.#link.hold(bytes)
      return new VirtualDelivery(one, this)
    })
    this.#held += deliveries.length
    this.#expectedBytes = expectBytes(this.#expectedBytes, heaviest)
    return deliveries
  }

  /** Lays before the reader what comes from queues we still serve; returns the rest. */
  #offer(batch: readonly VirtualDelivery[]): readonly VirtualDelivery[] {
    if (this.#stopped) return batch
    const serving = new Set(this.#queues)
    const wanted = batch.filter(delivery => serving.has(delivery.queue))
    if (wanted.length > 0) this.#batches.push(wanted)
    return batch.filter(delivery => !serving.has(delivery.queue))
  }

  async #wake(queues: readonly QueueName[]): Promise<void> {
    const sleep = this.#slept ?? new AbortController()
    this.#slept = undefined
    this.#sleep = sleep
    try {
      await this.#link.wake(queues, sleep.signal)
      if (!sleep.signal.aborted) this.#slept = sleep
    } catch (error) {
      if (!sleep.signal.aborted) throw error
    } finally {
      this.#sleep = undefined
    }
  }

  #rung(): Promise<void> {
    this.#bell ??= deferred()
    return this.#bell.promise
  }

  #serve(queues: readonly QueueName[]): void {
    this.#queues = queues
    this.#first = 0
    this.#interrupt()
  }

  #interrupt(): void {
    this.#sleep?.abort()
    this.ring()
  }

  /** Ends iteration; returns what nobody has iterated. */
  #stop(): readonly VirtualDelivery[] {
    this.#stopped = true
    const left = this.#batches.take().flat()
    this.#batches.close()
    this.#interrupt()
    return left
  }

  async #dispose(): Promise<void> {
    await this.#handBack(this.#stop())
    // A claim that is under way hands its messages back when it arrives; of a lost session it never may.
    await Promise.race([this.#loop, this.#link.ended])
    await this.#link.leave(this)
  }

  /** Uncounted (D82). What cannot be handed back now, the end of the session hands back. */
  async #handBack(deliveries: readonly VirtualDelivery[]): Promise<void> {
    if (deliveries.length === 0) return
    await Promise.allSettled(deliveries.map(delivery => delivery.requeue({ counted: false })))
  }
}
