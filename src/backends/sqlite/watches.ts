import { Channel } from '../../lib/channel.js'
import type { TaskId } from '../../protocol/ids.js'
import type { FoundResultRow } from '../celery-tables/result-row.js'
import type { Changed, Present, ResultEvent } from './result-calls.js'

/**
 * One `watch`. It hears of changes from the moment it is made; those that come before the answer to its first look wait.
 * A change that the look has seen, or that is told a second time, is known by its number and dropped.
 */
export class Watch {
  readonly ids: ReadonlySet<TaskId>
  readonly rows: Channel<FoundResultRow> = new Channel<FoundResultRow>()
  /** Why it ended, unless it was told to. */
  error: unknown
  #early: (readonly Changed[])[] | undefined = []
  /** All changes up to here are known. */
  #known = 0

  constructor(ids: Iterable<TaskId>) {
    this.ids = new Set(ids)
  }

  begin({ at, rows }: Present): void {
    this.#known = at
    for (const row of rows) this.rows.push(row)
    const early = this.#early ?? []
    this.#early = undefined
    for (const changes of early) this.tell(changes)
  }

  /** In the order of their numbers. */
  tell(changes: readonly Changed[]): void {
    if (this.#early !== undefined) {
      this.#early.push(changes)
      return
    }
    for (const { seq, row } of changes) if (seq > this.#known) this.rows.push(row)
    this.#known = Math.max(this.#known, changes.at(-1)?.seq ?? 0)
  }

  /** What waits is not told any more. */
  end(): void {
    this.rows.take()
    this.rows.close()
  }

  /** What waits is still told, then the error. */
  fail(error: unknown): void {
    this.error = error
    this.rows.close()
  }
}

/** All watches of one backend, by the ids they watch. */
export class Watches {
  readonly #byId = new Map<TaskId, Set<Watch>>()
  readonly #all = new Set<Watch>()

  get size(): number {
    return this.#all.size
  }

  has(id: TaskId): boolean {
    return this.#byId.has(id)
  }

  add(watch: Watch): void {
    this.#all.add(watch)
    for (const id of watch.ids) {
      const watches = this.#byId.get(id)
      if (watches === undefined) this.#byId.set(id, new Set([watch]))
      else watches.add(watch)
    }
  }

  /** Ids that nobody watches any more. */
  remove(watch: Watch): readonly TaskId[] {
    this.#all.delete(watch)
    const left: TaskId[] = []
    for (const id of watch.ids) {
      const watches = this.#byId.get(id)
      watches?.delete(watch)
      if (watches?.size !== 0) continue
      this.#byId.delete(id)
      left.push(id)
    }
    return left
  }

  hear(event: ResultEvent): void {
    const concerned = new Map<Watch, Changed[]>()
    for (const changed of event) {
      for (const watch of this.#byId.get(changed.row.taskId) ?? []) {
        const changes = concerned.get(watch)
        if (changes === undefined) concerned.set(watch, [changed])
        else changes.push(changed)
      }
    }
    for (const [watch, changes] of concerned) watch.tell(changes)
  }

  end(): void {
    for (const watch of this.#all) watch.end()
  }

  fail(error: unknown): void {
    for (const watch of this.#all) watch.fail(error)
  }
}
