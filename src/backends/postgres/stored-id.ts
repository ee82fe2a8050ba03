import { createHash } from 'node:crypto'
import type { TaskId } from '../../protocol/ids.js'

/** How wide Celery's columns are, in characters. */
export const COLUMN = 155
const DIGEST = 64

/**
 * The id under which a task's record stands. One that is longer than Celery's column, which Python itself could not store,
 * is cut and made unmistakable by a digest.
 */
export function storedId(id: TaskId): string {
  if (id.length <= COLUMN) return id
  const letters = [...id]
  if (letters.length <= COLUMN) return id
  const digest = createHash('sha256').update(id).digest('hex')
  return letters.slice(0, COLUMN - DIGEST).join('') + digest
}
