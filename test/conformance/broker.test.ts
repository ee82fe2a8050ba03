import { test } from 'node:test'
import { brokerConformance } from '../../src/testing/conformance/broker.js'
import type { BrokerHarness } from '../../src/testing/conformance/broker-harness.js'
import { MemoryPlace } from '../support/brokers/memory-place.js'
import { LocalSqlitePlace, ThreadSqlitePlace } from '../support/brokers/sqlite-places.js'

/** Every broker adapter; each must pass the whole suite, or name what it lacks and why. */
const ADAPTERS: Readonly<Record<string, BrokerHarness>> = {
  memory: { create: async () => new MemoryPlace() },
  sqlite: { create: async () => new LocalSqlitePlace() },
  'sqlite on a thread': {
    create: async () => new ThreadSqlitePlace(),
    lacks: {
      leases: 'a thread that keeps its lease cannot be stopped from outside; test/sqlite/ does it to processes',
    },
  },
}

for (const [name, harness] of Object.entries(ADAPTERS)) brokerConformance(name, harness, test)
