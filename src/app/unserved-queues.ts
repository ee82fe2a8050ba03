import type { Connection, QueueStats } from '../brokers/broker.js'
import type { Ms, SteadyMs } from '../lib/time.js'
import type { QueueName } from '../protocol/ids.js'

/** A queue that holds messages and has no consumer. */
export interface UnservedQueue {
  readonly queue: QueueName
  readonly depth: number
  /** How long it has been seen so, at least. */
  readonly age: Ms
}

/**
 * Remembers since when queues have been without a consumer (H41). Brokers that do not know their consumers are never
 * complained of.
 */
export class UnservedQueues {
  readonly #since = new Map<QueueName, SteadyMs>()

  /** Those that hold messages now and have nobody to consume them. */
  look(stats: readonly QueueStats[], now: SteadyMs): readonly UnservedQueue[] {
    const found = stats.filter(({ ready, consumers }) => ready > 0 && consumers === 0)
    const names = new Set(found.map(({ queue }) => queue))
    for (const name of this.#since.keys()) if (!names.has(name)) this.#since.delete(name)
    return found.map(({ queue, ready }) => {
      const since = this.#since.get(queue) ?? now
      this.#since.set(queue, since)
      return { queue, depth: ready, age: now - since }
    })
  }
}

/** How the named queues stand now. One that the broker cannot tell about is left out. */
export async function queueStats(connection: Connection, names: readonly string[]): Promise<readonly QueueStats[]> {
  const all = await Promise.allSettled(names.map(name => connection.stats(name as QueueName)))
  return all.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
}
