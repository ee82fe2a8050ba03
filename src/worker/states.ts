import type { State } from '../protocol/result-meta.js'

/** READY states: nothing follows them. Source: celery/states.py READY_STATES. */
export function isFinal(state: State): boolean {
  return state === 'SUCCESS' || state === 'FAILURE' || state === 'REVOKED'
}
