import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '../../../src/brokers/broker.js'
import { createRedisBroker, type RedisBrokerOptions } from '../../../src/brokers/redis/redis-broker.js'
import { redisAddress } from '../../../src/drivers/redis/redis-url.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { Clock } from '../../../src/lib/runtime.js'
import type { EpochMs, Ms } from '../../../src/lib/time.js'
import { queueName } from '../../../src/protocol/ids.js'
import type { BrokerPlace, BrokerTimes } from '../../../src/testing/conformance/broker-harness.js'
import type { RedisDatabase } from '../services/redis.js'

/** A Redis database in real time. Leases are kept in this thread, short, and can be made to stand still. */
export class RedisPlace implements BrokerPlace {
  readonly times: BrokerTimes = {
    ...{ step: 10, quiet: 200, delay: 400, patience: 60_000 },
    ...{ lease: 2000, detect: 4000, long: 6000 },
  }
  readonly #database: RedisDatabase
  readonly #options: Partial<RedisBrokerOptions>
  readonly #clocks = new Map<string, FreezingClock>()
  readonly #brokers: AsyncDisposable[] = []

  constructor(database: RedisDatabase, options: Partial<RedisBrokerOptions> = {}) {
    this.#database = database
    this.#options = options
  }

  static async create(database: RedisDatabase, options?: Partial<RedisBrokerOptions>): Promise<RedisPlace> {
    await database.client.flushdb()
    return new RedisPlace(database, options)
  }

  /** Everybody is a worker here: whoever merely publishes or looks on keeps no leases and sweeps none. */
  async connect(name: string): Promise<Connection> {
    const broker = createRedisBroker({
      address: redisAddress(this.#database.url),
      runtime: nodeRuntime(),
      leaseMs: this.times.lease,
      renewMs: this.times.lease / 5,
      local: who => this.#clock(who),
      ...this.#options,
    })
    this.#brokers.push(broker)
    const connection = await broker.connect({ name })
    await connection.get(queueName('nothing'), 1)
    return connection
  }

  async freeze(name: string): Promise<void> {
    this.#clock(name).freeze()
  }

  async thaw(name: string): Promise<void> {
    this.#clock(name).thaw()
  }

  now(): EpochMs {
    return Date.now()
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const broker of this.#brokers) await broker[Symbol.asyncDispose]()
  }

  #clock(name: string): FreezingClock {
    const clock = this.#clocks.get(name) ?? new FreezingClock()
    this.#clocks.set(name, clock)
    return clock
  }
}

/** As users have it: leases on a thread. Keys have a prefix of their own, so others may use the database meanwhile. */
export class ThreadRedisPlace extends RedisPlace {
  static #made = 0

  static override async create(
    database: RedisDatabase,
    options: Partial<RedisBrokerOptions> = {},
  ): Promise<RedisPlace> {
    const keys = { prefix: `case${++ThreadRedisPlace.#made}.` }
    return new RedisPlace(database, { leaseMs: 20_000, renewMs: 5000, local: undefined, keys, ...options })
  }
}

/** Real time, whose timers can be made to stand still. */
class FreezingClock implements Clock {
  readonly #clock = nodeRuntime().clock
  readonly #late: (() => void)[] = []
  #frozen = false

  now(): EpochMs {
    return this.#clock.now()
  }

  steady(): Ms {
    return this.#clock.steady()
  }

  sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal)
  }

  timer(ms: Ms, ring: () => void): Disposable {
    return this.#clock.timer(ms, () => {
      if (this.#frozen) this.#late.push(ring)
      else ring()
    })
  }

  freeze(): void {
    this.#frozen = true
  }

  thaw(): void {
    this.#frozen = false
    for (const ring of this.#late.splice(0)) ring()
  }
}
