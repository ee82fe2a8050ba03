import type { QueueName } from '../../protocol/ids.js'
import type { Claimed, Token, Verdict } from '../virtual/queue-store.js'
import { claimedOf } from './claimed-message.js'
import { returnedMessage } from './held-value.js'
import type { RedisFanout } from './redis-fanout.js'

const LOCAL = 'fanout:'

interface Held {
  readonly queue: QueueName
  readonly message: Buffer
}

/** What came by a subscription and is being worked on: there is nothing of it in Redis. */
export class HeardMessages {
  readonly #fanout: Pick<RedisFanout, 'waiting' | 'take' | 'giveBack'>
  readonly #held = new Map<Token, Held>()
  #count = 0

  constructor(fanout: Pick<RedisFanout, 'waiting' | 'take' | 'giveBack'>) {
    this.#fanout = fanout
  }

  get size(): number {
    return this.#held.size
  }

  has(token: Token): boolean {
    return this.#held.has(token)
  }

  /** Claims follow the one numbered `after`. */
  claim(queues: readonly QueueName[], limit: number, after: number): readonly Claimed[] {
    const claimed: Claimed[] = []
    for (const queue of queues) {
      if (this.#fanout.waiting(queue) === 0) continue
      for (const message of this.#fanout.take(queue, limit - claimed.length)) {
        const token = LOCAL + ++this.#count
        this.#held.set(token, { queue, message })
        claimed.push(claimedOf(message, { queue, token, claim: after + claimed.length + 1 }))
      }
    }
    return claimed
  }

  /** Whether it was one of these. */
  settle(verdict: Verdict): boolean {
    const held = this.#held.get(verdict.token)
    if (held === undefined) return false
    if (verdict.kind === 'begin') return true
    this.#held.delete(verdict.token)
    if (verdict.kind === 'requeue') {
      const how = verdict.counted ? 'counted' : 'clean'
      this.#fanout.giveBack(held.queue, returnedMessage(held.message, verdict.token, how))
    }
    return true
  }
}
