import type { Address } from '../../brokers/broker.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'

/*
 * The delay queues of a simulated RabbitMQ (brokers/amqp/parking.ts declares the real ones): one exchange, from which a
 * message comes into its queue in time, measured by the broker.
 */

/** Begins as the real ones do. */
const EXCHANGE = 'lovage.delay.sim'

/** Where a message goes that is to be in `queue` after `delay`: whole seconds, at least one, as with the real ones. */
export function parkedFor(queue: QueueName, delay: Ms): Address {
  const seconds = Math.max(1, Math.floor(delay / 1000))
  return { exchange: EXCHANGE, routingKey: `${seconds}.${queue}` }
}

/** Undefined: it is not parked. */
export function parkingOf({
  exchange,
  routingKey,
}: Address): { readonly queue: QueueName; readonly delay: Ms } | undefined {
  if (exchange !== EXCHANGE) return undefined
  const dot = routingKey.indexOf('.')
  return { queue: routingKey.slice(dot + 1) as QueueName, delay: 1000 * Number(routingKey.slice(0, dot)) }
}
