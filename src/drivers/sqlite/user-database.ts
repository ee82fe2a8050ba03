import { realpathSync } from 'node:fs'
import type { Database } from './database.js'
import type { SqlRow, SqlValue } from './engine.js'

/** What statements are run on: our own connection, or a user's. */
export type SqlRunner = Pick<Database, 'run' | 'get' | 'all'>

/** The part that node:sqlite, better-sqlite3 and libsql have in common. */
export interface UserHandle {
  exec(sql: string): unknown
  prepare(sql: string): object
}

interface UserStatement {
  run(...params: unknown[]): unknown
  get(...params: unknown[]): unknown
  all(...params: unknown[]): unknown
}

/**
 * A user's SQLite connection, in the middle of the user's own transaction. Statements are written with `?1`, `?2`, …, which
 * the libraries bind in different ways; so they are given plain question marks, and each its value.
 */
export class UserDatabase implements SqlRunner {
  readonly #handle: UserHandle
  readonly #spread: boolean

  constructor(handle: UserHandle) {
    this.#handle = handle
    // node:sqlite takes values one by one, the others as a list.
    this.#spread = handle.constructor.name === 'DatabaseSync'
  }

  /** The file behind it, symbolic links resolved; undefined: in memory. */
  get path(): string | undefined {
    const main = this.all<SqlRow & { readonly name: string; readonly file: string | null }>(
      'PRAGMA database_list',
    ).find(row => row.name === 'main')
    return main?.file ? real(main.file) : undefined
  }

  isFile(path: string): boolean {
    return this.path === real(path)
  }

  exec(sql: string): void {
    this.#handle.exec(sql)
  }

  /** The user's own: it ends as the user wishes. */
  transaction<T>(work: () => T): T {
    return work()
  }

  run(sql: string, ...params: readonly SqlValue[]): number {
    const result = this.#call('run', sql, params)
    return typeof result === 'object' && result !== null && 'changes' in result ? Number(result.changes) : 0
  }

  get<R extends SqlRow>(sql: string, ...params: readonly SqlValue[]): R | undefined {
    const row = this.#call('get', sql, params)
    // The caller names the columns of the SQL it wrote.
    return row === undefined || row === null ? undefined : (plain(row as SqlRow) as R)
  }

  all<R extends SqlRow>(sql: string, ...params: readonly SqlValue[]): R[] {
    return (this.#call('all', sql, params) as readonly SqlRow[]).map(row => plain(row) as R)
  }

  #call(verb: 'run' | 'get' | 'all', sql: string, params: readonly SqlValue[]): unknown {
    const { text, values } = positional(sql, params)
    // All three libraries have these.
    const statement = this.#handle.prepare(text) as UserStatement
    return this.#spread || values.length === 0 ? statement[verb](...values) : statement[verb](values)
  }
}

/** `?2 … ?1 … ?2` with (a, b) → `? … ? … ?` with (b, a, b). Comments go: they speak of parameters, too. */
export function positional(
  sql: string,
  params: readonly SqlValue[],
): { readonly text: string; readonly values: readonly SqlValue[] } {
  const values: SqlValue[] = []
  const text = sql.replace(/--.*$/gm, '').replace(/\?(\d+)/g, (_, number: string) => {
    values.push(bindable(params[Number(number) - 1] ?? null))
    return '?'
  })
  return { text, values }
}

/** Buffers suit all of them; and node:sqlite takes an empty view of nothing for null. */
function bindable(value: SqlValue): SqlValue {
  if (!(value instanceof Uint8Array)) return value
  return value.byteLength === 0 ? Buffer.from(new ArrayBuffer(1), 0, 0) : Buffer.from(value)
}

/** Handles may be set to give integers as bigints. */
function plain(row: SqlRow): SqlRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  )
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
