import { numbersParam } from '../../drivers/postgres/arrays.js'
import type { Settled } from '../broker.js'
import type { Token, Verdict } from '../virtual/queue-store.js'
import { tokenParts } from './claimed-rows.js'
import type { Fullness } from './fullness.js'
import type { Hints } from './hints.js'
import type { Holder } from './holder.js'
import { settleParams, settleRounds } from './settle-rounds.js'
import type { Ask, Statements } from './statements.js'

export interface PostgresSettlerParts {
  readonly ask: Ask
  readonly sql: Statements
  readonly holder: Holder
  readonly hints: Hints
  readonly fullness: Fullness
  /** Where other sessions are told. */
  readonly channel: string
}

/** Says what becomes of held messages, and which are held still. */
export class PostgresSettler {
  readonly #parts: PostgresSettlerParts

  constructor(parts: PostgresSettlerParts) {
    this.#parts = parts
  }

  /** While the server has no room verdicts wait. */
  async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const holder = await this.#parts.holder.id()
    const settled: Settled[] = new Array(verdicts.length).fill('stale')
    for (const round of settleRounds(verdicts)) {
      const answered = await this.#settleRound(
        round.map(({ verdict }) => verdict),
        holder,
      )
      for (const { at, verdict } of round) {
        if (answered.has(tokenParts(verdict.token).id)) settled[at] = 'settled'
      }
    }
    return settled
  }

  async current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    const { ask, sql, holder } = this.#parts
    const parts = tokens.map(tokenParts)
    const ids = numbersParam(parts.map(part => part.id))
    const claims = numbersParam(parts.map(part => part.claim))
    const rows = await ask(sql.current, [ids, claims, await holder.id()])
    const ours = new Set(rows.map(row => row[0]))
    return parts.map(part => ours.has(part.id))
  }

  /** Ids of those that were settled. */
  async #settleRound(verdicts: readonly Verdict[], holder: number): Promise<ReadonlySet<number>> {
    const { fullness } = this.#parts
    for (;;) {
      try {
        return await this.#settleOnce(verdicts, holder)
      } catch (error) {
        if (!fullness.noticed(error)) throw error
        await fullness.pause()
      }
    }
  }

  async #settleOnce(verdicts: readonly Verdict[], holder: number): Promise<ReadonlySet<number>> {
    const { ask, sql, hints, fullness, channel } = this.#parts
    const { columns, acksOnly } = settleParams(verdicts)
    const rows = acksOnly
      ? await ask(sql.ack, [columns[0], columns[1], holder])
      : await ask(sql.settle, [...columns, holder, channel])
    fullness.over()
    const back = rows.flatMap(row => (row.length > 1 && row[0] !== 0 && row[1] !== 0 ? [row[1] as number] : []))
    if (back.length > 0) hints.hint(back)
    return new Set(rows.map(row => row[0] as number))
  }
}
