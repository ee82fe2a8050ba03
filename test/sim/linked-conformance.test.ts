import { test } from 'node:test'
import type { ResultBackend } from '../../src/backends/backend.js'
import { createMemoryBackend } from '../../src/backends/memory/memory-backend.js'
import { MemoryBackendWorld } from '../../src/backends/memory/memory-backend-world.js'
import type { Broker, Connection } from '../../src/brokers/broker.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../src/brokers/memory/memory-queue-store.js'
import { createVirtualBroker } from '../../src/brokers/virtual/virtual-broker.js'
import type { EpochMs, Ms } from '../../src/lib/time.js'
import { backendConformance } from '../../src/testing/conformance/backend.js'
import type { BackendPlace, BackendTimes } from '../../src/testing/conformance/backend-harness.js'
import { brokerConformance, type RegisterTest } from '../../src/testing/conformance/broker.js'
import type { BrokerPlace, BrokerTimes } from '../../src/testing/conformance/broker-harness.js'
import { linkedBackend } from '../../src/testing/sim/linked-backend.js'
import { linkedBroker } from '../../src/testing/sim/linked-broker.js'
import { linkedQueueStore } from '../../src/testing/sim/linked-queue-store.js'
import type { SimLink } from '../../src/testing/sim/sim-link.js'
import type { SimProcess } from '../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import { simulate } from '../../src/testing/sim/simulate.js'

/*
 * What is reached over a simulated link keeps every promise of its port: the conformance suites, each case in a
 * simulation of its own, each connection and each backend in a process of its own.
 */

const TIMES = { step: 500, quiet: 10_000, patience: 60_000 }

/** How a process reaches the broker of the place. */
type Reach = (place: SimBrokerPlace, process: SimProcess, link: SimLink) => Broker

class SimBrokerPlace implements BrokerPlace {
  readonly times: BrokerTimes = { ...TIMES, delay: 5_000, lease: 20_000, detect: 25_000, long: 3_600_000 }
  readonly world: SimWorld
  readonly store: MemoryQueueStore
  readonly #reach: Reach

  constructor(world: SimWorld, reach: Reach) {
    this.world = world
    this.store = new MemoryQueueStore(world.runtime)
    this.#reach = reach
  }

  connect(name: string): Promise<Connection> {
    const process = this.world.process(name)
    const link = this.world.link(process, { place: 'broker' })
    return this.#reach(this, process, link).connect({ name })
  }

  async freeze(name: string): Promise<void> {
    this.store.freeze(name)
  }

  async thaw(name: string): Promise<void> {
    this.store.thaw(name)
  }

  now(): EpochMs {
    return this.world.runtime.clock.now()
  }

  pass(ms: Ms): Promise<void> {
    return this.world.sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const byStore: Reach = ({ world, store }, process, link) => {
  const { features } = createMemoryBroker({ runtime: world.runtime })
  const linked = linkedQueueStore(link, store.seenBy(process.runtime))
  return createVirtualBroker({ url: 'memory://', store: linked, features, runtime: process.runtime })
}

const byBroker: Reach = ({ world, store }, _process, link) =>
  linkedBroker(link, createMemoryBroker({ runtime: world.runtime, store }))

class SimBackendPlace implements BackendPlace {
  readonly times: BackendTimes = { ...TIMES, ttl: 5_000 }
  readonly #world: SimWorld
  readonly #results: MemoryBackendWorld
  #processes = 0

  constructor(world: SimWorld) {
    this.#world = world
    this.#results = new MemoryBackendWorld(world.runtime)
  }

  async open(): Promise<ResultBackend> {
    const { runtime } = this.#world
    const link = this.#world.link(this.#world.process(`p${++this.#processes}`), { place: 'backend' })
    return linkedBackend(link, createMemoryBackend({ runtime, world: this.#results }))
  }

  pass(ms: Ms): Promise<void> {
    return this.#world.sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Registers tests whose bodies run in a simulation; `world()` is the one of the running body. */
function inSimulation(): { readonly register: RegisterTest; world(): SimWorld } {
  const running: { world?: SimWorld } = {}
  return {
    register: (name, options, body) =>
      test(name, options, async () => {
        await simulate(name, async world => {
          running.world = world
          await body()
        })
      }),
    world: () => running.world as SimWorld, // set right before the body that asks
  }
}

const { register, world } = inSimulation()
brokerConformance('store over a link', { create: async () => new SimBrokerPlace(world(), byStore) }, register)
brokerConformance('broker over a link', { create: async () => new SimBrokerPlace(world(), byBroker) }, register)
backendConformance('backend over a link', { create: async () => new SimBackendPlace(world()) }, register)
