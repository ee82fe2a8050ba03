import { test } from 'node:test'
import { brokerConformance } from '../../src/testing/conformance/broker.js'
import type { BrokerHarness } from '../../src/testing/conformance/broker-harness.js'
import { MemoryPlace } from '../support/brokers/memory-place.js'

/** Every broker adapter; each must pass the whole suite, or name what it lacks and why. */
const ADAPTERS: Readonly<Record<string, BrokerHarness>> = {
  memory: { create: async () => new MemoryPlace() },
}

for (const [name, harness] of Object.entries(ADAPTERS)) brokerConformance(name, harness, test)
