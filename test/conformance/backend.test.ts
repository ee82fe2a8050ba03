import { after, describe, test } from 'node:test'
import { backendConformance } from '../../src/testing/conformance/backend.js'
import type { BackendHarness } from '../../src/testing/conformance/backend-harness.js'
import type { RegisterTest } from '../../src/testing/conformance/broker.js'
import {
  LocalSqliteBackendPlace,
  MemoryBackendPlace,
  ThreadSqliteBackendPlace,
} from '../support/backends/backend-places.js'
import { PostgresBackendPlace } from '../support/backends/postgres-place.js'
import { RpcPlace } from '../support/backends/rpc-place.js'
import { PostgresSuite } from '../support/brokers/postgres-place.js'
import { needsPostgres } from '../support/services/postgres.js'

const SIZE_WITH_PART =
  "a chord whose size is known from its messages only is Python's, and completed by its celery.chord_unlock"

const BY_MESSAGE = 'results travel as messages to the one client that sent the task'

/** Every backend adapter; each must pass the whole suite, or name what it lacks and why. */
const ADAPTERS: Readonly<Record<string, BackendHarness>> = {
  memory: { create: async () => new MemoryBackendPlace() },
  rpc: {
    create: async () => new RpcPlace(),
    lacks: {
      chords: BY_MESSAGE,
      groups: BY_MESSAGE,
      revocations: 'answers by message keep nothing that others could read',
      shared: BY_MESSAGE,
      fences: BY_MESSAGE,
      refusals: 'the writer does not know what the client has got; the client itself keeps what is final',
      expiry: 'results are in the memory of the client, bounded by their number',
    },
  },
  sqlite: { create: async () => new LocalSqliteBackendPlace(), lacks: { 'size-with-part': SIZE_WITH_PART } },
  'sqlite on a thread': {
    create: async () => new ThreadSqliteBackendPlace(),
    lacks: {
      'size-with-part': SIZE_WITH_PART,
      expiry: 'a thread keeps real time; the same operations are tested in virtual time',
    },
  },
}

/** Where real time passes, several at a time. */
const TOGETHER = { concurrency: 4 } as const

for (const [name, harness] of Object.entries(ADAPTERS)) {
  if (name.endsWith('on a thread')) describe(name, TOGETHER, () => backendConformance(name, harness, test))
  else backendConformance(name, harness, test)
}

/** Those that need a server: without it every case is skipped under a name that says so. */
const postgres = new PostgresSuite()
after(() => postgres[Symbol.asyncDispose]())
const onPostgres: RegisterTest = (name, options, body) => test(name, { ...options, ...needsPostgres }, body)
describe('postgres', TOGETHER, () => {
  backendConformance(
    'postgres',
    { create: () => PostgresBackendPlace.create(postgres), lacks: { 'size-with-part': SIZE_WITH_PART } },
    onPostgres,
  )
})
