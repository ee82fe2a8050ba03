import type { EpochMs, Ms } from '../lib/time.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Admission } from './admission.js'
import { decided } from './decided.js'

/** Everything `admit` looks at. */
export interface AdmitFacts {
  readonly request: TaskRequest
  readonly redelivered: boolean
  /** Earlier deliveries of this message that ended in a fault (D40). */
  readonly faults: number
  /** The last delivery had begun; one that only waited in a worker that died is nobody's poison. */
  readonly begun: boolean
  readonly maxDeliveries: number
  /** What this worker knows of the same (id, retries). */
  readonly here: 'running' | 'finished' | 'unknown'
  readonly registered: boolean
  readonly revoked: boolean
  /** `unasked` until the backend was consulted; `unkept` when there is no state to consult (ignored result, no backend). */
  readonly stored: ResultMeta | undefined | 'unasked' | 'unkept'
  readonly unknownTask: 'hand-back' | 'reject'
  /** How often this worker has handed this id back already. */
  readonly handBacks: number
  readonly now: EpochMs
  /** The store keeps delayed messages, so a long wait need not occupy memory here (L11, D32). */
  readonly canPark: boolean
  /** As many are held here as may be (L11): park what can be parked, however short its wait. */
  readonly full: boolean
  /** How long it would wait for its turn under the limits of its task; undefined = it has none. */
  readonly turn: Ms | undefined
}

/** Waiting longer than this is the broker's business where it can (D32). */
export const PARK_AFTER: Ms = 60_000

/** Longest time that a message which waits for its turn is away: a rate that was raised meanwhile is noticed then. */
export const POSTPONE_MOST: Ms = 600_000
const POSTPONE_LEAST: Ms = 1000

/**
 * Delays of the 1st, 2nd, 3rd … hand-back of an unknown task; the last repeats for ever: it waits for an eligible worker.
 * Several short ones first: beside a worker that knows the task each is another chance that this one gets it, and within
 * five seconds there are eight (H27).
 */
const HAND_BACK_DELAYS: readonly Ms[] = [100, 200, 400, 800, 1000, 1000, 1000, 5000, 15_000, 60_000]

/**
 * Decides what becomes of a decoded delivery. Order matters: what is being done or has been done comes before what
 * the message wishes; expiry and revocation before waiting; waiting before poison, so that only an execution that
 * would begin now is refused for its past.
 */
export function admit(facts: AdmitFacts): Admission {
  if (facts.here === 'running') return { kind: 'adopt' }
  if (facts.here === 'finished') return { kind: 'finished' }
  if (facts.redelivered && facts.stored === 'unasked') return { kind: 'consult' }
  if (typeof facts.stored === 'object' && decided(facts.stored, facts.request)) {
    return { kind: 'replay', stored: facts.stored }
  }
  return admitFresh(facts)
}

function admitFresh(facts: AdmitFacts): Admission {
  const { request, now } = facts
  if (facts.revoked) return { kind: 'discard', why: { kind: 'revoked' } }
  if (request.expires !== undefined && now > request.expires) return { kind: 'discard', why: { kind: 'expired' } }
  if (!facts.registered) return admitUnknown(facts)
  if (request.eta !== undefined && request.eta > now) return wait(request.eta, facts)
  if (facts.begun && facts.faults >= facts.maxDeliveries)
    return { kind: 'discard', why: { kind: 'poison', faults: facts.faults } }
  return facts.turn === undefined ? { kind: 'run' } : takeTurn(facts.turn, facts)
}

/**
 * Whose turn is far off waits at the store, half of the time that it would take: by then there may be other workers, another
 * rate, or fewer in front of it. Whoever comes back finds twice the room of a newcomer, so that it is not sent away for
 * ever while others come.
 */
export function takeTurn(turn: Ms, facts: Pick<AdmitFacts, 'canPark' | 'full' | 'redelivered'>): Admission {
  const patience = facts.redelivered ? 2 * PARK_AFTER : PARK_AFTER
  if (!facts.canPark || turn === 0 || (turn <= patience && !facts.full)) return { kind: 'throttle' }
  return { kind: 'postpone', delay: Math.max(POSTPONE_LEAST, Math.min(turn / 2, POSTPONE_MOST)) }
}

function admitUnknown(facts: AdmitFacts): Admission {
  if (facts.unknownTask === 'reject') return { kind: 'discard', why: { kind: 'unknown-task' } }
  const delay = HAND_BACK_DELAYS[Math.min(facts.handBacks, HAND_BACK_DELAYS.length - 1)] as Ms
  return { kind: 'hand-back', delay }
}

function wait(eta: EpochMs, facts: AdmitFacts): Admission {
  const delay = eta - facts.now
  return facts.canPark && (facts.full || delay > PARK_AFTER) ? { kind: 'park', delay } : { kind: 'hold', until: eta }
}
