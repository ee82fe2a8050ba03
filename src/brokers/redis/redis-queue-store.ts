import { kernelMonotonic } from '../../drivers/kernel-clock.js'
import { openRedis } from '../../drivers/redis/open-redis.js'
import type { RedisAddress } from '../../drivers/redis/redis-address.js'
import { ServiceThread } from '../../drivers/service-thread.js'
import type { Clock, Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { BrokerError } from '../errors.js'
import type { QueueStore, StoreSession } from '../virtual/queue-store.js'
import { type KeeperLost, type KeeperOptions, service } from './keeper-service.js'
import { logPersistence } from './persistence.js'
import { DEFAULT_SEP, DEFAULT_STEPS, type RedisKeyOptions, RedisKeys } from './redis-keys.js'
import { RedisSession } from './redis-session.js'
import { brokerTrouble } from './redis-trouble.js'
import type { Replicas } from './replication.js'
import { loadBrokerScripts, type Scripts } from './scripts.js'

export interface RedisQueueStoreOptions {
  readonly address: RedisAddress
  readonly runtime: Runtime
  readonly keys?: Partial<Omit<RedisKeyOptions, 'db'>>
  /** Length of a lease. Default 20 s (D23). */
  readonly leaseMs?: Ms
  /** How often it is renewed. Default 5 s, and at most a quarter of `visibilityMs` (D35). */
  readonly renewMs?: Ms
  /** How long a message may be held by Python before it is put back. Default an hour, Celery's. */
  readonly visibilityMs?: Ms
  /** Every worker of these queues is Lovage's, so `notBefore` is kept. Default false: it is ignored. */
  readonly delays?: boolean
  /** Replicas that must have a message before it counts as accepted. */
  readonly replicas?: Replicas | undefined
  /** Keeps leases in this thread, by this clock for each name: for tests. */
  readonly local?: ((name: string) => Clock) | undefined
}

const LEASE_MS: Ms = 20_000
const RENEW_MS: Ms = 5_000
const VISIBILITY_MS: Ms = 3_600_000

/** Queues in Redis, in Kombu's layout. Each session has a connection of its own, and more as it needs them. */
export class RedisQueueStore implements QueueStore {
  readonly #options: RedisQueueStoreOptions
  readonly #keyOptions: RedisKeyOptions
  readonly #keys: RedisKeys
  readonly #sessions = new Set<RedisSession>()
  #scripts: Scripts | undefined
  #logged = false

  constructor(options: RedisQueueStoreOptions) {
    const { db } = options.address
    this.#options = options
    this.#keyOptions = {
      prefix: '',
      db,
      sep: DEFAULT_SEP,
      steps: DEFAULT_STEPS,
      unacked: 'unacked',
      unackedIndex: 'unacked_index',
      fanoutPrefix: `/${db}.`,
      fanoutPatterns: true,
      ...options.keys,
    }
    this.#keys = new RedisKeys(this.#keyOptions)
  }

  /** Rejects with `ConfigError` or `BrokerError`. */
  async open({ name }: { readonly name: string }, signal?: AbortSignal): Promise<StoreSession> {
    const { address } = this.#options
    try {
      const connection = await openRedis(address, { name, signal })
      this.#scripts ??= loadBrokerScripts()
      const session = this.#session(name, connection, this.#scripts)
      this.#sessions.add(session)
      void session.closed.then(() => this.#sessions.delete(session))
      return session
    } catch (error) {
      signal?.throwIfAborted()
      throw brokerTrouble(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map(session => session[Symbol.asyncDispose]()))
  }

  #session(name: string, connection: Awaited<ReturnType<typeof openRedis>>, scripts: Scripts): RedisSession {
    const { address, runtime, leaseMs = LEASE_MS, renewMs = RENEW_MS, visibilityMs = VISIBILITY_MS } = this.#options
    const local = this.#options.local?.(name)
    return new RedisSession(connection, this.#keys, scripts, {
      url: address.url,
      runtime,
      leaseMs,
      renewMs: Math.min(renewMs, visibilityMs / 4),
      visibilityMs,
      delays: this.#options.delays ?? false,
      replicas: this.#options.replicas,
      monotonic: local === undefined ? kernelMonotonic : () => local.steady(),
      open: what => openRedis(address, { name: `${name}-${what}` }),
      startKeeper: (config, lost) => this.#startKeeper({ address, keys: this.#keyOptions, config, name }, local, lost),
      holding: () => {
        if (this.#logged) return
        this.#logged = true
        void logPersistence(connection, address.url, runtime.log)
      },
    })
  }

  #startKeeper(config: KeeperOptions, local: Clock | undefined, lost: (error: Error) => void): AsyncDisposable {
    // The keeper emits nothing else.
    const hear = (event: unknown): void => {
      const error = lossOf(event as KeeperLost)
      if (error.code === WIPED) this.#options.runtime.log.critical(error.message)
      lost(error)
    }
    if (local !== undefined) {
      const { random } = this.#options.runtime
      return service(config, { clock: local, random, monotonic: () => local.steady(), emit: hear })
    }
    return new ServiceThread({
      module: new URL('./keeper-service.js', import.meta.url),
      config,
      name: 'lovage-redis',
      onEvent: hear,
      onDeath: cause => lost(diedOf(cause)),
    })
  }
}

/** Others are told by whoever makes the next connection; this one is no matter of connections. */
const WIPED = 'LVG_REDIS_WIPED'

function lossOf({ code, message, transient }: KeeperLost): BrokerError {
  return new BrokerError(code, message, { transient })
}

function diedOf(cause: unknown): BrokerError {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  const message = `The thread that keeps the leases in Redis ended${why}. Connect again.`
  return new BrokerError('LVG_REDIS_LOST', message, { cause, transient: true })
}
