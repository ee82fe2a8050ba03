import type { QueueName } from '../../protocol/ids.js'
import type { Address, Queue } from '../broker.js'
import type { AdminChannel } from './admin-channel.js'
import type { AmqpBehaviour } from './amqp-behaviour.js'
import { ifThere } from './if-there.js'
import { declareNativeDelay, NATIVE_ENTRY, nativeCascade } from './native-delay.js'
import type { DeclaredTopology } from './topology.js'

export interface DelayedDeliveryParts {
  readonly admin: AdminChannel
  readonly topology: Pick<DeclaredTopology, 'typeOf'>
  readonly behaviour: Pick<AmqpBehaviour, 'quorum' | 'declare' | 'delayQueueType'>
  /** Queues for which an earlier connection of this process has set it up. */
  readonly delayed: Set<QueueName>
}

/** Celery's native delayed delivery at one broker (native-delay.ts): whether it is there, and what sets it up. */
export class DelayedDelivery {
  readonly #parts: DelayedDeliveryParts
  #there: Promise<boolean> | undefined

  constructor(parts: DelayedDeliveryParts) {
    this.#parts = parts
  }

  /** Celery's rule: quorum queues in use, an eta to come, and an exchange that is not direct; and somebody has set it up. */
  async serves({ exchange }: Address): Promise<boolean> {
    const { behaviour, topology } = this.#parts
    if (!behaviour.quorum || exchange === '') return false
    const type = topology.typeOf(exchange)
    if (type === undefined || type === 'direct') return false
    this.#there ??= this.#isThere()
    const there = await this.#there
    if (!there) this.#there = undefined
    return there
  }

  /** For queues that are consumed, where it is used and we may declare it. */
  async setUp(queues: readonly Queue[]): Promise<void> {
    const { admin, behaviour, delayed } = this.#parts
    if (!behaviour.quorum || behaviour.declare === 'passive') return
    // It takes more than a hundred questions. A broker that has come back has it still, unless it came back empty.
    if (queues.every(({ name }) => delayed.has(name)) && (await this.#isThere())) return
    await admin.ask(
      () => 'declaring delayed delivery',
      channel => declareNativeDelay(channel, nativeCascade(behaviour.delayQueueType), queues),
    )
    for (const { name } of queues) delayed.add(name)
  }

  #isThere(): Promise<boolean> {
    return this.#parts.admin.ask(
      () => 'looking for delayed delivery',
      async channel => (await ifThere(channel.lookAtExchange(NATIVE_ENTRY).then(() => true))) ?? false,
    )
  }
}
