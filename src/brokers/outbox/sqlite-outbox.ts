import { SqliteError } from '../../drivers/errors.js'
import { KeptHost } from '../../drivers/sqlite/kept-host.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import type { Answer, Argument, OperationName } from '../../drivers/sqlite/operations.js'
import { UserDatabase } from '../../drivers/sqlite/user-database.js'
import type { Ms } from '../../lib/time.js'
import type { TransactionEntry } from '../broker.js'
import { BrokerError } from '../errors.js'
import { foreignTransaction, isSqliteTransaction, type UserTransaction } from '../user-transaction.js'
import { bodyAt, packMessages } from '../virtual/message-columns.js'
import type { Outbox, OutboxMessage } from './outbox.js'
import { messageOf, printEnvelope } from './outbox-row.js'
import { loadOutboxStatements, type OutboxOperations, outboxSchema } from './sqlite-outbox-operations.js'

export interface SqliteOutboxOptions {
  readonly path: string
  /** The setting of that name (D3e). */
  readonly allowNetworkFilesystem: boolean
}

/** An outbox in the user's SQLite file. What the relay does there is done on a thread of its own. */
export class SqliteOutbox implements Outbox {
  readonly #path: string
  readonly #host: KeptHost<OutboxOperations>

  constructor({ path, allowNetworkFilesystem }: SqliteOutboxOptions) {
    this.#path = path
    const module = new URL('./sqlite-outbox-operations.js', import.meta.url)
    this.#host = new KeptHost({ path, durability: 'full', allowNetworkFilesystem, module })
  }

  /** Makes its table in the user's transaction when there is none yet: nobody else may write while it is open. */
  async put(transaction: UserTransaction, entries: readonly TransactionEntry[]): Promise<void> {
    const shown = `the outbox in ${this.#path}`
    if (!isSqliteTransaction(transaction)) throw foreignTransaction(shown, 'it is no SQLite database')
    const db = new UserDatabase(transaction)
    if (!db.isFile(this.#path)) throw foreignTransaction(shown, `it is on ${db.path ?? 'a database in memory'}`)
    migrate(db, outboxSchema())
    const { put } = loadOutboxStatements()
    const columns = packMessages(entries.map(entry => entry.message))
    entries.forEach((entry, i) => {
      // Columns are equally long.
      const [properties, headers] = [columns.properties[i] as string, columns.headers[i] as string]
      db.run(put, printEnvelope(entry), properties, headers, bodyAt(columns, i))
    })
  }

  async take(limit: number, leaseMs: Ms): Promise<readonly OutboxMessage[]> {
    if (!(await this.#call('any', null))) return []
    return (await this.#call('take', { limit, leaseMs })).map(messageOf)
  }

  async done(ids: readonly number[]): Promise<void> {
    await this.#call('done', ids)
  }

  async postpone(ids: readonly number[], pauseMs: Ms): Promise<void> {
    await this.#call('postpone', { ids, pauseMs })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host[Symbol.asyncDispose]()
  }

  async #call<Name extends OperationName<OutboxOperations>>(
    name: Name,
    args: Argument<OutboxOperations, Name>,
  ): Promise<Answer<OutboxOperations, Name>> {
    try {
      return await this.#host.call(name, args)
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error
      const message = `The outbox in ${this.#path}: ${error.message}${error.remedy}`
      throw new BrokerError(error.code, message, { cause: error, transient: true })
    }
  }
}
