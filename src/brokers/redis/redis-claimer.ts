import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Log } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Claimed } from '../virtual/queue-store.js'
import { claimedOf } from './claimed-message.js'
import type { HeardMessages } from './heard-messages.js'
import type { Holder } from './holder.js'
import type { RedisFanout } from './redis-fanout.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisTopology } from './redis-topology.js'
import type { RedisWakes } from './redis-wakes.js'
import type { Scripts } from './scripts.js'

export interface RedisClaimerParts {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly scripts: Scripts
  readonly topology: Pick<RedisTopology, 'own'>
  readonly fanout: Pick<RedisFanout, 'has'>
  readonly heard: HeardMessages
  readonly holder: Holder
  readonly wakes: Pick<RedisWakes, 'busy'>
  readonly log: Log
  readonly url: string
  readonly leaseMs: Ms
}

/** Messages of one script: below what Lua can unpack. */
const BATCH = 1000

/** Takes messages: what was heard, and what stands in lists. */
export class RedisClaimer {
  readonly #parts: RedisClaimerParts
  readonly #badLists = new Set<string>()
  /** Number of the last claim. */
  #last = 0

  constructor(parts: RedisClaimerParts) {
    this.#parts = parts
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const { heard, holder } = this.#parts
    const told = heard.claim(queues, limit, this.#last)
    this.#last += told.length
    if (told.length > 0 || this.areHeard(queues)) return told
    holder.begin()
    const claimed: Claimed[] = []
    while (claimed.length < limit) {
      const wanted = Math.min(limit - claimed.length, BATCH)
      const part = await this.#claim(queues, wanted)
      claimed.push(...part)
      if (part.length < wanted) break
    }
    return claimed
  }

  /** Messages come to all of them by subscription, and in no other way. */
  areHeard(queues: readonly QueueName[]): boolean {
    const { fanout, topology } = this.#parts
    return queues.every(queue => fanout.has(queue) && topology.own(queue)?.autoDelete === true)
  }

  async #claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const { connection, keys, scripts, holder, wakes, leaseMs } = this.#parts
    const first = holder.tokens.reserve(limit)
    if (first === undefined) return []
    const { unacked, unackedIndex, lease, claims, delayed, delayedMessages } = keys
    const lists = keys.listsOf(queues)
    const answer = await connection.run(
      'claiming messages',
      scripts.claim,
      [unacked, unackedIndex, lease, claims, delayed, delayedMessages, ...lists],
      [limit, leaseMs, holder.name, first, queues.length, ...queues.map(queue => JSON.stringify(queue))],
    )
    if (!Array.isArray(answer) || answer.length !== 3) throw connection.misfit('claiming messages')
    // The script answers exactly this.
    const [start, bad, found] = answer as unknown as readonly [Buffer, readonly number[], readonly (number | Buffer)[]]
    const count = found.length / 2
    holder.tokens.unreserve(first + count, first + limit)
    if (bad.length > 0) this.#complain(bad.map(position => lists[position] as string))
    if (count === 0) return []
    const claim = Number(String(start))
    this.#last = claim + count - 1
    wakes.busy(lists[found[found.length - 2] as number] as string)
    const claimed: Claimed[] = []
    for (let at = 0; at < count; at++) {
      const queue = queues[(found[2 * at] as number) % queues.length] as QueueName
      const token = holder.name + (first + at)
      claimed.push(claimedOf(found[2 * at + 1] as Buffer, { queue, token, claim: claim + at }))
    }
    return claimed
  }

  /** Once per list: other queues are served all the same (M39). */
  #complain(lists: readonly string[]): void {
    const { log, url } = this.#parts
    for (const list of lists) {
      if (this.#badLists.has(list)) continue
      this.#badLists.add(list)
      const message =
        `The key ${JSON.stringify(list)} of Redis at ${url} is no list, so its queue cannot be consumed. ` +
        'Find out which program uses that name; delete the key, or rename the queue.'
      log.error(message, { code: 'LVG_REDIS_WRONG_TYPE' })
    }
  }
}
