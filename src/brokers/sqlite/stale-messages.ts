import type { Database } from '../../drivers/sqlite/database.js'
import type { OperationsContext } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { Statements } from './statements.js'

type Limited = { readonly id: number; readonly ttl: Ms }

/** Messages that waited too long in queues which limit that (`x-message-ttl`). Each holder drops them for all. */
export class StaleMessages {
  readonly #db: Database
  readonly #sql: Statements
  readonly #context: OperationsContext

  constructor(parts: { readonly db: Database; readonly sql: Statements; readonly context: OperationsContext }) {
    this.#db = parts.db
    this.#sql = parts.sql
    this.#context = parts.context
  }

  /** Writes nothing when there are none. */
  sweep(): void {
    const now = this.#context.clock.now()
    for (const { id, ttl } of this.#db.all<Limited>(this.#sql['queues-with-ttl'])) {
      if (this.#db.get(this.#sql['is-stale'], id, now - ttl) === undefined) continue
      this.#db.transaction(() => void this.#db.run(this.#sql['drop-stale'], id, now - ttl))
    }
  }
}
