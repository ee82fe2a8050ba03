import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import { BackendError } from '../errors.js'

/** What the port says; other errors than PostgreSQL's pass through. `doing`: as in "while storing a result". */
export function postgresTrouble(doing: string, shown: string, error: unknown): unknown {
  if (!(error instanceof PostgresError)) return error
  const text = error.message.charAt(0).toUpperCase() + error.message.slice(1)
  const message = `Result backend, while ${doing}: ${text.endsWith('.') ? text : `${text}.`} URL: ${shown}. ${error.remedy}`
  return new BackendError(error.code, message, { cause: error, transient: error.transient })
}
