import type { State } from '../protocol/result-meta.js'

/** What a monitor makes of the events that have a state of their own. Source: celery/events/state.py `TASK_EVENT_TO_STATE`. */
const STATES: Readonly<Record<string, State>> = {
  sent: 'PENDING',
  received: 'RECEIVED',
  started: 'STARTED',
  failed: 'FAILURE',
  retried: 'RETRY',
  succeeded: 'SUCCESS',
  revoked: 'REVOKED',
  rejected: 'REJECTED',
}

/** Strongest first; what is not here stands where null does. Source: celery/states.py `PRECEDENCE`. */
const PRECEDENCE: readonly (State | null)[] = [
  'SUCCESS',
  'FAILURE',
  null,
  'REVOKED',
  'STARTED',
  'RECEIVED',
  'REJECTED',
  'RETRY',
  'PENDING',
]

/** `started` → `STARTED`; a subject of the user's own is a state in upper case: `progress` → `PROGRESS`. */
export function stateOfSubject(subject: string): State {
  return Object.hasOwn(STATES, subject) ? (STATES[subject] as State) : subject.toUpperCase()
}

/** Is the subject one of Celery's? */
export function hasOwnState(subject: string): boolean {
  return Object.hasOwn(STATES, subject)
}

/**
 * An event that comes after one that logically follows it, as events of two senders may. A retry begins anew, so nothing is
 * late beside it. Source: celery/events/state.py `Task.event`.
 */
export function isLate(state: State, current: State): boolean {
  return state !== 'RETRY' && current !== 'RETRY' && rank(state) > rank(current)
}

function rank(state: State): number {
  const at = PRECEDENCE.indexOf(state)
  return at < 0 ? PRECEDENCE.indexOf(null) : at
}
