import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** What ended in `maxDeliveries` faults is not started again (D60). */
export const i05: Checker = {
  invariant: 'I05',
  // The count is the delivery's; that it is honest, the ledger sees to.
  entered({ id, retries, faults, process }, { plan, ledger }) {
    const limit = plan.get(id)?.maxDeliveries ?? Number.POSITIVE_INFINITY
    if (faults < limit) return
    const claims = ledger.attempt(id, retries).flatMap(message => message.claims)
    const own = claims.filter(({ session }) => session.process === process)
    // It may have been admitted under an earlier delivery, and have adopted this one while it waited.
    if (own.some(claim => claim.faults < limit) || own.at(-1)?.pastBegun === false) return
    throw new Violation('I05', `${id} starts after ${faults} faults; ${limit} are allowed`, [id])
  },
}
