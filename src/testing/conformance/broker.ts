import { BrokerBench, type BrokerCase } from './broker-bench.js'
import { CLAIMING } from './broker-claiming.js'
import { CONSUMING } from './broker-consuming.js'
import type { BrokerCapability, BrokerHarness } from './broker-harness.js'
import { LEASING } from './broker-leases.js'
import { LIMITING } from './broker-limits.js'
import { MESSAGES } from './broker-messages.js'
import { PUBLISHING } from './broker-publishing.js'
import { QUEUES } from './broker-queues.js'
import { ROUTING } from './broker-routing.js'

/** `test` of node:test, or anything that is called like it. */
export type RegisterTest = (name: string, options: { readonly skip?: string }, body: () => Promise<void>) => unknown

const CASES: readonly BrokerCase[] = [
  ...PUBLISHING,
  ...MESSAGES,
  ...ROUTING,
  ...CLAIMING,
  ...LEASING,
  ...CONSUMING,
  ...QUEUES,
  ...LIMITING,
]

/**
 * Registers one test for every promise of the broker port (brokers/broker.ts), each on a fresh broker from the harness.
 * Cases that need something the adapter lacks are skipped by name, with the adapter's reason.
 *
 * ```ts
 * import { test } from 'node:test'
 * brokerConformance('mine', { create: freshPlace, lacks: { priorities: 'the server knows none' } }, test)
 * ```
 */
export function brokerConformance(name: string, harness: BrokerHarness, test: RegisterTest): void {
  for (const one of CASES) {
    const missing = one.needs?.find(capability => harness.lacks?.[capability] !== undefined)
    const options = missing === undefined ? {} : { skip: reason(harness, missing) }
    test(`${name}: ${one.name}`, options, async () => {
      const place = await harness.create()
      try {
        await one.run(new BrokerBench(place, harness.lacks ?? {}))
      } finally {
        await place[Symbol.asyncDispose]()
      }
    })
  }
}

function reason(harness: BrokerHarness, capability: BrokerCapability): string {
  return `lacks ${capability}: ${harness.lacks?.[capability]}`
}
