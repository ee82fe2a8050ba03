import { RedisError } from '../../drivers/errors.js'
import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { QueueName } from '../../protocol/ids.js'
import type { QueueStats } from '../broker.js'
import type { Consumers } from './consumers.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisTopology } from './redis-topology.js'
import type { Scripts } from './scripts.js'

/** Pieces of a list that are measured for the size of all. */
const SAMPLES = 100

/** Looks at queues and empties them. What is held or delayed stands in one hash for all queues, which is gone through. */
export class QueueCounts {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #scripts: Scripts
  readonly #topology: RedisTopology
  readonly #consumers: Consumers

  constructor(parts: {
    readonly connection: RedisConnection
    readonly keys: RedisKeys
    readonly scripts: Scripts
    readonly topology: RedisTopology
    readonly consumers: Consumers
  }) {
    this.#connection = parts.connection
    this.#keys = parts.keys
    this.#scripts = parts.scripts
    this.#topology = parts.topology
    this.#consumers = parts.consumers
  }

  async of(queue: QueueName): Promise<QueueStats> {
    const [stats] = await this.#statsOf([queue])
    return stats as QueueStats
  }

  async all(): Promise<readonly QueueStats[]> {
    return this.#statsOf(await this.#topology.queues())
  }

  /** Bytes of what is ready, from samples of the lists; undefined when this user may not ask. */
  async weigh(queue: QueueName): Promise<number | undefined> {
    try {
      const sizes = this.#keys.lists(queue).map(list => {
        return this.#connection.call('weighing', 'memory', ['usage', list, 'samples', String(SAMPLES)])
      })
      return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + Number(size ?? 0), 0)
    } catch (error) {
      if (error instanceof RedisError && error.redis === 'DENIED') return undefined
      throw error
    }
  }

  /** How many ready and delayed messages were dropped. */
  async purge(queue: QueueName): Promise<number> {
    const lists = this.#keys.lists(queue)
    const doing = `purging queue '${queue}'`
    const replies = await this.#connection.transaction(doing, [
      ...lists.map(list => ['llen', list] as const),
      ['del', ...lists],
    ])
    let dropped = replies.slice(0, lists.length).reduce<number>((sum, length) => sum + Number(length), 0)
    const delayed = await this.#delayedOf(new Set(lists))
    for (let at = 0; at < delayed.length; at += 1000) {
      const names = delayed.slice(at, at + 1000)
      const [gone] = await this.#connection.transaction(doing, [
        ['hdel', this.#keys.delayedMessages, ...names],
        ['zrem', this.#keys.delayed, ...names],
      ])
      dropped += Number(gone)
    }
    return dropped
  }

  async #statsOf(queues: readonly QueueName[]): Promise<readonly QueueStats[]> {
    const [ready, held, delayed, consumers] = await Promise.all([
      Promise.all(queues.map(queue => this.#ready(queue))),
      this.#held(),
      this.#count(this.#keys.delayedMessages, 'delayed'),
      this.#consumers.counts(),
    ])
    return queues.map((queue, index) => ({
      queue,
      ready: ready[index] as number,
      held: held.get(queue) ?? 0,
      delayed: this.#keys.lists(queue).reduce((sum, list) => sum + (delayed.get(list) ?? 0), 0),
      consumers: consumers.get(queue) ?? 0,
    }))
  }

  async #ready(queue: QueueName): Promise<number> {
    const lengths = this.#keys.lists(queue).map(list => this.#connection.call('counting', 'llen', [list]))
    return (await Promise.all(lengths)).reduce<number>((sum, length) => sum + Number(length), 0)
  }

  async #held(): Promise<ReadonlyMap<string, number>> {
    const byQueue = new Map<string, number>()
    for (const [address, count] of await this.#count(this.#keys.unacked, 'held')) {
      const [exchange = '', routingKey = ''] = address.split('\n')
      for (const queue of await this.#topology.destinations(exchange, routingKey)) {
        byQueue.set(queue, (byQueue.get(queue) ?? 0) + count)
      }
    }
    return byQueue
  }

  async #count(key: string, what: 'held' | 'delayed'): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>()
    let cursor = '0'
    do {
      const answer = await this.#connection.run('counting', this.#scripts.count, [key], [cursor, what])
      // The script answers exactly this.
      const [next, flat] = answer as unknown as readonly [Buffer, readonly (Buffer | number)[]]
      for (let at = 0; at < flat.length; at += 2) {
        const address = String(flat[at])
        counts.set(address, (counts.get(address) ?? 0) + Number(flat[at + 1]))
      }
      cursor = String(next)
    } while (cursor !== '0')
    return counts
  }

  /** Names of the messages that would go to one of these lists. */
  async #delayedOf(lists: ReadonlySet<string>): Promise<readonly string[]> {
    const found: string[] = []
    let cursor = '0'
    do {
      const page = await this.#connection.call('purging', 'hscan', [this.#keys.delayedMessages, cursor, 'count', 500])
      const [next, flat] = page as readonly [Buffer, readonly Buffer[]]
      for (let at = 0; at + 1 < flat.length; at += 2) {
        const value = flat[at + 1] as Buffer
        const list = value.subarray(1, value.indexOf(0x0a)).toString()
        if (lists.has(list)) found.push(String(flat[at]))
      }
      cursor = String(next)
    } while (cursor !== '0')
    return found
  }
}
