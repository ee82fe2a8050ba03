import { createRequire } from 'node:module'
import { ConfigError } from '../../lib/errors.js'
import { type SqliteCode, SqliteError } from '../errors.js'

/*
 * The one file that knows which SQLite there is: Node's own from 22.13 on, the `libsql` package before. Their
 * differences end here: how rows, blobs, big integers and errors look.
 */

export type SqlValue = null | number | bigint | string | Uint8Array

export type SqlRow = Readonly<Record<string, SqlValue>>

export interface Engine {
  exec(sql: string): void
  prepare(sql: string): EngineStatement
  close(): void
}

/** Parameters are positional (`?1`, `?2`, …). All methods throw `SqliteError`. */
export interface EngineStatement {
  /** Returns the number of changed rows. */
  run(params: readonly SqlValue[]): number
  get(params: readonly SqlValue[]): SqlRow | undefined
  all(params: readonly SqlValue[]): SqlRow[]
}

/** Opens, creating when absent. Throws `SqliteError`, or `ConfigError` when this Node has no SQLite. */
export function openEngine(path: string): Engine {
  const builtin = nodeSqlite()
  return builtin === undefined ? openLibsql(path) : openNodeSqlite(builtin, path)
}

// ---- node:sqlite

interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
    options: { readonly allowExtension: false },
  ) => {
    exec(sql: string): void
    prepare(sql: string): NodeStatement
    close(): void
  }
}

interface NodeStatement {
  run(...params: readonly SqlValue[]): { readonly changes: number | bigint }
  get(...params: readonly SqlValue[]): SqlRow | undefined
  all(...params: readonly SqlValue[]): SqlRow[]
}

type BuiltinLoader = (name: string) => object | undefined

function nodeSqlite(): NodeSqlite | undefined {
  const load = (process as { readonly getBuiltinModule?: BuiltinLoader }).getBuiltinModule
  if (load === undefined) return undefined
  // Loading it warns that it is experimental, once per thread: nothing a user of Lovage could act on.
  const warn = process.emitWarning
  process.emitWarning = () => undefined
  try {
    // The shape is Node's documented one.
    return load('node:sqlite') as NodeSqlite | undefined
  } finally {
    process.emitWarning = warn
  }
}

function openNodeSqlite(sqlite: NodeSqlite, path: string): Engine {
  const db = guard(() => new sqlite.DatabaseSync(path, { allowExtension: false }))
  return {
    exec: sql => guard(() => db.exec(sql)),
    prepare: sql => {
      const statement = guard(() => db.prepare(sql))
      return {
        run: params => guard(() => Number(statement.run(...params.map(bindable)).changes)),
        get: params => guard(() => statement.get(...params.map(bindable))),
        all: params => guard(() => statement.all(...params.map(bindable))),
      }
    },
    close: () => guard(() => db.close()),
  }
}

/** node:sqlite binds a view without an address as NULL; an empty view of a buffer that is not empty has one. */
function bindable(value: SqlValue): SqlValue {
  return value instanceof Uint8Array && value.byteLength === 0 ? new Uint8Array(new ArrayBuffer(1), 0, 0) : value
}

// ---- libsql

interface LibsqlDatabase {
  exec(sql: string): void
  prepare(sql: string): LibsqlStatement
  close(): void
}

interface LibsqlStatement {
  run(params: readonly SqlValue[]): { readonly changes: number }
  get(params: readonly SqlValue[]): Record<string, unknown> | undefined
  all(params: readonly SqlValue[]): Record<string, unknown>[]
}

function openLibsql(path: string): Engine {
  const Database = loadLibsql()
  const db = guard(() => new Database(path))
  return {
    exec: sql => guard(() => db.exec(sql)),
    prepare: sql => {
      const statement = guard(() => db.prepare(sql))
      return {
        run: params => guard(() => statement.run(params).changes),
        get: params => guard(() => firstRow(statement.get(params))),
        all: params => guard(() => statement.all(params).map(plainRow)),
      }
    },
    close: () => guard(() => db.close()),
  }
}

function loadLibsql(): new (path: string) => LibsqlDatabase {
  try {
    return createRequire(import.meta.url)('libsql')
  } catch (cause) {
    throw new ConfigError(
      'LVG_SQLITE_MISSING',
      `This Node (${process.version}) has no SQLite of its own, and the package "libsql" is not installed. Run "npm install libsql", or use Node 22.13 or later.`,
      { cause },
    )
  }
}

/** libsql's `get` adds a column of its own. */
function firstRow(row: Record<string, unknown> | undefined): SqlRow | undefined {
  if (row === undefined) return undefined
  delete row['_metadata']
  return plainRow(row)
}

/** libsql gives blobs as `ArrayBuffer` and rounds integers that do not fit; the latter must not pass for the true value. */
function plainRow(row: Record<string, unknown>): SqlRow {
  for (const column in row) {
    const value = row[column]
    if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value)
    else if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
      throw new SqliteError('ERROR', `Column ${column} holds an integer beyond 2^53; select it as text.`)
    }
  }
  return row as SqlRow
}

// ---- errors

const CODES: Readonly<Record<number, SqliteCode>> = {
  5: 'BUSY',
  6: 'BUSY',
  8: 'READONLY',
  10: 'IOERR',
  11: 'CORRUPT',
  13: 'FULL',
  14: 'CANTOPEN',
  19: 'CONSTRAINT',
  26: 'NOTADB',
}

function guard<T>(act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (cause instanceof SqliteError) throw cause
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new SqliteError(CODES[resultCode(cause, message) & 0xff] ?? 'ERROR', `SQLite: ${message}`, { cause })
  }
}

/** node:sqlite: `errcode`; libsql: `rawCode`, or, when opening fails, a number at the end of the message. */
function resultCode(cause: unknown, message: string): number {
  const { errcode, rawCode } = cause as { readonly errcode?: unknown; readonly rawCode?: unknown }
  if (typeof errcode === 'number') return errcode
  if (typeof rawCode === 'number') return rawCode
  return Number(/: (\d+)"?\)?$/.exec(message)?.[1] ?? 1)
}
