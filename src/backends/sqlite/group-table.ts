import type { Database, SqlValue } from '../../drivers/sqlite/database.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import type { GroupId } from '../../protocol/ids.js'
import type { FoundGroup } from '../celery-tables/result-row.js'
import type { Statements } from './statements.js'

/** lovage_group, and celery_tasksetmeta for reading: what Python keeps there are its own objects, which we cannot make. */
export class GroupTable {
  readonly #db: Database
  readonly #sql: Statements

  constructor(db: Database, sql: Statements) {
    this.#db = db
    this.#sql = sql
  }

  save(id: GroupId, meta: Uint8Array, ttl: Ms | undefined, now: EpochMs): void {
    this.#db.run(this.#sql['save-group'], id, meta, ttl === undefined ? null : now + ttl)
  }

  fetch(id: GroupId, now: EpochMs): FoundGroup | undefined {
    const own = this.#db.get<{ readonly meta: Uint8Array }>(this.#sql['fetch-group'], id, now)
    if (own !== undefined) return { kind: 'own', bytes: own.meta }
    const foreign = this.#db.get<{ readonly result: SqlValue }>(this.#sql['fetch-foreign-group'], id)
    return foreign === undefined ? undefined : { kind: 'foreign', bytes: foreign.result }
  }

  forget(id: GroupId): void {
    this.#db.run(this.#sql['forget-group'], id)
    this.#db.run(this.#sql['forget-foreign-group'], id)
  }

  expire(now: EpochMs, limit: number): number {
    return this.#db.run(this.#sql['forget-expired-groups'], now, limit)
  }
}
