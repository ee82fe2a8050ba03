import type { Row } from '../../drivers/postgres/connection.js'
import type { Ms } from '../../lib/time.js'
import type { TaskId } from '../../protocol/ids.js'
import type { Fence } from '../backend.js'
import type { FoundResultRow, NewResultRow } from '../celery-tables/result-row.js'
import { Blobs } from './blobs.js'
import { COLUMN, storedId } from './stored-id.js'

export interface Store {
  readonly row: NewResultRow
  readonly fence: Fence | undefined
  readonly ttl: Ms | undefined
}

/** A row of fetch.sql. */
export interface VersionedRow {
  /** As the table has it: `storedId`. */
  readonly id: string
  /** Differs after every write, whoever writes. */
  readonly version: string
  readonly row: FoundResultRow
}

/** `taskIdOf`: whose record stands under an id. */
export function rowOf(row: Row, taskIdOf: (id: string) => TaskId | undefined): VersionedRow {
  const [version, id, status, result, dateDone, traceback, ...rest] = row
  const [name, args, kwargs, worker, retries, queue, lineage, ours] = rest
  return {
    id: id as string,
    version: version as string,
    row: {
      taskId: taskIdOf(id as string) ?? (id as TaskId),
      status,
      result,
      dateDone,
      traceback,
      name,
      args,
      kwargs,
      worker,
      retries,
      queue,
      lineage: lineage as string | null,
      ours: ours === true ? 1 : 0,
    },
  }
}

/** The first two parameters of store.sql. */
export function storeParams(stores: readonly Store[]): readonly [rows: string, blobs: Buffer] {
  const blobs = new Blobs()
  const rows = stores.map(({ row, fence, ttl }) => ({
    task_id: storedId(row.taskId),
    status: row.status,
    date_done: row.dateDone,
    traceback: storable(row.traceback),
    name: column(row.name),
    worker: column(row.worker),
    retries: row.retries,
    queue: column(row.queue),
    lineage: row.lineage,
    fence_retries: fence?.retries ?? null,
    fence_claim: fence?.claim ?? null,
    ttl: ttl ?? null,
    ...placed(blobs, 'result', row.result),
    ...placed(blobs, 'args', row.args),
    ...placed(blobs, 'kwargs', row.kwargs),
  }))
  return [JSON.stringify(rows), blobs.bytes()]
}

/** Members of the JSON row; none: the column is null. */
function placed(blobs: Blobs, name: string, bytes: Uint8Array | null): Readonly<Record<string, number>> {
  if (bytes === null) return {}
  const { at, size } = blobs.add(bytes)
  return { [`${name}_at`]: at, [`${name}_size`]: size }
}

/** PostgreSQL's texts hold every character but one. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\u0000', '\ufffd')
}

function column(text: string | null): string | null {
  return text === null ? null : (storable(text)?.slice(0, COLUMN) ?? null)
}
