import { test } from 'node:test'
import { backendConformance } from '../../src/testing/conformance/backend.js'
import type { BackendHarness } from '../../src/testing/conformance/backend-harness.js'
import {
  LocalSqliteBackendPlace,
  MemoryBackendPlace,
  ThreadSqliteBackendPlace,
} from '../support/backends/backend-places.js'

const SIZE_WITH_PART =
  "a chord whose size is known from its messages only is Python's, and completed by its celery.chord_unlock"

/** Every backend adapter; each must pass the whole suite, or name what it lacks and why. */
const ADAPTERS: Readonly<Record<string, BackendHarness>> = {
  memory: { create: async () => new MemoryBackendPlace() },
  sqlite: { create: async () => new LocalSqliteBackendPlace(), lacks: { 'size-with-part': SIZE_WITH_PART } },
  'sqlite on a thread': {
    create: async () => new ThreadSqliteBackendPlace(),
    lacks: {
      'size-with-part': SIZE_WITH_PART,
      expiry: 'a thread keeps real time; the same operations are tested in virtual time',
    },
  },
}

for (const [name, harness] of Object.entries(ADAPTERS)) backendConformance(name, harness, test)
