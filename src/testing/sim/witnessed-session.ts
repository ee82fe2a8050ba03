import type { Settled } from '../../brokers/broker.js'
import type { Claimed, PushEntry, PushOutcome, StoreSession, Verdict } from '../../brokers/virtual/queue-store.js'
import type { QueueName } from '../../protocol/ids.js'
import { ForwardingSession } from './forwarding-session.js'
import type { Ledger, LedgerSession } from './ledger.js'
import type { SimProcess } from './sim-process.js'

export interface Witness {
  readonly ledger: Ledger
  readonly name: string
  readonly process: SimProcess
  /** Its process is gone without a word: nobody keeps the lease any more. */
  readonly abandon: () => void
}

/** A session whose every verb is written into the ledger. */
export class WitnessedSession extends ForwardingSession {
  readonly #ledger: Ledger
  readonly #abandon: () => void
  readonly #seen: LedgerSession

  constructor(inner: StoreSession, witness: Witness) {
    super(inner)
    const { ledger, name, process } = witness
    this.#abandon = witness.abandon
    this.#ledger = ledger
    this.#seen = ledger.opened(name, process)
    void inner.closed.then(reason => ledger.gone(this.#seen, reason.kind))
  }

  /** Its process is gone without a word: the lease runs out. */
  drop(): void {
    this.#ledger.gone(this.#seen, 'lost')
    this.#abandon()
  }

  override async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    // A publish that is tried again brings the same object: each becomes a message of its own.
    const own = entries.map(entry => ({ ...entry, message: { ...entry.message } }))
    const outcomes = await this.inner.push(own)
    for (const [i, entry] of own.entries()) {
      if (outcomes[i]?.kind !== 'accepted') continue
      this.#ledger.pushed(entry.message, entry.to.routingKey as QueueName, entry.publishId, this.#seen.name)
    }
    return outcomes
  }

  override async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    const claimed = await this.inner.claim(queues, limit)
    for (const one of claimed) this.#ledger.claimed(this.#seen, one.message, one)
    return claimed
  }

  override async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const answers = await this.inner.settle(verdicts)
    for (const [i, verdict] of verdicts.entries()) {
      this.#ledger.settled(this.#seen, verdict.token, verdict, answers[i] ?? 'stale')
    }
    return answers
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    // A swept session has nothing left to give back; the ledger hears of that from the next claim.
    if (this.#seen.goneAt === undefined) this.#ledger.returned(this.#seen, false)
    this.#ledger.gone(this.#seen, 'closed')
    await super[Symbol.asyncDispose]()
  }
}
