import type { State } from './result-meta.js'

/** Nothing follows these. Source: celery/states.py READY_STATES. */
export function isFinal(state: State): boolean {
  return state === 'SUCCESS' || state === 'FAILURE' || state === 'REVOKED'
}

/** Their `result` is an exception, not a value. Source: celery/states.py EXCEPTION_STATES. */
export function holdsException(state: State): boolean {
  return state === 'RETRY' || state === 'FAILURE' || state === 'REVOKED'
}
