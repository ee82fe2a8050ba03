import type { BrokerFeatures } from '../broker.js'
import { createVirtualBroker, type VirtualBroker } from '../virtual/virtual-broker.js'
import { RedisQueueStore, type RedisQueueStoreOptions } from './redis-queue-store.js'

/*
 * Redis as Kombu uses it, so that Python's Celery and Lovage share queues, both ways.
 *
 * - Kombu's keys, byte for byte: a list per queue and priority step, `unacked`, `unacked_index`, `_kombu.binding.*`, channels
 *   of fanout exchanges. What else Lovage needs stands in keys of its own, `lovage.*`, which Python ignores.
 * - Claims are one script, which records who has a message in the same step as it takes it (D20). Kombu's own pop leaves a
 *   moment in which a dying process loses it; that is Python's and stays so for what Python takes.
 * - A held message has a lease, renewed by a thread of its own (D24), together with its place in `unacked_index`: so Python
 *   never takes back what a live Lovage worker holds, whatever the visibility timeout (D35).
 * - Events are published without a script: nobody publishes them again, so there is no publish id to look for (D05).
 * - Bytes are never written anew inside a script (D37).
 * - Priorities are Kombu's: four steps, lower numbers first. Topic patterns are Kombu's, too.
 * - Delays are kept in a set that only Lovage workers look at. What a worker parks waits there, since that worker proves that
 *   there are some. What a producer sends goes to its queue at once, where Python finds it too and holds it until its eta;
 *   unless `delays` says that all workers are Lovage's.
 */

export type RedisBrokerOptions = RedisQueueStoreOptions

/** Connects to nothing yet. */
export function createRedisBroker(options: RedisBrokerOptions): VirtualBroker {
  const { delays = false } = options
  const features: BrokerFeatures = {
    delays,
    parking: true,
    publishDedupe: true,
    leases: true,
    eventExchange: 'fanout',
    exchanges: ['direct', 'topic', 'fanout'],
    durable: true,
    reachesUndeclared: true,
    limits: true,
  }
  return createVirtualBroker({
    url: options.address.url,
    store: new RedisQueueStore(options),
    features,
    runtime: options.runtime,
  })
}
