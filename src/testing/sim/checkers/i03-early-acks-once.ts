import { Violation } from '../evidence.js'
import type { Checker } from './checker.js'

/** Early acks: one execution per message at most, and none before the broker has answered the ack. */
export const i03: Checker = {
  invariant: 'I03',
  entered({ id, retries, process }, { plan, ledger, journal }) {
    if (plan.get(id)?.late !== false) return
    const messages = ledger.attempt(id, retries)
    const runs = journal.attempt(id, retries).length
    // RabbitMQ may forget an ack in a crash, and deliver again (reliability §1.2).
    const allowed = messages.reduce((sum, { forgottenAcks }) => sum + 1 + forgottenAcks, 0)
    if (runs > allowed) {
      throw new Violation('I03', `${id} (early ack) runs for the ${runs}. time of ${messages.length} messages`, [id])
    }
    const acked = messages.some(({ claims }) =>
      claims.some(claim => claim.end === 'acked' && claim.session.process === process),
    )
    if (!acked) throw new Violation('I03', `${id} (early ack) starts before its ack was answered`, [id])
  },
}
