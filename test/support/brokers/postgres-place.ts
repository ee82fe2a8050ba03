import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '../../../src/brokers/broker.js'
import { createPostgresBroker, type PostgresBrokerOptions } from '../../../src/brokers/postgres/postgres-broker.js'
import type { VirtualBroker } from '../../../src/brokers/virtual/virtual-broker.js'
import { parsePostgresUrl } from '../../../src/drivers/postgres/postgres-url.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import type { BrokerPlace, BrokerTimes } from '../../../src/testing/conformance/broker-harness.js'
import { ScratchDatabase } from '../services/postgres.js'
import { FreezingClock, runtimeOn } from './sqlite-places.js'

/** One database for a suite, and a schema in it for each case: a database costs a second. */
export class PostgresSuite implements AsyncDisposable {
  #database: Promise<ScratchDatabase> | undefined
  #schemas = 0

  get database(): Promise<ScratchDatabase> {
    this.#database ??= ScratchDatabase.create()
    return this.#database
  }

  nextSchema(): string {
    return `case_${++this.#schemas}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#database)?.[Symbol.asyncDispose]()
  }
}

/**
 * A PostgreSQL broker in real time. `threads`: leases are kept on threads, as users have it; otherwise in this one, where
 * they can be made to stand still, and with short lives.
 */
export class PostgresPlace implements BrokerPlace {
  readonly times: BrokerTimes
  readonly #url: string
  readonly #schema: string
  readonly #threads: boolean
  readonly #sessions = new Map<string, { readonly clock: FreezingClock; readonly broker: AsyncDisposable }>()

  private constructor(url: string, schema: string, threads: boolean) {
    this.#url = url
    this.#schema = schema
    this.#threads = threads
    const lease = threads ? 20_000 : 2_000
    this.times = { step: 20, quiet: 300, delay: 300, lease, detect: lease + 500, long: 2 * lease, patience: 60_000 }
  }

  static async create(suite: PostgresSuite, threads: boolean): Promise<PostgresPlace> {
    return new PostgresPlace((await suite.database).url(), suite.nextSchema(), threads)
  }

  connect(name: string): Promise<Connection> {
    const clock = new FreezingClock(nodeRuntime().clock)
    const short = { local: true, runtime: runtimeOn(clock), leaseMs: this.times.lease, renewMs: 300, sweepMs: 100 }
    const broker = postgresBroker(this.#url, this.#schema, this.#threads ? {} : short)
    this.#sessions.set(name, { clock, broker })
    return broker.connect({ name })
  }

  async freeze(name: string): Promise<void> {
    this.#sessions.get(name)?.clock.freeze()
  }

  async thaw(name: string): Promise<void> {
    this.#sessions.get(name)?.clock.thaw()
  }

  now(): EpochMs {
    return Date.now()
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { clock, broker } of this.#sessions.values()) {
      clock.thaw()
      await broker[Symbol.asyncDispose]()
    }
  }
}

export function postgresBroker(
  url: string,
  schema: string,
  options: Partial<PostgresBrokerOptions> = {},
): VirtualBroker {
  return createPostgresBroker({ url, target: parsePostgresUrl(url), schema, runtime: nodeRuntime(), ...options })
}
