import type { BrokerFeatures } from '../broker.js'
import { createVirtualBroker, type VirtualBroker } from '../virtual/virtual-broker.js'
import { SqliteQueueStore, type SqliteQueueStoreOptions } from './sqlite-queue-store.js'
import { SqliteTransactions } from './sqlite-transactions.js'

/*
 * The embedded broker: a SQLite file that any number of processes on one machine share.
 *
 * - An accepted message is committed: with durability `full` it survives power loss, with `os` the last moments may be
 *   lost then (§2.3 of the delivery promises). What is asked for together shares one commit.
 * - Each session's connection lives on a thread of its own. The user's event loop never waits for the disk, and a task
 *   that blocks it does not lose its lease (D24).
 * - A holder whose process is gone is known at once, by its id, start time and machine start; its messages are ready
 *   again within 2 s. Anything else is up to its lease, on the kernel's monotonic clock (D3b).
 * - Sleeping consumers are woken through a watched file beside the database, usually within a millisecond, and by
 *   polling every 250 ms at the latest.
 * - A file that takes no writes rejects publishes and delays acks until it does again (D3c). A damaged one is renamed
 *   aside and never replaced quietly (D3d). One that was removed or replaced ends the session.
 */

export interface SqliteBrokerOptions extends SqliteQueueStoreOptions {
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

/** Opens nothing yet: each `connect` opens the file in a thread of its own. */
export function createSqliteBroker(options: SqliteBrokerOptions): VirtualBroker {
  const { url, ...rest } = options
  const within = new SqliteTransactions(options.path, options.runtime.clock)
  return createVirtualBroker({
    url,
    store: new SqliteQueueStore(rest),
    features: FEATURES,
    runtime: options.runtime,
    publishWithin: (transaction, entries) => within.publish(transaction, entries),
  })
}
