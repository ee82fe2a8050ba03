import { kernelMonotonic } from '../../drivers/kernel-clock.js'
import { migrate } from '../../drivers/sqlite/migrate.js'
import { UserDatabase } from '../../drivers/sqlite/user-database.js'
import type { Clock } from '../../lib/runtime.js'
import type { TransactionEntry } from '../broker.js'
import { BrokerError } from '../errors.js'
import { foreignTransaction, isSqliteTransaction, type UserTransaction } from '../user-transaction.js'
import { unroutable } from '../virtual/trouble.js'
import { MessageRows } from './message-rows.js'
import { pushColumns } from './push-columns.js'
import { loadSchemaSteps, loadStatements } from './statements.js'
import { TopologyTables } from './topology-tables.js'

/**
 * Publishes through a user's SQLite connection to the broker's own file, inside its transaction: everything is read and
 * written there, tables and queues too, because nobody else may write while it is open. Sleepers notice the commit when they
 * look at the file, within a quarter of a second.
 */
export class SqliteTransactions {
  readonly #path: string
  readonly #clock: Clock

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  async publish(transaction: UserTransaction, entries: readonly TransactionEntry[]): Promise<void> {
    if (!isSqliteTransaction(transaction)) throw foreignTransaction(this.#path, 'it is no SQLite database')
    const db = new UserDatabase(transaction)
    if (!db.isFile(this.#path)) throw foreignTransaction(this.#path, `it is on ${db.path ?? 'a database in memory'}`)
    migrate(db, { component: 'broker', steps: loadSchemaSteps() })
    const sql = loadStatements()
    const topology = new TopologyTables(db, sql)
    const messages = new MessageRows({
      db,
      sql,
      topology,
      holders: { self: noHolder, mayHold: noHolder },
      context: { clock: this.#clock, monotonic: kernelMonotonic, afterCommit: () => undefined, touch: () => undefined },
    })
    const queues = entries.flatMap(({ queue }) => (queue === undefined ? [] : [queue]))
    if (queues.length > 0) topology.declare({ queues }, noHolder)
    const known = topology.current()
    const reaches = ({ to }: TransactionEntry): boolean =>
      topology.destinations(known, to.exchange, to.routingKey).length > 0
    const lost = entries.find(entry => entry.mandatory !== false && !reaches(entry))
    if (lost !== undefined) throw unroutable(lost.to)
    messages.push(pushColumns(entries.filter(reaches)))
  }
}

function noHolder(): never {
  throw new BrokerError(
    'LVG_BROKER_FAILED',
    'A queue that goes with its owner cannot be declared inside a transaction. Declare it by a connection.',
    { transient: false },
  )
}
