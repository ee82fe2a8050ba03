import { after, describe, test } from 'node:test'
import { brokerConformance, type RegisterTest } from '../../src/testing/conformance/broker.js'
import type { BrokerHarness } from '../../src/testing/conformance/broker-harness.js'
import { lacksOf } from '../support/brokers/lacks.js'
import { MemoryPlace } from '../support/brokers/memory-place.js'
import { PostgresPlace, PostgresSuite } from '../support/brokers/postgres-place.js'
import { LocalSqlitePlace, ThreadSqlitePlace } from '../support/brokers/sqlite-places.js'
import { needsPostgres } from '../support/services/postgres.js'

/** Every broker adapter; each must pass the whole suite, or name what it lacks and why. */
const ADAPTERS: Readonly<Record<string, BrokerHarness>> = {
  memory: { create: async () => new MemoryPlace(), lacks: lacksOf('memory') },
  sqlite: { create: async () => new LocalSqlitePlace(), lacks: lacksOf('sqlite') },
  'sqlite on a thread': {
    create: async () => new ThreadSqlitePlace(),
    lacks: {
      leases: 'a thread that keeps its lease cannot be stopped from outside; test/sqlite/ does it to processes',
    },
  },
}

/**
 * Where real time passes, and leases are kept on threads, which the work of another case cannot hold up: several at a time.
 */
const TOGETHER = { concurrency: 4 } as const

for (const [name, harness] of Object.entries(ADAPTERS)) {
  if (name.endsWith('on a thread')) describe(name, TOGETHER, () => brokerConformance(name, harness, test))
  else brokerConformance(name, harness, test)
}

/** Those that need a server: without it every case is skipped under a name that says so. */
const postgres = new PostgresSuite()
after(() => postgres[Symbol.asyncDispose]())
const onPostgres: RegisterTest = (name, options, body) => test(name, { ...options, ...needsPostgres }, body)
brokerConformance(
  'postgres',
  { create: () => PostgresPlace.create(postgres, false), lacks: lacksOf('postgres') },
  onPostgres,
)
describe('postgres with leases on threads', TOGETHER, () => {
  brokerConformance(
    'postgres with leases on threads',
    {
      create: () => PostgresPlace.create(postgres, true),
      lacks: {
        leases:
          'a thread that keeps its lease cannot be stopped from outside; test/brokers/postgres/ does it to processes',
      },
    },
    onPostgres,
  )
})
