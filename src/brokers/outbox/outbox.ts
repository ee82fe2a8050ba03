import type { Ms } from '../../lib/time.js'
import type { TransactionEntry } from '../broker.js'
import type { UserTransaction } from '../user-transaction.js'

/*
 * Messages that wait in the user's own database until its transaction has committed and a relay has published them (D09).
 *
 * `put` writes through the user's handle, so a message is there if and only if the transaction commits. A relay takes
 * messages for a while, publishes each with the id it has had from the beginning, and then says that it is done; one that
 * dies in between leaves them to the next. So each is published at least once, always under the same ids.
 */
export interface Outbox extends AsyncDisposable {
  put(transaction: UserTransaction, entries: readonly TransactionEntry[]): Promise<void>
  /** The oldest that nobody has taken; nobody else gets them within `leaseMs`. Rejects with `BrokerError`. */
  take(limit: number, leaseMs: Ms): Promise<readonly OutboxMessage[]>
  /** They have been published. */
  done(ids: readonly number[]): Promise<void>
  /** They could not be published: nobody gets them before that long. */
  postpone(ids: readonly number[], pauseMs: Ms): Promise<void>
}

export interface OutboxMessage extends TransactionEntry {
  readonly id: number
  /** How often it has been taken. */
  readonly tries: number
}
