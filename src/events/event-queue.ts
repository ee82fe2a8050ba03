import type { Exchange, Queue } from '../brokers/broker.js'
import type { Ms } from '../lib/time.js'
import { queueName } from '../protocol/ids.js'

/** How receivers' queues are made; from the settings `eventQueue…`. */
export interface EventQueueRules {
  readonly prefix: string
  /** Life of an event in it. */
  readonly ttl: Ms | undefined
  /** Life of a queue that nobody reads. */
  readonly expires: Ms | undefined
  readonly durable: boolean
  readonly exclusive: boolean
}

/**
 * The queue of one receiver: it goes with its reader, and what is not read at once goes before that, so it never piles up.
 * One that is not durable is exclusive: newer RabbitMQs have no other transient queues.
 * Source: celery/events/receiver.py `EventReceiver`.
 */
export function eventQueue(id: string, exchange: Exchange, routingKey: string, rules: EventQueueRules): Queue {
  return {
    name: queueName(`${rules.prefix}.${id}`),
    exchange,
    routingKey,
    durable: rules.durable,
    autoDelete: true,
    exclusive: rules.exclusive || !rules.durable,
    arguments: {
      ...(rules.ttl === undefined ? {} : { 'x-message-ttl': rules.ttl }),
      ...(rules.expires === undefined ? {} : { 'x-expires': rules.expires }),
    },
  }
}
