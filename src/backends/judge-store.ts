import type { State } from '../protocol/result-meta.js'
import { isFinal } from '../protocol/states.js'
import type { Fence } from './backend.js'

/** What decides between a stored record and one that wants its place. */
export interface RecordHead {
  readonly status: State
  readonly fence: Fence | undefined
}

/**
 * `write`: the new record takes the place. `present`: it is there already, this is the same attempt telling its success
 * again because it never heard the answer. `refuse`: it comes too late.
 */
export type Judgement = 'write' | 'present' | 'refuse'

/**
 * The rule for overwriting that every backend keeps, the table of the port's promises:
 *
 * | stored | new | judgement |
 * | --- | --- | --- |
 * | any | of an older attempt (D45) | refuse |
 * | SUCCESS | SUCCESS of the same attempt | present |
 * | SUCCESS | anything else | refuse |
 * | FAILURE, REVOKED | not final | refuse |
 * | anything else | anything else | write |
 *
 * Source of the second and third line: celery/backends/base.py `_store_result` (a SUCCESS stays).
 */
export function judgeStore(stored: RecordHead | undefined, next: RecordHead): Judgement {
  if (stored === undefined) return 'write'
  if (isOlder(next.fence, stored.fence)) return 'refuse'
  if (stored.status === 'SUCCESS') return isRepeated(stored, next) ? 'present' : 'refuse'
  return isFinal(stored.status) && !isFinal(next.status) ? 'refuse' : 'write'
}

/** The fence that guards the record from now on: writers without one do not take it away. */
export function nextFence(stored: Fence | undefined, next: Fence | undefined): Fence | undefined {
  return next ?? stored
}

function isOlder(fence: Fence | undefined, than: Fence | undefined): boolean {
  if (fence === undefined || than === undefined) return false
  return fence.retries === than.retries ? fence.claim < than.claim : fence.retries < than.retries
}

function isRepeated(stored: RecordHead, next: RecordHead): boolean {
  const { fence } = next
  if (next.status !== 'SUCCESS' || fence === undefined) return false
  return fence.retries === stored.fence?.retries && fence.claim === stored.fence.claim
}
