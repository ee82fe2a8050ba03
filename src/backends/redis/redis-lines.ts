import { openRedis } from '../../drivers/redis/open-redis.js'
import type { RedisAddress } from '../../drivers/redis/redis-address.js'
import type { RedisArgument, RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { BackendError } from '../errors.js'
import { backendTrouble } from './redis-trouble.js'
import { ResultSubscriptions } from './result-subscriptions.js'
import { loadBackendScripts, type Scripts } from './scripts.js'

export interface RedisLinesParts {
  readonly address: RedisAddress
  readonly clock: Pick<Clock, 'timer'>
  /** Begins their names in the server's list of clients. */
  readonly name: string
  /** Pause between looks whether the subscribing connection still lives. */
  readonly healthCheckMs: Ms
}

/**
 * The connections of one backend: one asks, a second one subscribes. Each is opened when it is first needed, and anew when it is
 * needed after it was lost. All verbs reject with `BackendError`.
 */
export class RedisLines implements AsyncDisposable {
  readonly #parts: RedisLinesParts
  readonly #scripts: Scripts = loadBackendScripts()
  #connection: Promise<RedisConnection> | undefined
  #subscriptions: Promise<ResultSubscriptions> | undefined
  #subscriber: RedisConnection | undefined
  #health: Disposable | undefined
  #closed = false

  constructor(parts: RedisLinesParts) {
    this.#parts = parts
  }

  async call(doing: string, name: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    try {
      const connection = await this.#opened()
      return await connection.call(doing, name, args)
    } catch (error) {
      throw backendTrouble(error)
    }
  }

  async run(
    doing: string,
    script: keyof Scripts,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<RedisReply> {
    try {
      const connection = await this.#opened()
      return await connection.run(doing, this.#scripts[script], keys, args)
    } catch (error) {
      throw backendTrouble(error)
    }
  }

  /** As Celery stores it, published although nobody listens. */
  async set(doing: string, key: string, value: RedisArgument, ttl: Ms | undefined): Promise<void> {
    const life = ttl === undefined ? [] : ['PX', ttl]
    try {
      const connection = await this.#opened()
      await connection.transaction(doing, [
        ['set', key, value, ...life],
        ['publish', key, value],
      ])
    } catch (error) {
      throw backendTrouble(error)
    }
  }

  subscriptions(): Promise<ResultSubscriptions> {
    this.mustBeOpen()
    this.#subscriptions ??= this.#subscribe()
    return this.#subscriptions
  }

  /** Undefined where nobody has subscribed, or it has failed. */
  async subscribed(): Promise<ResultSubscriptions | undefined> {
    return await this.#subscriptions?.catch(() => undefined)
  }

  mustBeOpen(): void {
    if (!this.#closed) return
    const { url } = this.#parts.address
    throw new BackendError('LVG_BACKEND_CLOSED', `The result backend ${url} was closed.`, { transient: false })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    // It may be on its way still.
    await this.subscribed()
    this.#health?.[Symbol.dispose]()
    await this.#subscriber?.[Symbol.asyncDispose]()
    await (await this.#connection?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }

  #opened(): Promise<RedisConnection> {
    this.mustBeOpen()
    this.#connection ??= this.#open('results', () => {
      this.#connection = undefined
    })
    return this.#connection
  }

  async #subscribe(): Promise<ResultSubscriptions> {
    const connection = await this.#open('subscriptions', () => {
      this.#subscriptions = undefined
      this.#subscriber = undefined
      this.#health?.[Symbol.dispose]()
    })
    this.#subscriber = connection
    this.#checkHealth(connection)
    return new ResultSubscriptions(connection)
  }

  /** A subscriber only hears: without a question it would never notice that nobody is there any more (D86). */
  #checkHealth(connection: RedisConnection): void {
    const { clock, healthCheckMs } = this.#parts
    this.#health = clock.timer(healthCheckMs, () => {
      if (!connection.open) return
      connection.call('checking the connection', 'ping').catch(() => {})
      this.#checkHealth(connection)
    })
  }

  async #open(what: string, lost: () => void): Promise<RedisConnection> {
    try {
      const { address, name } = this.#parts
      const connection = await openRedis(address, { name: `${name}-${what}` })
      connection.keepAlive(false)
      void connection.closed.then(lost)
      return connection
    } catch (error) {
      lost()
      throw error
    }
  }
}
