import type { Runtime } from '../../lib/runtime.js'
import type { BrokerFeatures } from '../broker.js'
import { createVirtualBroker, type VirtualBroker } from '../virtual/virtual-broker.js'
import { MemoryQueueStore } from './memory-queue-store.js'

export interface MemoryBrokerOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  /** Shared with other brokers, and outlives this one. Default: a store of its own. */
  readonly store?: MemoryQueueStore
  /** Default `memory://`. */
  readonly url?: string
}

const FEATURES: BrokerFeatures = {
  delays: true,
  publishDedupe: true,
  leases: true,
  storesBroadcasts: true,
  exchanges: ['direct', 'topic', 'fanout'],
  durable: false,
  limits: true,
}

/** A broker inside this process: for tests, simulation, and programs that need no second process. */
export function createMemoryBroker(options: MemoryBrokerOptions): VirtualBroker {
  const { runtime, url = 'memory://' } = options
  const store = options.store?.seenBy(runtime) ?? new MemoryQueueStore(runtime)
  return createVirtualBroker({ url, store, features: FEATURES, runtime })
}
