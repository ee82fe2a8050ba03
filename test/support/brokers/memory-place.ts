import type { Connection } from '../../../src/brokers/broker.js'
import { createMemoryBroker } from '../../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../../src/brokers/memory/memory-queue-store.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import type { BrokerPlace, BrokerTimes } from '../../../src/testing/conformance/broker-harness.js'
import { HandClock } from '../hand-clock.js'

/** A memory broker in virtual time, with the product's own lease lengths. */
export class MemoryPlace implements BrokerPlace {
  readonly times: BrokerTimes = {
    step: 500,
    quiet: 10_000,
    delay: 5_000,
    lease: 20_000,
    detect: 25_000,
    long: 86_400_000,
    patience: 60_000,
  }
  readonly #runtime = { clock: new HandClock(), random: { next: () => 0.5, bytes: (n: number) => new Uint8Array(n) } }
  readonly #store = new MemoryQueueStore(this.#runtime)
  readonly #broker = createMemoryBroker({ runtime: this.#runtime, store: this.#store })

  connect(name: string): Promise<Connection> {
    return this.#broker.connect({ name })
  }

  async freeze(name: string): Promise<void> {
    this.#store.freeze(name)
  }

  async thaw(name: string): Promise<void> {
    this.#store.thaw(name)
  }

  now(): EpochMs {
    return this.#runtime.clock.now()
  }

  pass(ms: Ms): Promise<void> {
    return this.#runtime.clock.pass(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]()
  }
}
