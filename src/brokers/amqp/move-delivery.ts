import type { Log } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Message } from '../../protocol/message.js'
import type { Address, Queue, Settled } from '../broker.js'
import { BrokerError } from '../errors.js'
import type { AmqpDelivery } from './amqp-delivery.js'
import { type Past, withPast } from './past.js'

/** What it takes to publish a held message again. */
export interface Mover {
  readonly log: Log
  /** Where a message goes that is to be in this queue after `delay`; undefined: it cannot wait at the broker. */
  addressOf(queue: Queue, delay: Ms): Promise<Address | undefined>
  /** Resolves when the broker has it. */
  publish(copy: Message, to: Address): Promise<void>
  /** Resolves after so long, or when the connection is gone. */
  pause(delay: Ms): Promise<void>
}

/** A delivery that cannot be moved is kept this long before it goes back, so that it does not come round at once. */
const KEPT: Ms = 5000
/** A worker that stops waits for them. */
const TRIES = 3

/**
 * A copy first, confirmed, then the ack of the original: at no instant is the message nowhere. Where that fails the original goes
 * back as it is; or, when a return would count as the fault of a beginning and waiting may help, it is tried again first. Never
 * rejects.
 */
export async function moveDelivery(delivery: AmqpDelivery, past: Past, delay: Ms, mover: Mover): Promise<Settled> {
  const { message, source } = delivery
  let wait = delay
  for (let tries = 1; ; tries++) {
    let hopeless = tries >= TRIES
    try {
      const to = await mover.addressOf(source, wait)
      if (to !== undefined) {
        await mover.publish(copyOf(message, past, wait > 0), to)
        return await delivery.settleOriginal()
      }
      await mover.pause(wait)
      wait = 0
    } catch (cause) {
      mover.log.warning(
        `A message of queue '${source.name}' could not be put back with its count: ${cause instanceof Error ? cause.message : String(cause)}`,
        { queue: source.name },
      )
      hopeless ||= !(cause instanceof BrokerError && cause.transient)
      await mover.pause(KEPT)
    }
    if (hopeless || !delivery.marked || !delivery.holds) return await delivery.giveBack()
  }
}

function copyOf({ body, headers, properties }: Message, past: Past, parked: boolean): Message {
  const { expiration: _, ...lasting } = properties
  return { body, headers: withPast(headers, past), properties: parked ? lasting : properties }
}

/** Held here, then handed back as it is. */
export async function keepDelivery(delivery: AmqpDelivery, mover: Pick<Mover, 'pause'>): Promise<Settled> {
  await mover.pause(KEPT)
  return await delivery.giveBack()
}
