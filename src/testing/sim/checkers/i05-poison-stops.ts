import { type Evidence, Violation } from '../evidence.js'
import type { Execution } from '../journal.js'
import type { LedgerClaim } from '../ledger.js'
import type { Checker } from './checker.js'
import { isOneMessage } from './story.js'

/** What ended in `maxDeliveries` faults is not started again, and what is counted as a fault is one (D60). */
export const i05: Checker = {
  invariant: 'I05',
  // The count is the delivery's; that it is honest, the ledger sees to.
  entered({ id, retries, faults, process }, { plan, ledger, journal }) {
    const limit = plan.get(id)?.maxDeliveries ?? Number.POSITIVE_INFINITY
    if (faults < limit) return
    const messages = ledger.attempt(id, retries)
    const own = messages.flatMap(({ claims }) => claims.filter(({ session }) => session.process === process))
    // One that only waited beside others that had begun is nobody's poison; a copy that is to begin says as little of itself.
    const knew = own.some(claim => claim.faults >= limit && claim.pastBegun)
    const died = journal.attempt(id, retries).filter(({ end, place }) => end === undefined && !place.alive)
    if (knew || (isOneMessage(messages) && died.length >= limit))
      throw new Violation('I05', `${id} starts after ${faults} faults; ${limit} are allowed`, [id])
  },
  atRest(evidence) {
    // Elsewhere what is handed back is another message, or may be forgotten.
    if (evidence.profile !== 'lease-like') return
    for (const { claims } of evidence.ledger.messages) {
      for (const [i, claim] of claims.entries()) {
        const next = claims[i + 1]
        if (next !== undefined && claim.end === 'requeued') mustBeHonest(claim, next, evidence)
      }
    }
  },
}

/** Whoever handed it back as a fault had begun it, and whoever had lost it with a child handed it back as a fault. */
function mustBeHonest(claim: LedgerClaim, next: LedgerClaim, { journal }: Evidence): void {
  const { message, session, at, endedAt = Number.POSITIVE_INFINITY } = claim
  const runs = journal
    .attempt(message.id, message.retries)
    .filter(execution => execution.process === session.process && execution.at <= endedAt)
  const isCounted = next.faults > claim.faults
  if (isCounted && runs.length === 0 && !journal.doubts.has(message.id)) {
    throw new Violation('I05', `${message.id} was handed back as a fault, and had not begun`, [message.id])
  }
  const diedHere = (run: Execution): boolean => run.lost && !run.gaveUp && run.at >= at
  if (!isCounted && runs.some(diedHere)) {
    throw new Violation('I05', `${message.id} was lost with its child, and that was not counted`, [message.id])
  }
}
