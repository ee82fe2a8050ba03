import { setTimeout as sleep } from 'node:timers/promises'
import type { ResultBackend } from '../../../src/backends/backend.js'
import { jsonStoreCodec } from '../../../src/backends/json-store-codec.js'
import { createRedisBackend, type RedisBackendOptions } from '../../../src/backends/redis/redis-backend.js'
import { redisAddress } from '../../../src/drivers/redis/redis-url.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import type { Ms } from '../../../src/lib/time.js'
import type { BackendPlace, BackendTimes } from '../../../src/testing/conformance/backend-harness.js'
import type { RedisDatabase } from '../services/redis.js'

/** A Redis database in real time. Keys have a prefix of their own, so others may use it meanwhile. */
export class RedisBackendPlace implements BackendPlace {
  readonly times: BackendTimes = { step: 20, quiet: 100, ttl: 2000, patience: 60_000 }
  static #made = 0
  readonly #database: RedisDatabase
  readonly #prefix = `case${++RedisBackendPlace.#made}.`
  readonly #backends: ResultBackend[] = []

  private constructor(database: RedisDatabase) {
    this.#database = database
  }

  static async create(database: RedisDatabase): Promise<RedisBackendPlace> {
    return new RedisBackendPlace(database)
  }

  async open(): Promise<ResultBackend> {
    const backend = redisBackend(this.#database.url, { prefix: this.#prefix })
    this.#backends.push(backend)
    return backend
  }

  pass(ms: Ms): Promise<void> {
    return sleep(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]()
  }
}

export function redisBackend(url: string, options: Partial<RedisBackendOptions> = {}): ResultBackend {
  const codec = jsonStoreCodec(undefined)
  const { address = redisAddress(url), ...rest } = options
  return createRedisBackend({ address, runtime: nodeRuntime(), codec, ...rest })
}
