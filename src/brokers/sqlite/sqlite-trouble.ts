import { SqliteDamagedError, SqliteError } from '../../drivers/errors.js'
import { ConfigError, LovageError } from '../../lib/errors.js'
import { BrokerError, DamagedStoreError, NotSentError, RejectedByBrokerError } from '../errors.js'

/** SQLite would not write now, but may again: no space, I/O error, read-only, or too many writers at once (D3c). */
export function isRefusal(error: unknown): error is SqliteError {
  return error instanceof SqliteError && (error.unwritable || error.sqlite === 'BUSY')
}

/** What the port says; other errors than SQLite's pass through. `doing`: as in "while declaring". */
export function sqliteTrouble(doing: string, path: string, error: unknown): unknown {
  if (error instanceof SqliteDamagedError) return new DamagedStoreError(error.code, error.message, { cause: error })
  if (!(error instanceof SqliteError)) return ownTrouble(error)
  const message = `While ${doing}: ${sentence(error.message)} File: ${path}.${error.remedy}`
  if (error.damaged) return new DamagedStoreError(error.code, message, { cause: error })
  return new BrokerError(error.code, message, { cause: error, transient: error.sqlite !== 'ERROR' })
}

/** A refused push was rolled back: nothing of it is in the file. */
export function pushTrouble(path: string, error: unknown): unknown {
  if (!isRefusal(error)) return sqliteTrouble('publishing', path, error)
  const message = `The message was not accepted: ${sentence(error.message)} File: ${path}.${error.remedy}`
  if (error.sqlite === 'BUSY') return new NotSentError(error.code, message, { cause: error, transient: true })
  return new RejectedByBrokerError(error.code, message, { cause: error, transient: true })
}

/** A broker error that was thrown on the thread arrives without its class, but with its code. */
function ownTrouble(error: unknown): unknown {
  if (!(error instanceof LovageError) || error instanceof BrokerError || error instanceof ConfigError) return error
  return new BrokerError(error.code, error.message, { cause: error, transient: false })
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
