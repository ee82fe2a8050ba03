import type { Database } from '../../drivers/sqlite/database.js'
import type { EpochMs } from '../../lib/time.js'
import type { TaskId } from '../../protocol/ids.js'
import type { Fence } from '../backend.js'
import type { FoundResultRow, NewResultRow } from '../celery-tables/result-row.js'
import { judgeStore, nextFence, type RecordHead } from '../judge-store.js'
import type { Store } from './result-calls.js'
import type { Statements } from './statements.js'

type HeadRow = { readonly status: string; readonly retries: number | null; readonly claim: number | null }

/** celery_taskmeta and, beside it, lovage_result. */
export class ResultTable {
  readonly #db: Database
  readonly #sql: Statements

  constructor(db: Database, sql: Statements) {
    this.#db = db
    this.#sql = sql
  }

  fetch(id: TaskId, now: EpochMs): FoundResultRow | undefined {
    // The statement names the columns.
    return this.#db.get(this.#sql.fetch, id, now) as unknown as FoundResultRow | undefined
  }

  store({ row, fence, ttl }: Store, now: EpochMs): 'stored' | 'refused' {
    const stored = this.#head(row.taskId, now)
    const judgement = judgeStore(stored, { status: row.status, fence })
    if (judgement !== 'write') return judgement === 'present' ? 'stored' : 'refused'
    this.#write(row, nextFence(stored?.fence, fence), ttl === undefined ? null : now + ttl)
    return 'stored'
  }

  find(prefix: string, limit: number): readonly TaskId[] {
    const rows = this.#db.all<{ readonly taskId: TaskId }>(this.#sql['find-ids'], prefix, limit)
    return rows.map(({ taskId }) => taskId)
  }

  forget(id: TaskId): void {
    this.#db.run(this.#sql['forget-row'], id)
    this.#db.run(this.#sql['forget-side'], id)
  }

  /** Forgets up to `limit` that have expired; how many there were. What others have written since stays. */
  expire(now: EpochMs, limit: number): number {
    const expired = this.#db.all<{ readonly taskId: TaskId }>(this.#sql['expired-results'], now, limit)
    for (const { taskId } of expired) {
      this.#db.run(this.#sql['forget-expired-row'], taskId)
      this.#db.run(this.#sql['forget-side'], taskId)
    }
    return expired.length
  }

  forgetOrphans(): void {
    this.#db.run(this.#sql['forget-orphans'])
  }

  #head(id: TaskId, now: EpochMs): RecordHead | undefined {
    const row = this.#db.get<HeadRow>(this.#sql.head, id, now)
    if (row === undefined) return undefined
    const { status, retries, claim } = row
    return { status, fence: retries === null || claim === null ? undefined : { retries, claim } }
  }

  #write(row: NewResultRow, fence: Fence | undefined, expiresAt: EpochMs | null): void {
    const { taskId, status, result, dateDone, traceback, name, args, kwargs, worker, retries, queue } = row
    const columns = [taskId, status, result, dateDone, traceback, name, args, kwargs, worker, retries, queue]
    this.#db.run(this.#sql['store-row'], ...columns)
    const beside = [row.lineage, fence?.retries ?? null, fence?.claim ?? null, expiresAt]
    this.#db.run(this.#sql['store-side'], taskId, status, dateDone, ...beside)
  }
}
