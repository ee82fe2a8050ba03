import { RedisError } from '../../drivers/errors.js'
import { BackendError } from '../errors.js'

/** What the port says when Redis failed; other errors pass through. */
export function backendTrouble(error: unknown): Error {
  if (!(error instanceof RedisError)) return error instanceof Error ? error : new Error(String(error))
  return new BackendError(error.code, error.message, { cause: error, transient: error.transient })
}
