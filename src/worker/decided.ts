import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { isFinal } from './states.js'

/** A final state, or a retry intent newer than this message: the attempt it carries is over. */
export function decided(stored: ResultMeta, request: TaskRequest): boolean {
  if (isFinal(stored.status)) return true
  const { intent, nesting = 0 } = stored
  if (intent === undefined) return false
  // Another task under this id, which it replaced or was replaced by, has retries of its own.
  return nesting === request.replacedTaskNesting && intent.retries > request.retries
}
