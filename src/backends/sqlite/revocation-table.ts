import type { Database } from '../../drivers/sqlite/database.js'
import type { EpochMs } from '../../lib/time.js'
import type { RevocationKeep, RevocationPage } from '../revocation-log.js'
import type { Statements } from './statements.js'

type Row = {
  readonly seq: number
  readonly entry: string
  readonly until: number
}

/** lovage_revocation; the cursor is the number of the last entry seen. */
export class RevocationTable {
  readonly #db: Database
  readonly #sql: Statements

  constructor(db: Database, sql: Statements) {
    this.#db = db
    this.#sql = sql
  }

  append(entries: readonly string[], { ttl, max }: RevocationKeep, now: EpochMs): void {
    for (const entry of entries) this.#db.run(this.#sql['add-revocation'], entry, now + Math.ceil(ttl))
    this.#db.run(this.#sql['cut-revocations'], now, max)
  }

  after(cursor: string, limit: number, now: EpochMs): RevocationPage {
    const rows = this.#db.all<Row>(this.#sql['revocations-after'], Number(cursor), limit)
    const entries = rows.flatMap(({ entry, until }) => (until > now ? [{ entry, left: until - now }] : []))
    return { entries, cursor: String(rows.at(-1)?.seq ?? cursor) }
  }
}
