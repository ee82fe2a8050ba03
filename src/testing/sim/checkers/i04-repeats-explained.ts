import { isFinal } from '../../../protocol/states.js'
import { type Evidence, Violation } from '../evidence.js'
import type { Execution } from '../journal.js'
import type { LedgerClaim } from '../ledger.js'
import type { Checker } from './checker.js'
import { isOneMessage } from './story.js'

/**
 * An execution beyond the first has a reason: every execution has a delivery of its own; a worker does not run what it
 * runs or has finished (D46); what is stored as ended, or as retried, is not run again (D44, D51).
 */
export const i04: Checker = {
  invariant: 'I04',
  entered(execution, evidence) {
    const { id, retries, process } = execution
    const { ledger, journal } = evidence
    const messages = ledger.attempt(id, retries)
    const claims = messages.flatMap(message => message.claims)
    // Another task under this id, which it replaced or was replaced by, has attempts of its own.
    const runs = journal.attempt(id, retries).filter(({ attempt }) => attempt === execution.attempt)
    if (runs.length > claims.length) {
      throw new Violation('I04', `${id} runs for the ${runs.length}. time on ${claims.length} deliveries`, [id])
    }
    const own = claims.filter(claim => claim.session.process === process)
    mustBeAlone(execution, runs, own, evidence)
    // Of several messages with one attempt, one may have waited here since before the other ended.
    if (!isOneMessage(messages)) return
    mustBeNew(execution, runs, own)
    mustBeOpen(execution, own.at(-1), evidence)
  },
}

function mustBeAlone(
  execution: Execution,
  runs: readonly Execution[],
  own: readonly LedgerClaim[],
  { plan }: Evidence,
): void {
  const { id, process } = execution
  const late = plan.get(id)?.late === true
  const goesOn = (other: Execution): boolean => {
    if (isInChild(other)) return other.place.alive
    return !other.told && !(late && isSettled(other, own))
  }
  const others = runs.filter(other => other !== execution && other.process === process)
  if (others.some(other => other.end === undefined && goesOn(other))) {
    throw new Violation('I04', `${id} runs twice at a time in '${process.name}' (D46)`, [id])
  }
}

/** All that its worker held when it began is acked: of one whose end came too late nothing else is told. */
function isSettled({ at }: Execution, own: readonly LedgerClaim[]): boolean {
  return own.every(claim => claim.at > at || (claim.end === 'acked' && !claim.moved))
}

/** Whatever its worker tells of one in a child, it ends with that child, before any other begins. */
function isInChild({ process, place }: Execution): boolean {
  return place !== process
}

function mustBeNew(execution: Execution, runs: readonly Execution[], own: readonly LedgerClaim[]): void {
  const { id, process } = execution
  const finished = runs.some(
    other => other !== execution && other.process === process && other.told && other.end !== undefined,
  )
  if (finished && own.some(claim => claim.end === 'acked' && !claim.moved && claim !== own.at(-1))) {
    throw new Violation('I04', `${id} runs again in '${process.name}', which has finished and acked it (D46)`, [id])
  }
  const succeeded = runs.some(
    other => other.process === process && other.told && !other.gaveUp && other.end?.kind === 'returned',
  )
  if (succeeded && execution.redelivered) {
    throw new Violation('I04', `${id} runs again in '${process.name}', which has told its success (D46)`, [id])
  }
}

function mustBeOpen(execution: Execution, claim: LedgerClaim | undefined, { backend, plan }: Evidence): void {
  const { id, attempt } = execution
  const task = plan.get(id)
  if (claim === undefined || !execution.redelivered || task === undefined || !task.kept) return
  const stored = backend.of(id).findLast(({ answer, at }) => answer === 'stored' && at < claim.at)
  if (stored === undefined) return
  const { meta, fence } = stored
  if (isFinal(meta.status)) throw new Violation('I04', `${id} runs though ${meta.status} was stored before (D44)`, [id])
  if (meta.status === 'RETRY' && fence !== undefined && fence.retries >= attempt) {
    throw new Violation('I04', `${id} runs attempt ${attempt} though its retry was decided (D51)`, [id])
  }
}
