import type { Broker, TransactionEntry } from '../brokers/broker.js'
import type { Outbox, OutboxMessage } from '../brokers/outbox/outbox.js'
import type { UserTransaction } from '../brokers/user-transaction.js'
import { ConfigError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import { OutboxRelay } from './outbox-relay.js'
import { TransactionPublisher } from './transaction-publisher.js'

export interface TransactionalOptions {
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
  broker(): Promise<Broker>
  openOutbox(): Promise<Outbox>
  /** To the broker; resolves when it has it. */
  publish(message: OutboxMessage): Promise<void>
}

/** Publishing inside transactions of the user's own: into the broker's tables, or into an outbox. */
export class Transactional implements AsyncDisposable {
  readonly #options: TransactionalOptions
  readonly #within: TransactionPublisher
  readonly #later: TransactionPublisher
  readonly #relay: OutboxRelay
  #outbox: Promise<Outbox> | undefined

  constructor(options: TransactionalOptions) {
    this.#options = options
    this.#within = new TransactionPublisher((handle, entries) => this.#publishWithin(handle, entries))
    this.#later = new TransactionPublisher((handle, entries) => this.#put(handle, entries))
    this.#relay = new OutboxRelay({
      runtime: options.runtime,
      outbox: () => this.#opened(),
      publish: message => options.publish(message),
    })
  }

  /** The message exists in the broker if and only if the transaction commits. */
  publishWithin(transaction: UserTransaction, entry: TransactionEntry): Promise<void> {
    return this.#within.publish(transaction, entry)
  }

  /** The message is published some time after the commit. */
  dispatchOnCommit(transaction: UserTransaction, entry: TransactionEntry): Promise<void> {
    return this.#later.publish(transaction, entry)
  }

  /** Publishes what stands in the outbox from now on, whoever put it there, until what it gives is disposed. */
  relay(): Disposable {
    return this.#relay.start()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]()
    const outbox = await this.#outbox?.catch(() => undefined)
    await outbox?.[Symbol.asyncDispose]()
  }

  async #publishWithin(handle: UserTransaction, entries: readonly TransactionEntry[]): Promise<void> {
    const broker = await this.#options.broker()
    if (broker.publishWithin === undefined) {
      throw new ConfigError(
        'LVG_NO_TRANSACTIONS',
        `The broker ${broker.url} cannot take part in a transaction of yours. Use dispatchOnCommit, with an outbox (outboxUrl).`,
      )
    }
    await broker.publishWithin(handle, entries)
  }

  async #put(handle: UserTransaction, entries: readonly TransactionEntry[]): Promise<void> {
    await (await this.#opened()).put(handle, entries)
    this.#relay.expect()
  }

  #opened(): Promise<Outbox> {
    this.#outbox ??= this.#options.openOutbox().catch(error => {
      this.#outbox = undefined
      throw error
    })
    return this.#outbox
  }
}
