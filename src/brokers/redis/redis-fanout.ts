import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Subscription } from './redis-topology.js'

/** Messages that wait for a consumer which does not take them; the oldest leave first. */
const KEPT = 10_000

interface Listening {
  readonly patterns: ReadonlySet<string>
  messages: Buffer[]
  dropped: number
}

export interface RedisFanoutParts {
  open(): Promise<RedisConnection>
  /** Something came for this queue. */
  arrived(queue: QueueName): void
  lost(error: Error): void
}

/**
 * Queues bound to fanout exchanges: Redis publishes to whoever listens and keeps nothing, so such a queue is a
 * subscription, filled while it is consumed, held in memory, gone with the session.
 * Source: kombu/transport/redis.py `Channel._subscribe`, `_receive_one`.
 */
export class RedisFanout implements AsyncDisposable {
  readonly #parts: RedisFanoutParts
  readonly #queues = new Map<QueueName, Listening>()
  #connection: Promise<RedisConnection> | undefined

  constructor(parts: RedisFanoutParts) {
    this.#parts = parts
  }

  /** Listens for a queue; resolves when the server has been told. */
  async listen(queue: QueueName, subscriptions: readonly Subscription[]): Promise<void> {
    const patterns = new Set(subscriptions.map(one => one.pattern))
    const known = this.#queues.get(queue)
    if (known !== undefined && [...patterns].every(pattern => known.patterns.has(pattern))) return
    this.#queues.set(queue, { patterns, messages: known?.messages ?? [], dropped: known?.dropped ?? 0 })
    const connection = await this.#opened()
    await connection.call('subscribing', 'psubscribe', [...patterns])
  }

  /** Stops listening for queues that are not among these. */
  async keep(queues: ReadonlySet<QueueName>): Promise<void> {
    const gone = [...this.#queues].filter(([queue]) => !queues.has(queue))
    if (gone.length === 0) return
    for (const [queue] of gone) this.#queues.delete(queue)
    const kept = new Set([...this.#queues.values()].flatMap(one => [...one.patterns]))
    const unwanted = gone.flatMap(([, { patterns }]) => [...patterns]).filter(pattern => !kept.has(pattern))
    const connection = await this.#connection
    if (unwanted.length > 0) await connection?.call('unsubscribing', 'punsubscribe', unwanted)
  }

  has(queue: QueueName): boolean {
    return this.#queues.has(queue)
  }

  waiting(queue: QueueName): number {
    return this.#queues.get(queue)?.messages.length ?? 0
  }

  take(queue: QueueName, limit: number): readonly Buffer[] {
    return this.#queues.get(queue)?.messages.splice(0, limit) ?? []
  }

  /** Back to the front. */
  giveBack(queue: QueueName, message: Buffer): void {
    this.#queues.get(queue)?.messages.unshift(message)
    this.#parts.arrived(queue)
  }

  purge(queue: QueueName): number {
    return this.take(queue, KEPT).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queues.clear()
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.[Symbol.asyncDispose]()
  }

  #opened(): Promise<RedisConnection> {
    this.#connection ??= this.#open()
    return this.#connection
  }

  async #open(): Promise<RedisConnection> {
    const connection = await this.#parts.open()
    connection.onMessage((_channel, message, pattern) => this.#hear(pattern, message))
    void connection.closed.then(error => {
      if (error !== undefined) this.#parts.lost(error)
    })
    return connection
  }

  #hear(pattern: string | undefined, message: Buffer): void {
    if (pattern === undefined) return
    for (const [queue, listening] of this.#queues) {
      if (!listening.patterns.has(pattern)) continue
      if (listening.messages.length >= KEPT) {
        listening.messages.shift()
        listening.dropped++
      }
      listening.messages.push(message)
      this.#parts.arrived(queue)
    }
  }
}
