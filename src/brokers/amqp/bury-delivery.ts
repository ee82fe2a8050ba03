import { deadQueue } from '../../protocol/dead-letter.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Message } from '../../protocol/message.js'
import type { Address } from '../broker.js'
import type { AmqpDelivery } from './amqp-delivery.js'
import { keepDelivery, type Mover } from './move-delivery.js'

/** What it takes to publish a dead letter in place of a held message. */
export interface Burier extends Pick<Mover, 'log' | 'publish' | 'pause'> {
  /** Declares a dead-letter queue; where it is reached. */
  declareDead(queue: QueueName): Promise<Address>
}

/** The dead letter first, confirmed, then the ack. Where that fails the original goes back as it is. Never rejects. */
export async function buryDelivery(delivery: AmqpDelivery, dead: Message, burier: Burier): Promise<void> {
  try {
    await burier.publish(dead, await burier.declareDead(deadQueue(delivery.queue)))
    await delivery.ack()
  } catch (cause) {
    burier.log.critical(`Dead letter for ${delivery.queue} could not be written: ${String(cause)}`)
    await keepDelivery(delivery, burier)
  }
}
