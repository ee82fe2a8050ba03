import { LovageError } from '../lib/errors.js'

/** An error as a sentence for the log. */
export function wordsOf(error: unknown): string {
  if (error instanceof LovageError) return `${error.message} (${error.code})`
  return error instanceof Error ? `${error.message}.` : `${String(error)}.`
}
