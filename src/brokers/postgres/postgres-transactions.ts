import { quoteSchema } from '../../drivers/postgres/load-sql.js'
import { postgresError } from '../../drivers/postgres/postgres-error.js'
import type { ConfigError } from '../../lib/errors.js'
import type { Host } from '../../lib/runtime.js'
import type { TransactionEntry } from '../broker.js'
import { BrokerError } from '../errors.js'
import {
  foreignTransaction,
  isPostgresTransaction,
  type PostgresTransaction,
  type UserTransaction,
} from '../user-transaction.js'
import { unroutable } from '../virtual/trouble.js'
import { KnownTopology } from './known-topology.js'
import type { PostgresQueueStore } from './postgres-queue-store.js'
import type { PostgresSession } from './postgres-session.js'
import { pushTrouble } from './postgres-trouble.js'
import { pushParams, routeBatch } from './push-params.js'
import { loadStatements, type Statements } from './statements.js'

export interface PostgresTransactionsOptions {
  readonly store: PostgresQueueStore
  readonly schema: string
  /** The URL, as people may see it. */
  readonly shown: string
  readonly host: Host
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** The topology may change between being read and being used; in a transaction that sees one moment it does not. */
const TRIES = 5

/**
 * Publishes through a `pg` client inside its own transaction. Queues are declared beforehand, over a connection of ours, so
 * that nobody who declares the same ones waits for the user's commit; and nobody is notified: that would hold up every other
 * commit. Whoever sleeps finds the message when it looks again, within a quarter of a second.
 */
export class PostgresTransactions {
  readonly #options: PostgresTransactionsOptions
  readonly #sql: Statements
  readonly #declared = new Set<string>()
  readonly #verified = new WeakSet<object>()
  #session: Promise<PostgresSession> | undefined

  constructor(options: PostgresTransactionsOptions) {
    this.#options = options
    this.#sql = loadStatements(options.schema)
  }

  async publish(transaction: UserTransaction, entries: readonly TransactionEntry[]): Promise<void> {
    if (!isPostgresTransaction(transaction)) throw this.#foreign('it is no client of pg')
    const session = await this.#opened()
    await this.#declare(session, entries)
    await this.#verify(transaction, session)
    for (let tries = 0; tries < TRIES; tries++) {
      if (await this.#push(transaction, entries)) return
    }
    throw new BrokerError('LVG_BROKER_FAILED', `The queues at ${this.#options.shown} change all the time. Try again.`, {
      transient: true,
    })
  }

  /** False: the topology has changed meanwhile, and nothing happened. */
  async #push(transaction: PostgresTransaction, entries: readonly TransactionEntry[]): Promise<boolean> {
    const [row] = await this.#ask(transaction, this.#sql.topology.text, [])
    const { topology, queues, exchanges, bindings, uuid } = row ?? {}
    const known = new KnownTopology([topology, queues, exchanges, bindings, uuid])
    const { outcomes, sent } = routeBatch(entries, known)
    const lost = outcomes.findIndex((outcome, i) => outcome?.kind === 'unroutable' && entries[i]?.mandatory !== false)
    if (lost >= 0) throw unroutable((entries[lost] as TransactionEntry).to)
    if (sent.length === 0) return true
    const params = pushParams(known.version, sent, { queues: [], channel: this.#options.schema })
    const [answer] = await this.#ask(transaction, this.#sql.push.text, params)
    return Number(answer?.['topology']) === known.version
  }

  async #declare(session: PostgresSession, entries: readonly TransactionEntry[]): Promise<void> {
    const queues = entries.flatMap(({ queue }) =>
      queue === undefined || this.#declared.has(queue.name) ? [] : [queue],
    )
    if (queues.length === 0) return
    await session.declare({ queues })
    for (const queue of queues) this.#declared.add(queue.name)
  }

  /** A client of another database would put the message where nobody looks. */
  async #verify(transaction: PostgresTransaction, session: PostgresSession): Promise<void> {
    if (this.#verified.has(transaction)) return
    // Asked first: a statement about a table that is not there would spoil the user's transaction.
    const [has] = await this.#ask(transaction, this.#sql['has-store'].text, [quoteSchema(this.#options.schema)])
    if (has?.['has'] !== true) throw this.#foreign(`its database has no schema ${this.#options.schema} of Lovage`)
    const [row] = await this.#ask(transaction, this.#sql.store.text, [])
    if (row?.['uuid'] !== (await session.storeId())) throw this.#foreign('it leads to another database')
    this.#verified.add(transaction)
  }

  /** A connection for declaring; made anew when it was lost. */
  #opened(): Promise<PostgresSession> {
    if (this.#session === undefined) {
      const { store, host } = this.#options
      const opening = store.open({ name: `transactions ${host.pid}@${host.name}` })
      this.#session = opening
      const forget = (): void => {
        if (this.#session === opening) this.#session = undefined
        this.#declared.clear()
      }
      opening.then(session => session.closed.then(forget), forget)
    }
    return this.#session
  }

  async #ask(transaction: PostgresTransaction, text: string, values: readonly unknown[]): Promise<Rows> {
    try {
      // The statements name their columns.
      return (await transaction.query(text, [...values])).rows as Rows
    } catch (error) {
      throw pushTrouble(this.#options.shown, postgresError(error, 'working'))
    }
  }

  #foreign(why: string): ConfigError {
    return foreignTransaction(this.#options.shown, why)
  }
}
