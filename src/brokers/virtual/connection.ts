import type { Clock } from '../../lib/runtime.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type {
  Address,
  Binding,
  CloseReason,
  Connection,
  DelayedDelivery,
  PublishOptions,
  Queue,
  QueueStats,
  Topology,
} from '../broker.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import { VirtualConsumer } from './consumer.js'
import { type DeliveryOwner, messageBytes, VirtualDelivery } from './delivery.js'
import type { StoreSession } from './queue-store.js'
import { StoreLink } from './store-link.js'
import { limitsMissing } from './trouble.js'

/** The broker port's connection over one store session. */
export class VirtualConnection implements Connection {
  readonly #link: StoreLink
  readonly #clock: Clock
  readonly #owner: DeliveryOwner
  #disposed: Promise<void> | undefined

  constructor(session: StoreSession, clock: Clock) {
    const link = new StoreLink(session)
    this.#link = link
    this.#clock = clock
    this.#owner = {
      settle: (delivery, verdict) => link.settle(delivery, verdict),
      current: delivery => link.current(delivery),
      released: delivery => link.unhold(messageBytes(delivery.message)),
    }
  }

  get closed(): Promise<CloseReason> {
    return this.#link.ended
  }

  /** Verdicts so far that came after their token was lost (D21). */
  get staleVerdicts(): number {
    return this.#link.staleVerdicts
  }

  declare(topology: Topology): Promise<void> {
    return this.#link.run('declaring exchanges and queues', session => session.declare(topology))
  }

  publish(message: Message, to: Address, options: PublishOptions): Promise<void> {
    const { publishId, notBefore, mandatory, once, signal } = options
    return this.#link.publish({ message, to, publishId, notBefore, mandatory, once }, signal)
  }

  /** Declares the queues, too. */
  async consume(queues: readonly Queue[], prefetch: number): Promise<VirtualConsumer> {
    await this.declare({ queues })
    const consumer = new VirtualConsumer(this.#link, queues, prefetch)
    await consumer.start()
    return consumer
  }

  async get(queue: QueueName, limit: number): Promise<readonly VirtualDelivery[]> {
    const claimed = await this.#link.run(`getting from queue '${queue}'`, session => session.claim([queue], limit))
    return claimed.map(one => {
      this.#link.hold(messageBytes(one.message))
      return new VirtualDelivery(one, this.#owner)
    })
  }

  async getDelayed(queue: QueueName, limit: number): Promise<readonly DelayedDelivery[]> {
    const doing = `taking what is delayed from queue '${queue}'`
    const found = await this.#link.run(doing, async session => (await session.claimDelayed?.(queue, limit)) ?? [])
    return found.map(({ claimed, notBefore }) => {
      this.#link.hold(messageBytes(claimed.message))
      return { delivery: new VirtualDelivery(claimed, this.#owner), notBefore }
    })
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#link.run(`looking at queue '${queue}'`, session => session.stats(queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#link.run('listing queues', session => session.list())
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#link.run('listing bindings', session => session.bindings())
  }

  weigh(queue: QueueName): Promise<number | undefined> {
    return this.#link.run(`weighing queue '${queue}'`, async session => session.weigh?.(queue))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#link.run(`purging queue '${queue}'`, session => session.purge(queue))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#link.run('asking for turns', session => {
      if (session.limit === undefined) throw limitsMissing()
      return session.limit(request)
    })
  }

  suspect(): boolean {
    return this.#clock.steady() >= this.#link.trustedUntil()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#link.close()
    await this.#disposed
  }
}
