import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import { BrokerError, NotSentError, RejectedByBrokerError } from '../errors.js'

/** What the port says; other errors than PostgreSQL's pass through. `doing`: as in "while declaring"; `shown`: the URL. */
export function postgresTrouble(doing: string, shown: string, error: unknown): unknown {
  if (!(error instanceof PostgresError)) return error
  const message = `PostgreSQL, while ${doing}: ${sentence(error.message)} URL: ${shown}. ${error.remedy}`
  return new BrokerError(error.code, message, { cause: error, transient: error.transient })
}

/**
 * A statement that the server has refused was rolled back: nothing of it is there. Without its answer nobody knows: then
 * the error passes as it is, and the layer above says so (D06).
 */
export function pushTrouble(shown: string, error: unknown): unknown {
  if (!(error instanceof PostgresError) || !error.answered) return error
  const message = `The message was not accepted: ${sentence(error.message)} URL: ${shown}. ${error.remedy}`
  const options = { cause: error, transient: error.transient }
  if (error.trouble === 'CONFLICT' || error.trouble === 'READONLY')
    return new NotSentError(error.code, message, options)
  return new RejectedByBrokerError(error.code, message, options)
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1)
  return upper.endsWith('.') ? upper : `${upper}.`
}
