import { BackendBench, type BackendCase } from './backend-bench.js'
import { CHORDS } from './backend-chords.js'
import { EXPIRY } from './backend-expiry.js'
import { GROUPS } from './backend-groups.js'
import type { BackendCapability, BackendHarness } from './backend-harness.js'
import { OVERWRITING } from './backend-overwriting.js'
import { QUIET_CHORDS } from './backend-quiet-chords.js'
import { RECORDING } from './backend-records.js'
import { REVOCATIONS } from './backend-revocations.js'
import { WATCHING } from './backend-watching.js'
import type { RegisterTest } from './broker.js'

const CASES: readonly BackendCase[] = [
  ...RECORDING,
  ...OVERWRITING,
  ...WATCHING,
  ...EXPIRY,
  ...GROUPS,
  ...CHORDS,
  ...QUIET_CHORDS,
  ...REVOCATIONS,
]

/**
 * Registers one test for every promise of the result backend port (backends/backend.ts), each on a fresh store from the
 * harness. Cases that need something the adapter lacks are skipped by name, with the adapter's reason.
 *
 * ```ts
 * import { test } from 'node:test'
 * backendConformance('mine', { create: freshPlace, lacks: { fences: 'records carry no attempt' } }, test)
 * ```
 */
export function backendConformance(name: string, harness: BackendHarness, test: RegisterTest): void {
  for (const one of CASES) {
    const missing = one.needs?.find(capability => harness.lacks?.[capability] !== undefined)
    const options = missing === undefined ? {} : { skip: reason(harness, missing) }
    test(`${name}: ${one.name}`, options, async () => {
      const place = await harness.create()
      try {
        await one.run(new BackendBench(place))
      } finally {
        await place[Symbol.asyncDispose]()
      }
    })
  }
}

function reason(harness: BackendHarness, capability: BackendCapability): string {
  return `lacks ${capability}: ${harness.lacks?.[capability]}`
}
