import type { RedisConnection, RedisReply } from '../../drivers/redis/redis-connection.js'
import type { Runtime } from '../../lib/runtime.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import { uuid4 } from '../../lib/uuid.js'
import type { QueueName } from '../../protocol/ids.js'
import { encodeEnvelope } from '../../protocol/kombu-envelope.js'
import type { PushEntry, PushOutcome } from '../virtual/queue-store.js'
import { isTold, pushParts, type Sent, type Told } from './push-parts.js'
import type { RedisKeys } from './redis-keys.js'
import type { Destination, RedisTopology } from './redis-topology.js'
import { publishError, refusal } from './redis-trouble.js'
import { type Replicas, replicated } from './replication.js'
import type { Scripts } from './scripts.js'

export interface RedisPusherParts {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly scripts: Scripts
  readonly topology: RedisTopology
  readonly runtime: Pick<Runtime, 'clock' | 'random'>
  readonly url: string
  /** Whether `notBefore` is kept. */
  readonly delays: boolean
  readonly replicas: Replicas | undefined
  /** Messages are on their way; `reached` says whether any is for a queue. */
  sent(reached: (queue: QueueName) => boolean): void
}

/** Celery's own limit for results (`result_expires`). */
const UNDECLARED_LIFE: Ms = 24 * 3_600_000

const ACCEPTED: PushOutcome = Object.freeze({ kind: 'accepted' })
const DUPLICATE: PushOutcome = Object.freeze({ kind: 'duplicate' })
const UNROUTABLE: PushOutcome = Object.freeze({ kind: 'unroutable' })

/** Puts messages where they are to go: into the lists of their queues, or to whoever listens on a channel. */
export class RedisPusher {
  readonly #parts: RedisPusherParts
  #pushed = false

  constructor(parts: RedisPusherParts) {
    this.#parts = parts
  }

  /** Rejects with what a publish rejects with. */
  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    try {
      const routes = await Promise.all(
        entries.map(({ to, mandatory }) => this.#route(to.exchange, to.routingKey, mandatory === false)),
      )
      const sent = entries.flatMap((entry, index) => {
        const destination = routes[index] as Destination
        if (destination.kind === 'queues' && destination.queues.length === 0) return []
        return [{ entry, destination }]
      })
      if (sent.length === 0) return entries.map(() => UNROUTABLE)
      const outcomes = await this.#push(sent)
      let at = 0
      return routes.map(destination =>
        destination.kind === 'queues' && destination.queues.length === 0 ? UNROUTABLE : (outcomes[at++] as PushOutcome),
      )
    } catch (error) {
      throw publishError(error)
    }
  }

  /** Known without asking, nearly always. */
  #route(exchange: string, routingKey: string, anyway: boolean): Destination | Promise<Destination> {
    const { topology } = this.#parts
    if (exchange === '' && topology.isKnown(routingKey)) {
      // A known name was checked when it was declared.
      return { kind: 'queues', queues: [routingKey as QueueName] }
    }
    return topology.route(exchange, routingKey, anyway)
  }

  /** Script by script: the server works on one while the next is written. */
  async #push(sent: readonly Sent[]): Promise<readonly PushOutcome[]> {
    const { connection, runtime, replicas, url } = this.#parts
    const publishedAt = runtime.clock.now()
    const parts: Promise<readonly PushOutcome[]>[] = []
    for (const part of pushParts(sent)) {
      if ('entry' in part) {
        parts.push(this.#tell(part, publishedAt))
        continue
      }
      const pushed = this.#pushTogether(part, publishedAt)
      parts.push(pushed)
      // By then the server knows the script: what has to be sent again by its text would come behind the next.
      if (!this.#pushed) await pushed
      this.#pushed = true
    }
    this.#parts.sent(queue =>
      sent.some(({ destination }) => destination.kind === 'queues' && destination.queues.includes(queue)),
    )
    const waited = replicas === undefined || sent.every(isTold) ? undefined : replicated(connection, replicas, url)
    const [outcomes] = await Promise.all([Promise.all(parts), waited])
    await this.#limitLife(sent.map(({ destination }) => destination))
    return outcomes.length === 1 ? (outcomes[0] as readonly PushOutcome[]) : outcomes.flat()
  }

  /** Never rejects: what one script comes to does not concern the messages of the others. */
  async #pushTogether(sent: readonly Sent[], publishedAt: EpochMs): Promise<readonly PushOutcome[]> {
    const { connection, keys, scripts, url } = this.#parts
    try {
      const words = this.#words(sent, publishedAt)
      const names = [keys.published, keys.delayed, keys.delayedMessages]
      const answer = await connection.run('publishing', scripts.push, names, words)
      const [letters, wrong] = lettersOf(answer)
      if (letters?.length !== sent.length) throw connection.misfit('publishing')
      return Array.from(letters, (letter): PushOutcome => {
        if (letter === '1') return ACCEPTED
        return letter === '0' ? DUPLICATE : { kind: 'failed', error: publishError(refusal(url, wrong ?? '')) }
      })
    } catch (error) {
      const outcome: PushOutcome = { kind: 'failed', error: publishError(error) }
      return sent.map(() => outcome)
    }
  }

  /** Never rejects. Redis keeps nothing of it, and nobody pushes it again: there is no script to run. */
  async #tell({ entry, destination }: Told, publishedAt: EpochMs): Promise<readonly PushOutcome[]> {
    try {
      const words = [destination.channel, this.#envelope(entry, publishedAt)]
      await this.#parts.connection.call('publishing', 'publish', words)
      return [ACCEPTED]
    } catch (error) {
      return [{ kind: 'failed', error: publishError(error) }]
    }
  }

  #words(sent: readonly Sent[], publishedAt: EpochMs): readonly (string | number)[] {
    const { keys, delays } = this.#parts
    const words: (string | number)[] = []
    for (const { entry, destination } of sent) {
      const { message, publishId, notBefore } = entry
      const priority = message.properties.priority ?? 0
      words.push(compactId(publishId), delays ? (notBefore ?? 0) : 0)
      if (destination.kind === 'channel') words.push(-1, destination.channel)
      else {
        words.push(destination.queues.length)
        for (const queue of destination.queues) words.push(keys.list(queue, priority))
      }
      words.push(this.#envelope(entry, publishedAt))
    }
    return words
  }

  #envelope({ message, to }: PushEntry, publishedAt: EpochMs): string {
    return encodeEnvelope(message, { ...to, deliveryTag: uuid4(this.#parts.runtime.random), publishedAt })
  }

  /** What waits where nobody may ever look goes a day after the last message came. */
  async #limitLife(destinations: readonly Destination[]): Promise<void> {
    const { connection, keys } = this.#parts
    const lists = destinations.flatMap(destination => {
      if (destination.kind !== 'queues' || destination.undeclared !== true) return []
      return destination.queues.flatMap(queue => keys.lists(queue))
    })
    await Promise.all(lists.map(list => connection.call('publishing', 'pexpire', [list, UNDECLARED_LIFE])))
  }
}

/** A letter for each message, and what was wrong with the last that was refused. */
function lettersOf(answer: RedisReply): readonly string[] {
  return Array.isArray(answer) && answer.length === 2 ? answer.map(String) : []
}

/** A UUID without its hyphens: publish ids are kept for a minute or two, many of them. */
function compactId(publishId: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(publishId) ? publishId.replaceAll('-', '') : publishId
}
