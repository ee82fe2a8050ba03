import type { SqlValue } from '../../drivers/sqlite/database.js'
import type { Operations } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { GroupId, TaskId } from '../../protocol/ids.js'
import type { Fence } from '../backend.js'

/* What passes between the backend and the thread that holds its connection: plain data. */

/** The columns of celery_taskmeta as we write them, and what stands beside. */
export interface NewResultRow {
  readonly taskId: TaskId
  readonly status: string
  readonly result: Uint8Array
  readonly dateDone: string | null
  readonly traceback: string | null
  readonly name: string | null
  readonly args: Uint8Array | null
  readonly kwargs: Uint8Array | null
  readonly worker: string | null
  readonly retries: number | null
  readonly queue: string | null
  readonly lineage: string
}

/** The same as it is found: anybody may have written it, and SQLite's column types bind nobody. */
export type FoundResultRow = Readonly<Record<Exclude<keyof NewResultRow, 'taskId' | 'lineage'>, SqlValue>> & {
  readonly taskId: TaskId
  /** Null: no row of ours beside it. */
  readonly lineage: string | null
  /** 1: as we wrote it. Otherwise `lineage` is of an older record. */
  readonly ours: number
}

export interface Store {
  readonly row: NewResultRow
  readonly fence: Fence | undefined
  readonly ttl: Ms | undefined
}

export interface Part {
  readonly chord: GroupId
  readonly index: number | undefined
  readonly taskId: TaskId
  readonly meta: Uint8Array
  readonly ttl: Ms | undefined
}

export type PartArrival =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'complete'; readonly parts: readonly Uint8Array[] }
  | { readonly kind: 'closed' }

/** Records as of change `at`. */
export interface Present {
  readonly at: number
  readonly rows: readonly FoundResultRow[]
}

/** What the thread tells by itself: records that changed, each as of its change `seq`. */
export type ResultEvent = readonly Changed[]

export interface Changed {
  readonly seq: number
  readonly row: FoundResultRow
}

/** A type, not an interface: hosts want operations by index. */
export type ResultOperations = Operations & {
  readonly reads: {
    fetch(id: TaskId): FoundResultRow | undefined
    /** Their records, and from then on their changes as events. */
    watch(ids: readonly TaskId[]): Present
    unwatch(ids: readonly TaskId[]): void
    fetchGroup(id: GroupId): FoundGroup | undefined
  }
  readonly writes: {
    store(call: Store): 'stored' | 'refused'
    forget(ids: readonly TaskId[]): void
    saveGroup(call: { readonly id: GroupId; readonly meta: Uint8Array; readonly ttl: Ms | undefined }): void
    forgetGroup(id: GroupId): void
    setChordSize(call: { readonly chord: GroupId; readonly size: number; readonly ttl: Ms | undefined }): void
    arrive(part: Part): PartArrival
    close(chord: GroupId): void
    cleanup(call: null): number
  }
}

/** `foreign`: Python's pickle of its own objects. */
export interface FoundGroup {
  readonly kind: 'own' | 'foreign'
  readonly bytes: SqlValue
}
