import type { TransactionEntry } from '../brokers/broker.js'
import type { UserTransaction } from '../brokers/user-transaction.js'
import { Batcher } from '../lib/batcher.js'

/** Entries of one statement. */
const BATCH = 1000

/** Collects what one turn publishes inside one transaction, so that it is one statement there. */
export class TransactionPublisher {
  readonly #put: (transaction: UserTransaction, entries: readonly TransactionEntry[]) => Promise<void>
  readonly #batchers = new WeakMap<UserTransaction, Batcher<TransactionEntry, undefined, void>>()

  constructor(put: (transaction: UserTransaction, entries: readonly TransactionEntry[]) => Promise<void>) {
    this.#put = put
  }

  /** Resolves when it is written; whether it is ever sent, the transaction's end decides. */
  publish(transaction: UserTransaction, entry: TransactionEntry): Promise<void> {
    let batcher = this.#batchers.get(transaction)
    if (batcher === undefined) {
      batcher = new Batcher({
        maxCount: BATCH,
        send: async entries => {
          await this.#put(transaction, entries)
          return entries.map(() => undefined)
        },
        answer: () => undefined,
        abandoned: (_, cause) => Promise.reject(cause),
      })
      this.#batchers.set(transaction, batcher)
    }
    return batcher.ask(entry)
  }
}
