import { numbersParam } from '../../drivers/postgres/arrays.js'
import type { Row } from '../../drivers/postgres/connection.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Claimed, ClaimedDelayed } from '../virtual/queue-store.js'
import { claimedOf } from './claimed-rows.js'
import type { Fullness } from './fullness.js'
import type { Hints } from './hints.js'
import type { Holder } from './holder.js'
import type { PostgresTopology } from './postgres-topology.js'
import { postgresTrouble } from './postgres-trouble.js'
import type { Ask, Statements } from './statements.js'

export interface PostgresClaimerParts {
  readonly ask: Ask
  readonly sql: Statements
  readonly topology: PostgresTopology
  readonly holder: Holder
  readonly hints: Hints
  readonly fullness: Fullness
  /** The URL, as people may see it. */
  readonly shown: string
}

/** Delayed messages that ripen in one stroke. */
const RIPEN_AT_ONCE = 1000

/** Takes messages out of their queues. */
export class PostgresClaimer {
  readonly #parts: PostgresClaimerParts

  constructor(parts: PostgresClaimerParts) {
    this.#parts = parts
  }

  /** Rejects with `BrokerError`. While the server has no room it finds nothing. */
  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const { ask, sql, topology, hints } = this.#parts
    try {
      const holder = await this.#parts.holder.id()
      for (;;) {
        const known = await topology.known()
        const names = queues.filter(name => known.byName.has(name))
        // The map has just said so.
        const ids = names.map(name => (known.byName.get(name) as { readonly id: number }).id)
        hints.claiming(ids)
        const rows = await ask(sql.claim, [numbersParam(ids), limit, holder])
        const [version, dueIn] = rows[0] as Row
        const stale = version !== known.version
        if (stale) topology.forget()
        hints.due((dueIn as number | null) ?? undefined)
        const taken = rows.filter(row => row[4] !== null)
        if (taken.length > 0) return this.#took(taken, names, ids, limit)
        if (dueIn !== null && (dueIn as number) <= 0) await this.#ripen()
        else if (!stale) return []
      }
    } catch (error) {
      return await this.#noClaims(error)
    }
  }

  /** Takes messages that are not due yet. */
  async claimDelayed(queue: QueueName, limit: number): Promise<readonly ClaimedDelayed[]> {
    const { ask, sql, topology, holder } = this.#parts
    const id = (await topology.read()).byName.get(queue)?.id
    if (id === undefined) return []
    const rows = await ask(sql['claim-delayed'], [id, limit, await holder.id()])
    return rows.map(row => ({ claimed: claimedOf(row, [queue]), notBefore: row[15] as number }))
  }

  #took(rows: readonly Row[], names: readonly QueueName[], ids: readonly number[], limit: number): readonly Claimed[] {
    const { hints, fullness } = this.#parts
    fullness.over()
    hints.active(ids)
    // It may have left messages behind that another consumer of this session has not seen.
    if (rows.length >= limit) hints.hint(ids)
    return rows.map(row => claimedOf(row, names))
  }

  async #ripen(): Promise<void> {
    const { ask, sql, hints } = this.#parts
    const rows = await ask(sql.ripen, [RIPEN_AT_ONCE])
    hints.hint(rows.map(row => row[0] as number))
  }

  async #noClaims(error: unknown): Promise<readonly Claimed[]> {
    const { fullness, shown } = this.#parts
    if (!fullness.noticed(error)) throw postgresTrouble('claiming messages', shown, error)
    await fullness.pause()
    return []
  }
}
