import type { Database } from '../../drivers/sqlite/database.js'
import type { OperationsContext } from '../../drivers/sqlite/operations.js'
import type { TaskId } from '../../protocol/ids.js'
import type { FoundResultRow } from '../celery-tables/result-row.js'
import type { Changed, Present, ResultEvent } from './result-calls.js'
import type { Statements } from './statements.js'

/** Lines of lovage_result_change that are kept. A watcher further behind looks at all it watches. */
const KEPT_CHANGES = 20_000

interface Parts {
  readonly db: Database
  readonly sql: Statements
  readonly context: OperationsContext
  read(id: TaskId): FoundResultRow | undefined
}

/**
 * Tells the changes of watched results, whoever made them: triggers write each change, Python's too, into one numbered
 * list, so a hint costs what has changed and not what is watched.
 *
 * Nothing is missed between the first look at a record and its changes: `watch` answers with the number as of which its
 * rows hold, and every change told carries its own.
 */
export class ChangeFeed {
  readonly #parts: Parts
  readonly #watched = new Set<TaskId>()
  #hints: Disposable | undefined
  /** Everything up to here has been told. */
  #told = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  watch(ids: readonly TaskId[]): Present {
    const { context, read } = this.#parts
    const at = this.#seq('newest-change')
    context.afterCommit(() => this.#add(ids, at))
    return { at, rows: ids.map(read).filter(row => row !== undefined) }
  }

  unwatch(ids: readonly TaskId[]): void {
    this.#parts.context.afterCommit(() => this.#remove(ids))
  }

  /** Cuts off what is old. */
  cut(): void {
    this.#parts.db.run(this.#parts.sql['cut-changes'], KEPT_CHANGES)
  }

  #add(ids: readonly TaskId[], at: number): void {
    if (ids.length === 0) return
    for (const id of ids) this.#watched.add(id)
    // What was written after the rows were read may have been told already, before anybody watched these ids. Watches
    // that hear it twice know by the number.
    this.#told = this.#hints === undefined ? at : Math.min(at, this.#told)
    this.#hints ??= this.#parts.context.watch(() => this.#look())
    try {
      this.#look()
    } catch {
      // This comes after a commit that nothing can fail any more. Whoever rings a timer sees to its errors.
      this.#parts.context.clock.timer(0, () => this.#look())
    }
  }

  #remove(ids: readonly TaskId[]): void {
    for (const id of ids) this.#watched.delete(id)
    if (this.#watched.size > 0) return
    this.#hints?.[Symbol.dispose]()
    this.#hints = undefined
  }

  /** When it throws, nothing has been told, and the next look tells it. */
  #look(): void {
    if (this.#watched.size === 0) return
    const { rows, told } = this.#parts.db.snapshot(() => this.#changed())
    this.#told = told
    if (rows.length > 0) this.#parts.context.emit(rows)
  }

  #changed(): { readonly rows: ResultEvent; readonly told: number } {
    const newest = this.#seq('newest-change')
    if (newest === this.#told) return { rows: [], told: newest }
    const behind = newest < this.#told || this.#seq('oldest-change') > this.#told + 1
    const changes = behind ? [...this.#watched].map(taskId => ({ taskId, seq: newest })) : this.#changes()
    return { rows: this.#rows(changes), told: newest }
  }

  /** Watched ids in the order of their last change. */
  #changes(): readonly { readonly taskId: TaskId; readonly seq: number }[] {
    const { db, sql } = this.#parts
    const last = new Map<TaskId, number>()
    for (const { taskId, seq } of db.all<{ readonly taskId: TaskId; readonly seq: number }>(
      sql['changes-since'],
      this.#told,
    )) {
      if (!this.#watched.has(taskId)) continue
      last.delete(taskId)
      last.set(taskId, seq)
    }
    return Array.from(last, ([taskId, seq]) => ({ taskId, seq }))
  }

  #rows(changes: readonly { readonly taskId: TaskId; readonly seq: number }[]): ResultEvent {
    const rows: Changed[] = []
    for (const { taskId, seq } of changes) {
      const row = this.#parts.read(taskId)
      // Undefined: forgotten since.
      if (row !== undefined) rows.push({ seq, row })
    }
    return rows
  }

  #seq(which: 'newest-change' | 'oldest-change'): number {
    const { db, sql } = this.#parts
    return db.get<{ readonly seq: number | null }>(sql[which])?.seq ?? 0
  }
}
