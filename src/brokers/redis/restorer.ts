import type { RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import type { Ms } from '../../lib/time.js'
import { envelopePriority } from '../../protocol/kombu-envelope.js'
import { type Return, readHeldValue, returnedMessage } from './held-value.js'
import type { RedisKeys } from './redis-keys.js'
import type { RedisTopology } from './redis-topology.js'
import type { Scripts } from './scripts.js'

/** What is to go back, oldest last, since each goes to the consuming end. */
export interface Restoration {
  readonly token: string
  /** As it was read from `unacked`. */
  readonly value: Buffer
  readonly how: Return
  readonly delay: Ms | undefined
}

/** Messages of one call: some hundred KiB of arguments. */
const BATCH = 200

/** Puts held messages back into their lists. */
export class Restorer {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #scripts: Scripts
  readonly #topology: RedisTopology

  constructor(parts: {
    readonly connection: RedisConnection
    readonly keys: RedisKeys
    readonly scripts: Scripts
    readonly topology: RedisTopology
  }) {
    this.#connection = parts.connection
    this.#keys = parts.keys
    this.#scripts = parts.scripts
    this.#topology = parts.topology
  }

  /** The values of these tokens; null where a token is not held any more. */
  async read(tokens: readonly string[]): Promise<readonly (Buffer | null)[]> {
    const values = await this.#connection.call('reading held messages', 'hmget', [this.#keys.unacked, ...tokens])
    // HMGET answers one bulk string or null per field.
    return values as readonly (Buffer | null)[]
  }

  /** Which were put back; the others were not held any more, or had changed. */
  async restore(all: readonly Restoration[]): Promise<readonly boolean[]> {
    const settled: boolean[] = []
    for (let at = 0; at < all.length; at += BATCH) settled.push(...(await this.#restore(all.slice(at, at + BATCH))))
    return settled
  }

  async #restore(batch: readonly Restoration[]): Promise<readonly boolean[]> {
    const { unacked, unackedIndex, lease, delayed, delayedMessages } = this.#keys
    const words = await Promise.all(batch.map(one => this.#words(one)))
    const doing = 'putting messages back'
    const answer = await this.#connection.run(
      doing,
      this.#scripts.restore,
      [unacked, unackedIndex, lease, delayed, delayedMessages],
      words.flat(),
    )
    const restored = flags(answer, batch.length)
    if (restored === undefined) throw this.#connection.misfit(doing)
    return restored
  }

  async #words({ token, value, how, delay }: Restoration): Promise<readonly (string | number | Buffer)[]> {
    const held = readHeldValue(value)
    // What cannot be read goes nowhere: nobody could run it, and nobody could say where it came from.
    if (held === undefined) return [token, value, 0, '', 0]
    const priority = envelopePriority(held.message)
    const queues = await this.#topology.destinations(held.exchange, held.routingKey)
    const lists = queues.map(queue => this.#keys.list(queue, priority))
    return [token, value, delay ?? 0, returnedMessage(held.message, token, how), lists.length, ...lists]
  }
}

/** One character per question: `1` is yes. Undefined when it is not that. */
export function flags(answer: RedisReply | undefined, questions: number): readonly boolean[] | undefined {
  const text = String(answer)
  if (text.length !== questions || !/^[01]*$/.test(text)) return undefined
  return Array.from(text, character => character === '1')
}
