import { exceptionRepr } from './exception-repr.js'
import type { ExceptionInfo, ResultMeta } from './result-meta.js'

/** What a chord's body, which never ran, ends with. */
export function chordError(text: string): ExceptionInfo {
  return { type: 'ChordError', args: [text], module: 'celery.exceptions' }
}

/** Why it never ran, in Celery's words: this part of the header did not succeed. */
export function dependencyRaised({ taskId, error, status }: ResultMeta): string {
  return `Dependency ${taskId} raised ${error === undefined ? status : exceptionRepr(error)}`
}
