import type { RegisterTest } from './broker.js'
import { PoolBench, type PoolCase } from './pool-bench.js'
import { ENDING } from './pool-ending.js'
import type { PoolCapability, PoolHarness } from './pool-harness.js'
import { RENEWING } from './pool-renewing.js'
import { RUNNING } from './pool-running.js'

const CASES: readonly PoolCase[] = [...RUNNING, ...ENDING, ...RENEWING]

/**
 * Registers one test for every promise of the pool port (pools/pool.ts), each on fresh pools from the harness, whose members
 * know the tasks of `definePoolTasks`. Cases that need something the adapter lacks are skipped by name, with its reason.
 *
 * ```ts
 * import { test } from 'node:test'
 * poolConformance('mine', { create: freshPlace, lacks: { processes: 'members are fibres' } }, test)
 * ```
 */
export function poolConformance(name: string, harness: PoolHarness, test: RegisterTest): void {
  for (const one of CASES) {
    const missing = one.needs?.find(capability => harness.lacks?.[capability] !== undefined)
    const options = missing === undefined ? {} : { skip: reason(harness, missing) }
    test(`${name}: ${one.name}`, options, async () => {
      const place = await harness.create()
      try {
        await one.run(new PoolBench(place))
      } finally {
        await place[Symbol.asyncDispose]()
      }
    })
  }
}

function reason(harness: PoolHarness, capability: PoolCapability): string {
  return `lacks ${capability}: ${harness.lacks?.[capability]}`
}
