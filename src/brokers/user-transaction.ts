import { ConfigError } from '../lib/errors.js'

/*
 * Publishing inside a transaction of the user's own (D09): what is written goes through the user's handle, so it exists if
 * and only if the transaction commits. Handles are known by what they can do, not by their class: any version of the
 * libraries, and wrappers around them, will do.
 */

export type UserTransaction = PostgresTransaction | SqliteTransaction

/** `Client` or `PoolClient` of `pg`, after its BEGIN. */
export interface PostgresTransaction {
  query(text: string, values: unknown[]): PromiseLike<{ readonly rows: readonly unknown[] }>
}

/** `DatabaseSync` of node:sqlite, or `Database` of better-sqlite3 or libsql, after its BEGIN. */
export interface SqliteTransaction {
  exec(sql: string): unknown
  prepare(sql: string): object
}

export function isPostgresTransaction(value: unknown): value is PostgresTransaction {
  return typeof value === 'object' && value !== null && 'query' in value && typeof value.query === 'function'
}

export function isSqliteTransaction(value: unknown): value is SqliteTransaction {
  if (typeof value !== 'object' || value === null || !('prepare' in value) || !('exec' in value)) return false
  return typeof value.prepare === 'function' && typeof value.exec === 'function'
}

/** Why a handle is not inside a transaction, as far as it tells; undefined: it may well be. */
export function transactionProblem(value: unknown): string | undefined {
  if (isSqliteTransaction(value)) {
    const open = truthOf(value, 'isTransaction') ?? truthOf(value, 'inTransaction')
    return open === false ? 'has no transaction open; run BEGIN first' : undefined
  }
  if (!isPostgresTransaction(value)) {
    return 'is neither a client of pg nor a database of node:sqlite, better-sqlite3 or libsql'
  }
  if ('totalCount' in value && 'idleCount' in value) {
    return 'is a pool, each of whose queries may run on another connection; take a client from it'
  }
  const status = 'getTransactionStatus' in value ? value.getTransactionStatus : undefined
  return typeof status === 'function' && status.call(value) === 'I'
    ? 'has no transaction open; run BEGIN first'
    : undefined
}

function truthOf(value: object, name: string): boolean | undefined {
  const found: unknown = (value as Record<string, unknown>)[name]
  return typeof found === 'boolean' ? found : undefined
}

export function foreignTransaction(shown: string, why: string): ConfigError {
  return new ConfigError(
    'LVG_FOREIGN_TRANSACTION',
    `The transaction given to the call cannot carry a message for ${shown}: ${why}. ` +
      'Hand over a handle of that very database, or use dispatchOnCommit.',
  )
}
