import type { TaskId } from '../../protocol/ids.js'

/* Rows of Celery's database backend, whatever the database. */

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

/** The same as it is found: anybody may have written it, and not every database holds it to the column types. */
export type FoundResultRow = Readonly<Record<Exclude<keyof NewResultRow, 'taskId' | 'lineage'>, unknown>> & {
  readonly taskId: TaskId
  /** Null: no row of ours beside it. */
  readonly lineage: string | null
  /** 1: as we wrote it. Otherwise `lineage` is of an older record. */
  readonly ours: number
}

/** `foreign`: Python's pickle of its own objects. */
export interface FoundGroup {
  readonly kind: 'own' | 'foreign'
  readonly bytes: unknown
}
