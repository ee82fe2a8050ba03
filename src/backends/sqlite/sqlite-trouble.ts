import { SqliteDamagedError, SqliteError } from '../../drivers/errors.js'
import { BackendError, DamagedResultsError } from '../errors.js'

/** What the port says; other errors than SQLite's pass through. `doing`: as in "while storing a result". */
export function sqliteTrouble(doing: string, path: string, error: unknown): unknown {
  if (error instanceof SqliteDamagedError) {
    return new DamagedResultsError(error.code, error.message, { cause: error })
  }
  if (!(error instanceof SqliteError)) return error
  const message = `Result backend, while ${doing}: ${sentence(error.message)} File: ${path}.${error.remedy}`
  return new BackendError(error.code, message, { cause: error, transient: isTransient(error) })
}

/** Without space, with a lock held for long, with the file replaced or its thread dead: a later try may find all well. */
function isTransient(error: SqliteError): boolean {
  return error.unwritable || ['BUSY', 'CANTOPEN', 'GONE', 'THREAD'].includes(error.sqlite)
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
