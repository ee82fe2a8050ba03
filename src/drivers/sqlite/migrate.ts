import { ConfigError } from '../../lib/errors.js'
import type { Database } from './database.js'
import { APPLICATION_ID, foreignFile } from './sqlite-file.js'

/** A connection of ours, or of a user's. */
type Migratable = Pick<Database, 'run' | 'get' | 'exec' | 'transaction'> & { readonly path: string | undefined }

/** Version of the table that keeps the versions, in `user_version`. */
const LAYOUT = 1

export interface Schema {
  /** Which tables: several stores may share a file, each with a version of its own. */
  readonly component: string
  /** `steps[n]` leads from version n to n + 1. Steps are only ever added. */
  readonly steps: readonly string[]
}

/**
 * Brings a component's tables to the newest version this Lovage knows. Safe to run by many processes at once. Throws
 * `ConfigError` `LVG_SQLITE_SCHEMA_TOO_NEW` when a newer Lovage has written the file (M40), `LVG_SQLITE_FOREIGN_FILE` when another
 * program has.
 */
export function migrate(db: Migratable, schema: Schema): void {
  if (versionOf(db, schema) === schema.steps.length) return
  db.transaction(() => {
    // Others may have been here between the look and the lock.
    const found = versionOf(db, schema)
    for (const step of schema.steps.slice(found)) db.exec(step)
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${LAYOUT}`)
    db.run(
      'INSERT INTO lovage_schema VALUES (?1, ?2) ON CONFLICT (component) DO UPDATE SET version = excluded.version',
      schema.component,
      schema.steps.length,
    )
  })
}

function versionOf(db: Migratable, schema: Schema): number {
  // In this order: another process may write both between the two looks, and a version without our id is somebody else's.
  const layout = Number(db.get('PRAGMA user_version')?.['user_version'])
  const id = Number(db.get('PRAGMA application_id')?.['application_id'])
  // Id 0 and version 0: new, or a result database that Celery made, which is shared.
  if (id !== APPLICATION_ID && (id !== 0 || layout !== 0)) throw foreignFile(db.path ?? 'The database', id)
  if (layout > LAYOUT) throw tooNew(db, 'file layout', layout, LAYOUT)
  db.run('CREATE TABLE IF NOT EXISTS lovage_schema (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT')
  const row = db.get<{ readonly version: number }>(
    'SELECT version FROM lovage_schema WHERE component = ?1',
    schema.component,
  )
  const version = row?.version ?? 0
  if (version > schema.steps.length) throw tooNew(db, `${schema.component} tables`, version, schema.steps.length)
  return version
}

function tooNew(db: Migratable, what: string, found: number, known: number): ConfigError {
  return new ConfigError(
    'LVG_SQLITE_SCHEMA_TOO_NEW',
    `${db.path ?? 'The database'} was written by a newer Lovage: its ${what} have version ${found}, this Lovage knows versions up to ${known}. Use a Lovage that knows version ${found}, or another file.`,
  )
}
