import { jsonsParam, numbersParam } from '../../drivers/postgres/arrays.js'
import type { Row } from '../../drivers/postgres/connection.js'
import { KeptConnection } from '../../drivers/postgres/kept-connection.js'
import { loadSql, quoteSchema, type Sql } from '../../drivers/postgres/load-sql.js'
import type { Schema } from '../../drivers/postgres/migrate.js'
import { PostgresError, postgresError } from '../../drivers/postgres/postgres-error.js'
import type { PostgresTarget } from '../../drivers/postgres/postgres-url.js'
import { asBuffer } from '../../lib/as-buffer.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { TransactionEntry } from '../broker.js'
import { BrokerError } from '../errors.js'
import {
  foreignTransaction,
  isPostgresTransaction,
  type PostgresTransaction,
  type UserTransaction,
} from '../user-transaction.js'
import { packMessages } from '../virtual/message-columns.js'
import type { Outbox, OutboxMessage } from './outbox.js'
import { messageOf, printEnvelope } from './outbox-row.js'

export interface PostgresOutboxOptions {
  readonly target: PostgresTarget
  readonly schema: string
  readonly runtime: Runtime
}

const FOLDER = new URL('./postgres-sql/', import.meta.url)
const VERBS = ['done', 'has-outbox', 'identity', 'postpone', 'put', 'take'] as const

type Rows = readonly Readonly<Record<string, unknown>>[]

/** An outbox in a PostgreSQL database; one connection of ours, made when it is first needed and anew when it was lost. */
export class PostgresOutbox implements Outbox {
  readonly #options: PostgresOutboxOptions
  readonly #sql: Readonly<Record<(typeof VERBS)[number], Sql>>
  readonly #verified = new WeakSet<object>()
  readonly #connection: KeptConnection

  constructor(options: PostgresOutboxOptions) {
    this.#options = options
    const { target, schema, runtime } = options
    this.#sql = loadSql(FOLDER, VERBS, schema)
    const name = `lovage outbox ${runtime.host.pid}@${runtime.host.name}`
    this.#connection = new KeptConnection({ target, name, clock: runtime.clock }, outboxSchema(schema))
  }

  async put(transaction: UserTransaction, entries: readonly TransactionEntry[]): Promise<void> {
    if (!isPostgresTransaction(transaction)) throw this.#foreign('it is no client of pg')
    await this.#verify(transaction)
    const { properties, headers, ends, bytes } = packMessages(entries.map(entry => entry.message))
    await this.#askUser(transaction, this.#sql.put.text, [
      jsonsParam(entries.map(printEnvelope)),
      jsonsParam(properties),
      jsonsParam(headers),
      numbersParam(ends.map((_, i) => (i === 0 ? 1 : (ends[i - 1] as number) + 1))),
      numbersParam(ends.map((end, i) => end - (i === 0 ? 0 : (ends[i - 1] as number)))),
      asBuffer(bytes),
    ])
  }

  async take(limit: number, leaseMs: Ms): Promise<readonly OutboxMessage[]> {
    const rows = await this.#ask(this.#sql.take, [limit, leaseMs])
    return rows.map(([id, tries, envelope, properties, headers, body]) =>
      messageOf({
        id: id as number,
        tries: tries as number,
        envelope: envelope as string,
        properties: properties as string,
        headers: headers as string,
        body: body as Uint8Array,
      }),
    )
  }

  async done(ids: readonly number[]): Promise<void> {
    await this.#ask(this.#sql.done, [numbersParam(ids)])
  }

  async postpone(ids: readonly number[], pauseMs: Ms): Promise<void> {
    await this.#ask(this.#sql.postpone, [numbersParam(ids), pauseMs])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }

  /** A client of another database would put messages where no relay looks. */
  async #verify(transaction: PostgresTransaction): Promise<void> {
    if (this.#verified.has(transaction)) return
    const [own] = await this.#ask(this.#sql.identity, [])
    // Asked first: a statement about a table that is not there would spoil the user's transaction.
    const [has] = await this.#askUser(transaction, this.#sql['has-outbox'].text, [quoteSchema(this.#options.schema)])
    if (has?.['has'] !== true) throw this.#foreign(`its database has no outbox in schema ${this.#options.schema}`)
    const [found] = await this.#askUser(transaction, this.#sql.identity.text, [])
    if (found?.['uuid'] !== own?.[0]) throw this.#foreign('it leads to another database')
    this.#verified.add(transaction)
  }

  async #ask(sql: Sql, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return await this.#connection.query(sql, values)
    } catch (error) {
      throw this.#trouble(error)
    }
  }

  async #askUser(transaction: PostgresTransaction, text: string, values: readonly unknown[]): Promise<Rows> {
    try {
      // The statements name their columns.
      return (await transaction.query(text, [...values])).rows as Rows
    } catch (error) {
      throw this.#trouble(postgresError(error, 'working'))
    }
  }

  #trouble(error: unknown): unknown {
    if (!(error instanceof PostgresError)) return error
    const message = `The outbox at ${this.#options.target.shown}: ${error.message} ${error.remedy}`
    return new BrokerError(error.code, message, { cause: error, transient: error.transient })
  }

  #foreign(why: string): Error {
    return foreignTransaction(`the outbox at ${this.#options.target.shown}`, why)
  }
}

function outboxSchema(schema: string): Schema {
  const steps = loadSql(FOLDER, ['schema-1'], schema)
  return { name: schema, component: 'outbox', steps: [steps['schema-1']] }
}
