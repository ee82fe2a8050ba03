import type { Exchange, Queue } from '../brokers/broker.js'
import type { Ms } from '../lib/time.js'
import { type NodeName, queueName } from '../protocol/ids.js'

/** Settings `control…`. */
export interface MailboxSettings {
  /** `controlExchange`: first part of the exchanges' names. */
  readonly namespace: string
  readonly ttl: Ms
  readonly expires: Ms
  readonly exclusive: boolean
  readonly durable: boolean
}

/** Reaches the mailbox of every node. Source: kombu/pidbox.py `Mailbox._get_exchange`. */
export function controlExchange({ namespace }: MailboxSettings): Exchange {
  return { name: `${namespace}.pidbox`, type: 'fanout', durable: false }
}

export function replyExchange({ namespace }: MailboxSettings): Exchange {
  return { name: `reply.${namespace}.pidbox`, type: 'direct', durable: false }
}

/** Where a node hears. Source: kombu/pidbox.py `Mailbox.get_queue`. */
export function nodeQueue(node: NodeName, settings: MailboxSettings): Queue {
  const exchange = controlExchange(settings)
  return { ...transient(settings), name: queueName(`${node}.${exchange.name}`), exchange, routingKey: '' }
}

/** Where a client hears; `oid` is the routing key that its requests name. Source: kombu/pidbox.py `Mailbox.get_reply_queue`. */
export function replyQueue(oid: string, settings: MailboxSettings): Queue {
  const exchange = replyExchange(settings)
  return { ...transient(settings), name: queueName(`${oid}.${exchange.name}`), exchange, routingKey: oid }
}

/** Goes with its reader; what nobody reads goes by itself. */
function transient({ ttl, expires, exclusive, durable }: MailboxSettings): Omit<Queue, 'name'> {
  const limits = { 'x-expires': expires, 'x-message-ttl': ttl }
  return { durable, autoDelete: true, exclusive, arguments: limits }
}
