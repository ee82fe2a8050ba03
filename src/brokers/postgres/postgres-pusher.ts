import type { Clock } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { PushEntry, PushOutcome } from '../virtual/queue-store.js'
import type { Fullness } from './fullness.js'
import type { Hints } from './hints.js'
import type { KnownTopology } from './known-topology.js'
import type { PostgresTopology } from './postgres-topology.js'
import { pushTrouble } from './postgres-trouble.js'
import { pushParams, type RoutedEntry, routeBatch, rowEntries } from './push-params.js'
import type { Ask, Statements } from './statements.js'

export interface PostgresPusherParts {
  readonly ask: Ask
  readonly sql: Statements
  readonly topology: PostgresTopology
  readonly hints: Hints
  readonly fullness: Fullness
  readonly clock: Clock
  /** Where other sessions are told. */
  readonly channel: string
  /** The URL, as people may see it. */
  readonly shown: string
}

/** NOTIFY holds every other NOTIFY up, so each queue is told of at most once in this (D3g). */
const WAKE_PAUSE: Ms = 50
/** Who sleeps longest looks again within this, so a delay beyond it need not be told. */
const TELL_AHEAD: Ms = 1000

/** Routes messages and puts them into their queues. */
export class PostgresPusher {
  readonly #parts: PostgresPusherParts
  readonly #toldAt = new Map<number, SteadyMs>()

  constructor(parts: PostgresPusherParts) {
    this.#parts = parts
  }

  /** Rejects with what a publish rejects with. */
  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    const { topology, fullness, shown } = this.#parts
    try {
      for (;;) {
        const known = await topology.known()
        const { outcomes, sent } = routeBatch(entries, known)
        // What reaches nothing may be bound by now.
        const answer = await (sent.length === entries.length ? this.#send(known, sent) : this.#sendSome(known, sent))
        if (answer === undefined) {
          topology.forget()
          continue
        }
        for (const { at } of sent) outcomes[at] = { kind: 'accepted' }
        const owners = answer.length === 0 ? [] : rowEntries(sent)
        for (const n of answer) outcomes[(owners[n - 1] as RoutedEntry).at] = { kind: 'duplicate' }
        // Every entry was either refused by its route or is among those sent.
        return outcomes as PushOutcome[]
      }
    } catch (error) {
      fullness.noticed(error)
      throw pushTrouble(shown, error)
    }
  }

  /** Before anybody hears that a message reaches nothing, the newest topology must have said so. */
  async #sendSome(known: KnownTopology, sent: readonly RoutedEntry[]): Promise<readonly number[] | undefined> {
    if (sent.length > 0) return await this.#send(known, sent)
    const [row] = await this.#parts.ask(this.#parts.sql.store)
    return row?.[0] === known.version ? [] : undefined
  }

  /** Numbers of rows that were duplicates; undefined: the topology is another one by now, and nothing happened. */
  async #send(known: KnownTopology, sent: readonly RoutedEntry[]): Promise<readonly number[] | undefined> {
    const { ask, sql, hints, fullness, clock, channel } = this.#parts
    const now = clock.now()
    const concerned = new Set<number>()
    for (const { entry, queues } of sent) {
      if (entry.notBefore !== undefined && entry.notBefore > now + TELL_AHEAD) continue
      for (const queue of queues) concerned.add(queue.id)
    }
    const queues = [...concerned]
    const wake = { queues: this.#untold(queues), channel }
    const [row] = await ask(sql.push, pushParams(known.version, sent, wake))
    fullness.over()
    if (row?.[0] !== known.version) return undefined
    hints.active(queues)
    hints.hint(queues)
    return row[1] === null ? [] : (JSON.parse(String(row[1])) as readonly number[])
  }

  #untold(queues: readonly number[]): readonly number[] {
    const now = this.#parts.clock.steady()
    const untold = queues.filter(queue => now - (this.#toldAt.get(queue) ?? Number.NEGATIVE_INFINITY) >= WAKE_PAUSE)
    for (const queue of untold) this.#toldAt.set(queue, now)
    return untold
  }
}
