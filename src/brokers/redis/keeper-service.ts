import { RedisError } from '../../drivers/errors.js'
import { openRedis } from '../../drivers/redis/open-redis.js'
import type { RedisAddress } from '../../drivers/redis/redis-address.js'
import type { ServiceFactory, ServiceWorld } from '../../drivers/service-thread.js'
import { LovageError } from '../../lib/errors.js'
import { type LeaseConfig, LeaseKeeper } from './lease-keeper.js'
import { type RedisKeyOptions, RedisKeys } from './redis-keys.js'
import { loadBrokerScripts } from './scripts.js'

/** Plain data, so that it can go to a thread. */
export interface KeeperOptions {
  readonly address: RedisAddress
  readonly keys: RedisKeyOptions
  readonly config: LeaseConfig
  readonly name: string
}

/** It cannot go on. An error without its class, which structured clone would take from it. */
export interface KeeperLost {
  readonly code: string
  readonly message: string
  readonly transient: boolean
}

/** A lease keeper and its connection, in this thread or one of its own. */
export const service: ServiceFactory<KeeperOptions> = (options, world) => new KeeperService(options, world)

class KeeperService implements AsyncDisposable {
  readonly #world: ServiceWorld
  readonly #keeper: Promise<LeaseKeeper | undefined>
  readonly #stop = new AbortController()

  constructor(options: KeeperOptions, world: ServiceWorld) {
    this.#world = world
    this.#keeper = this.#open(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await (await this.#keeper)?.[Symbol.asyncDispose]()
  }

  /** Never rejects: why it failed is told. */
  async #open({ address, keys, config, name }: KeeperOptions): Promise<LeaseKeeper | undefined> {
    const { clock, random } = this.#world
    try {
      const connection = await openRedis(address, { name: `${name}-leases`, signal: this.#stop.signal })
      void connection.closed.then(error => error !== undefined && this.#lost(error))
      return new LeaseKeeper({
        config,
        connection,
        keys: new RedisKeys(keys),
        scripts: loadBrokerScripts(),
        clock,
        random,
        monotonic: () => this.#world.monotonic(),
        ended: how => this.#lost(how === 'wiped' ? wiped(address.url) : forgotten(address.url)),
      })
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#lost(error)
      return undefined
    }
  }

  #lost(error: unknown): void {
    const lost: KeeperLost = {
      code: error instanceof LovageError ? error.code : 'LVG_REDIS_LOST',
      message: error instanceof Error ? error.message : String(error),
      transient: error instanceof RedisError ? error.transient : true,
    }
    this.#world.emit(lost)
  }
}

/** F33. */
function wiped(url: string): RedisError {
  return new RedisError(
    'WIPED',
    `Redis at ${url} has lost what it kept: it was emptied (FLUSHALL, FLUSHDB), has thrown keys out, or was restarted without its data. Queued and held messages are gone; running tasks end.`,
  )
}

/** H77. */
function forgotten(url: string): RedisError {
  return new RedisError(
    'FORGOTTEN',
    `Redis at ${url} no longer has this consumer: its lease ran out while it stood still, or its entry was removed. It connects anew.`,
  )
}
