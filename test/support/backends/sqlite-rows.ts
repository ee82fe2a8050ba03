import { Database } from '../../../src/drivers/sqlite/database.js'
import type { SqlRow, SqlValue } from '../../../src/drivers/sqlite/engine.js'
import { vectors } from '../vectors.js'

/** A row of celery_taskmeta that Celery wrote. */
export interface CapturedRow {
  /** `celery-5.6.2 SUCCESS extended`. */
  readonly name: string
  readonly version: string
  /** `SUCCESS_type_date`. */
  readonly ending: string
  readonly extended: boolean
  readonly columns: Readonly<Record<string, SqlValue>> & { readonly task_id: string; readonly status: string }
  /** The `result` column as Python prints the unpickled value; null: the column is. */
  readonly repr: string | null
}

/** The tables as Celery made them, statement by statement. */
export function capturedSchema(version: string): readonly string[] {
  const [file] = vectors(`${version}/results/sqlite/SCHEMA.json`)
  const statements = file?.vector.default.schema as readonly string[]
  return statements.filter(statement => !statement.includes('sqlite_sequence'))
}

export function capturedGroups(
  version: string,
): readonly { readonly id: string; readonly pickle: Uint8Array; readonly repr: string }[] {
  const [file] = vectors(`${version}/results/sqlite/SCHEMA.json`)
  // biome-ignore lint/suspicious/noExplicitAny: captured JSON
  return file?.vector.default.celery_tasksetmeta_rows.map((row: any) => ({
    id: row.taskset_id,
    pickle: Buffer.from(row.result.base64, 'base64'),
    repr: row.result.repr,
  }))
}

export function capturedRows(version: string): readonly CapturedRow[] {
  const rows: CapturedRow[] = []
  for (const { path, vector } of vectors(`${version}/results/sqlite/`)) {
    for (const kind of ['default', 'extended']) {
      const row = vector[kind]?.row
      if (row === undefined || row === null) continue
      const ending = path.replace(/.*\/|\.json$/g, '')
      rows.push({
        name: `${version} ${ending}${kind === 'extended' ? ' extended' : ''}`,
        version,
        ending,
        extended: kind === 'extended',
        columns: {
          // Some tasks were sent under one id again and again.
          task_id: `${ending}-${kind}-${row.task_id}`,
          status: row.status,
          result: blob(row.result),
          date_done: row.date_done,
          traceback: row.traceback,
          name: row.name,
          args: blob(row.args),
          kwargs: blob(row.kwargs),
          worker: row.worker,
          retries: row.retries,
          queue: row.queue,
        },
        repr: row.result?.repr ?? null,
      })
    }
  }
  return rows
}

function blob(column: { readonly base64: string } | null): Uint8Array | null {
  return column === null ? null : Buffer.from(column.base64, 'base64')
}

/** The file as another program sees it. */
export class RawFile implements Disposable {
  readonly db: Database

  constructor(path: string) {
    this.db = new Database(path, { durability: 'os' })
  }

  /** As Celery's ORM inserts it. */
  insert(columns: Readonly<Record<string, SqlValue>>): void {
    const names = Object.keys(columns)
    const places = names.map((_, i) => `?${i + 1}`)
    this.db.run(`INSERT INTO celery_taskmeta (${names}) VALUES (${places})`, ...Object.values(columns))
  }

  /** As Celery's ORM updates it: what has changed, and `date_done`. */
  update(taskId: string, columns: Readonly<Record<string, SqlValue>>): void {
    const names = Object.keys(columns).map((name, i) => `${name} = ?${i + 2}`)
    this.db.run(`UPDATE celery_taskmeta SET ${names} WHERE task_id = ?1`, taskId, ...Object.values(columns))
  }

  row(taskId: string): SqlRow | undefined {
    return this.db.get('SELECT * FROM celery_taskmeta WHERE task_id = ?1', taskId)
  }

  count(table: string): number {
    return Number(this.db.get(`SELECT count(*) AS n FROM ${table}`)?.['n'])
  }

  [Symbol.dispose](): void {
    this.db.close()
  }
}
