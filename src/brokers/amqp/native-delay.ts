import type { AmqpChannel } from '../../drivers/amqp/amqp-channel.js'
import type { Address, Queue } from '../broker.js'
import { type Cascade, declareCascade, delayKey, LEVELS, LONGEST } from './cascade.js'

/*
 * Celery's native delayed delivery, used by fleets with quorum queues: whoever publishes a task with an eta to an exchange
 * that is not direct sends it through the exchange of the highest level; workers declare everything at start.
 * Source: kombu/transport/native_delayed_delivery.py, celery/worker/consumer/delayed_delivery.py.
 */

const OUT = 'celery_delayed_delivery'
export const NATIVE_ENTRY: string = nameOf(LEVELS - 1)

function nameOf(level: number): string {
  return `celery_delayed_${level}`
}

export function nativeCascade(queueType: Cascade['queueType']): Cascade {
  return { name: nameOf, out: OUT, queueType }
}

/** All levels, and the ways from the end of the delays to the task queues of exchanges that are not direct. */
export async function declareNativeDelay(
  channel: AmqpChannel,
  cascade: Cascade,
  queues: readonly Queue[],
): Promise<void> {
  await declareCascade(channel, cascade, 0, LEVELS - 1)
  for (const { name, exchange, routingKey = name } of queues) {
    if (exchange === undefined || exchange.type === 'direct') continue
    const key = routingKey.startsWith('#') ? routingKey : `#.${routingKey}`
    await channel.bindExchange(exchange.name, OUT, key)
    await channel.bindQueue(name, exchange.name, key)
  }
}

/** Where a message goes to arrive after so many seconds. Less than one second cannot be said, so it is one. */
export function nativeDelay(to: Address, seconds: number): Address {
  const whole = Math.min(LONGEST, Math.max(1, Math.floor(seconds)))
  return { exchange: NATIVE_ENTRY, routingKey: `${delayKey(whole)}.${to.routingKey}` }
}

/** The exchange of a delivery is the one its last wait led to, whichever level that was. */
export function cameByNativeDelay(exchange: string): boolean {
  return exchange.startsWith('celery_delayed_')
}
