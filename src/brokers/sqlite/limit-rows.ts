import type { Database } from '../../drivers/sqlite/database.js'
import type { OperationsContext } from '../../drivers/sqlite/operations.js'
import { decideLimits, type LimitState, stateEnds } from '../limits/decide-limits.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import { readLimitState, writeLimitState } from '../limits/limit-text.js'
import type { Holders } from './holders.js'
import type { Statements } from './statements.js'

/** Limits over the cluster: decided here, in the transaction of whoever asks. */
export class LimitRows {
  readonly #db: Database
  readonly #sql: Statements
  readonly #context: OperationsContext
  readonly #holders: Holders

  constructor(parts: {
    readonly db: Database
    readonly sql: Statements
    readonly context: OperationsContext
    readonly holders: Holders
  }) {
    this.#db = parts.db
    this.#sql = parts.sql
    this.#context = parts.context
    this.#holders = parts.holders
  }

  /** Within a transaction. */
  decide(request: LimitRequest): readonly LimitAnswer[] {
    const now = this.#context.monotonic()
    const holder = String(this.#holders.self())
    const living = this.#holders.living()
    const { answers, states } = decideLimits(request, {
      now,
      holder,
      state: key => this.#state(key),
      alive: one => living.has(one),
    })
    for (const [key, state] of states) this.#keep(key, state, now)
    return answers
  }

  forget(): void {
    this.#db.run(this.#sql['forget-limits'], this.#context.monotonic())
  }

  /** The machine was started anew, and its clock with it. */
  forgetAll(): void {
    this.#db.run(this.#sql['forget-limits'], Number.MAX_SAFE_INTEGER)
  }

  #state(key: string): LimitState {
    return readLimitState(this.#db.get<{ readonly state: string }>(this.#sql.limit, key)?.state)
  }

  #keep(key: string, state: LimitState, now: number): void {
    const ends = stateEnds(state, now)
    if (ends === undefined) this.#db.run(this.#sql['drop-limit'], key)
    else this.#db.run(this.#sql['set-limit'], key, writeLimitState(state), Math.ceil(ends))
  }
}
