import { loadSql } from '../../drivers/sqlite/load-sql.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import { type SalvagedTable, salvage } from '../../drivers/sqlite/salvage.js'
import { loadSchemaSteps } from './statements.js'

/**
 * `lovage sqlite recover`: copies what is readable of a damaged file (D3d) into the new file `out`, all tables that
 * share it included. Messages that somebody held are ready again, counted as after a fault. `path` stays as it is.
 *
 * Throws `ConfigError` `LVG_SQLITE_PATH`, `LovageError` `LVG_SQLITE_UNRECOVERABLE`.
 */
export function recoverSqlite(path: string, out: string): readonly SalvagedTable[] {
  const { 'adopt-recovered': adopt } = loadSql(new URL('./sql/', import.meta.url), ['adopt-recovered'])
  return salvage(path, out, db => {
    migrate(db, { component: 'broker', steps: loadSchemaSteps() })
    db.exec(adopt)
  })
}
