import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisTopology } from './redis-topology.js'

/** Who consumes what, told to all: per holder, how many consumers it has of each queue. Some queues go with their last one. */
export class Consumers {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #topology: RedisTopology

  constructor(parts: {
    readonly connection: RedisConnection
    readonly keys: RedisKeys
    readonly topology: RedisTopology
  }) {
    this.#connection = parts.connection
    this.#keys = parts.keys
    this.#topology = parts.topology
  }

  /** All that a holder consumes, a queue as often as it has consumers; for one lease, unless it is renewed. */
  async enter(holder: string, queues: readonly QueueName[], leaseMs: Ms): Promise<void> {
    const doing = 'telling what is consumed'
    const counts: Record<string, number> = {}
    for (const queue of queues) counts[queue] = (counts[queue] ?? 0) + 1
    const [seconds] = (await this.#connection.call(doing, 'time')) as readonly [Buffer, Buffer]
    const ends = Number(String(seconds)) * 1000 + leaseMs
    await Promise.all([
      this.#connection.call(doing, 'hset', [this.#keys.consumers, holder, JSON.stringify(counts)]),
      this.#connection.call(doing, 'zadd', [this.#keys.holders, ends, holder]),
    ])
  }

  /** It consumes nothing any more, but may hold messages still. */
  async withdraw(holder: string): Promise<void> {
    await this.#connection.call('telling what is consumed', 'hdel', [this.#keys.consumers, holder])
  }

  /** A holder is forgotten: queues that went with their last consumer are dropped. */
  async leave(holder: string): Promise<void> {
    const doing = 'forgetting a consumer'
    const { consumers, holders } = this.#keys
    const served = await this.#connection.call(doing, 'hget', [consumers, holder])
    await this.#connection.call(doing, 'hdel', [consumers, holder])
    await this.#connection.call(doing, 'zrem', [holders, holder])
    await this.dropDeserted(Object.keys(parseCounts(served as Buffer | null)) as QueueName[])
  }

  /** Of these queues, those that go with their last consumer and have none any more. */
  async dropDeserted(queues: readonly QueueName[]): Promise<void> {
    for (const queue of queues) {
      if (!(await this.#topology.isAutoDelete(queue))) continue
      const counts = await this.counts()
      if ((counts.get(queue) ?? 0) === 0) await this.#topology.drop(queue)
    }
  }

  /** Live consumers of Lovage by queue. */
  async counts(): Promise<ReadonlyMap<string, number>> {
    const all = await this.#connection.call('counting consumers', 'hvals', [this.#keys.consumers])
    const counts = new Map<string, number>()
    for (const one of all as readonly Buffer[]) {
      for (const [queue, count] of Object.entries(parseCounts(one))) counts.set(queue, (counts.get(queue) ?? 0) + count)
    }
    return counts
  }
}

function parseCounts(text: Buffer | null): Readonly<Record<string, number>> {
  if (text === null) return {}
  try {
    const value: unknown = JSON.parse(String(text))
    if (typeof value !== 'object' || value === null) return {}
    return Object.fromEntries(Object.entries(value).filter(([, count]) => typeof count === 'number'))
  } catch {
    return {}
  }
}
