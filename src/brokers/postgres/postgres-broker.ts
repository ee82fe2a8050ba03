import type { BrokerFeatures } from '../broker.js'
import { createVirtualBroker, type VirtualBroker } from '../virtual/virtual-broker.js'
import { PostgresQueueStore, type PostgresQueueStoreOptions } from './postgres-queue-store.js'
import { PostgresTransactions } from './postgres-transactions.js'

/*
 * PostgreSQL as a broker, in tables of our own.
 *
 * - An accepted message is committed. What one turn of the event loop publishes, claims or acknowledges is one statement,
 *   and one commit.
 * - A claim takes rows with FOR UPDATE SKIP LOCKED and marks them as held, in the same statement: no transaction stays open
 *   while a task runs (D3f). Finished rows are deleted by the ack itself (D3i).
 * - Leases end by the server's clock (D3h) and are renewed from a thread and a connection of their own, so a task that
 *   blocks the event loop keeps its messages (D24).
 * - NOTIFY wakes who waits, at most once per queue and 50 ms; looking again, soon after something happened and four times a
 *   second otherwise, is the guarantee (D3g). Behind a transaction pooler looking alone works.
 * - A deadlock, a lock timeout or a serialization failure is tried again, because nothing of the statement happened. A
 *   terminated backend, a restart, a standby, a server that does not answer for 10 s end the session; whoever stands
 *   above connects anew (F35, D86).
 */

export interface PostgresBrokerOptions extends PostgresQueueStoreOptions {
  /** As shown to people. */
  readonly url: string
}

const FEATURES: BrokerFeatures = {
  delays: true,
  publishDedupe: true,
  leases: true,
  storesBroadcasts: true,
  exchanges: ['direct', 'topic', 'fanout'],
  durable: true,
  limits: true,
}

/** Connects to nothing yet. */
export function createPostgresBroker(options: PostgresBrokerOptions): VirtualBroker {
  const { url, ...rest } = options
  const { runtime, schema, target } = options
  const store = new PostgresQueueStore(rest)
  const within = new PostgresTransactions({
    store,
    schema: schema ?? 'lovage',
    shown: target.shown,
    host: runtime.host,
  })
  return createVirtualBroker({
    url,
    store,
    features: FEATURES,
    runtime,
    publishWithin: (transaction, entries) => within.publish(transaction, entries),
  })
}
