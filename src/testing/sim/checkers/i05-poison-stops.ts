import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** What ended in `maxDeliveries` faults is not started again (D60). */
export const i05: Checker = {
  invariant: 'I05',
  entered({ id, retries, faults }, { plan, ledger }) {
    const limit = plan.get(id)?.maxDeliveries ?? Number.POSITIVE_INFINITY
    const known = Math.min(...ledger.attempt(id, retries).map(message => message.faults))
    if (faults >= limit || known >= limit) {
      throw new Violation('I05', `${id} starts after ${Math.max(faults, known)} faults; ${limit} are allowed`, [id])
    }
  },
}
