import { test } from 'node:test'
import { poolConformance } from '../../src/testing/conformance/pool.js'
import type { PoolHarness } from '../../src/testing/conformance/pool-harness.js'
import { RealPoolPlace } from '../support/pools/pool-places.js'

const ONE_PROCESS = 'handlers share the process of the worker'

/** Every pool; each must pass the whole suite, or name what it lacks and why. */
const POOLS: Readonly<Record<string, PoolHarness>> = {
  inline: {
    create: async () => new RealPoolPlace('inline'),
    lacks: {
      killing: `${ONE_PROCESS}: code that does not listen is abandoned, not ended`,
      isolation: ONE_PROCESS,
      processes: ONE_PROCESS,
      renewal: 'there are no children to replace',
      packing: 'values stay in the process; what cannot be stored is refused when the result is',
    },
  },
  threads: {
    create: async () => new RealPoolPlace('threads'),
    lacks: { processes: 'children are threads of the worker: signals, and what tasks have started, are the process’s' },
  },
  prefork: { create: async () => new RealPoolPlace('prefork') },
}

for (const [name, harness] of Object.entries(POOLS)) poolConformance(name, harness, test)
