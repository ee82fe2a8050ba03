import { closeSync, constants, copyFileSync, existsSync, openSync, rmSync } from 'node:fs'
import { ConfigError, LovageError } from '../../lib/errors.js'
import { SqliteError } from '../errors.js'
import { Database, type SqlRow, type SqlValue } from './database.js'

export interface SalvagedTable {
  readonly name: string
  readonly rows: number
  /** False: some of its rows could not be read. */
  readonly complete: boolean
}

/** Rows fetched at once while all is well. */
const BATCH = 200
/** Failing reads per table after which the rest of its gaps is given up. */
const MAX_FAILURES = 1_000_000
/** How many row ids are tried after the last readable one when the table's end is damaged. */
const LAST_STRETCH = 20_000

/**
 * Copies every readable row of a damaged file into a fresh one, and leaves the damaged one as it is.
 *
 * Tables are read by row id from both ends; the stretch between, where reading fails, is halved until single rows are
 * left. `finish` then puts the fresh file in order, in one transaction. Tables without row ids are made empty.
 *
 * Throws `ConfigError` `LVG_SQLITE_PATH` when `path` is absent or `out` is taken, `LovageError`
 * `LVG_SQLITE_UNRECOVERABLE` when not even the list of tables can be read.
 */
export function salvage(path: string, out: string, finish: (db: Database) => void): readonly SalvagedTable[] {
  if (!existsSync(path)) throw new ConfigError('LVG_SQLITE_PATH', `There is no file ${path} to recover.`)
  if (existsSync(out))
    throw new ConfigError('LVG_SQLITE_PATH', `${out} exists already; name a new file to recover into.`)
  const copy = `${out}.copy`
  const parts = ['', '-wal'].filter(ending => existsSync(path + ending))
  try {
    for (const ending of parts) copyFileSync(path + ending, copy + ending, constants.COPYFILE_EXCL)
    closeSync(openSync(out, 'wx', 0o600))
    return copyReadable(path, copy, out, finish)
  } finally {
    for (const ending of ['', '-wal', '-shm']) rmSync(copy + ending, { force: true })
  }
}

function copyReadable(path: string, copy: string, out: string, finish: (db: Database) => void): SalvagedTable[] {
  const source = openDamaged(path, copy)
  const target = new Database(out, { durability: 'full' })
  try {
    const schema = readSchema(path, source)
    const salvaged = target.transaction(() => {
      const tables = schema.filter(entry => entry.type === 'table')
      for (const table of tables) target.exec(table.sql)
      const salvaged = tables
        .filter(table => !/\bWITHOUT\s+ROWID\b/i.test(table.sql))
        .map(table => new TableSalvage(source, target, table.name).run())
      for (const entry of schema) if (entry.type !== 'table') target.exec(entry.sql)
      finish(target)
      return salvaged
    })
    // So that the fresh file is whole without its WAL.
    target.get('PRAGMA wal_checkpoint(TRUNCATE)')
    return salvaged
  } finally {
    source.close()
    target.close()
  }
}

type SchemaRow = { readonly type: string; readonly name: string; readonly sql: string }

function openDamaged(path: string, copy: string): Database {
  try {
    return new Database(copy, { durability: 'os' })
  } catch (cause) {
    throw unrecoverable(path, cause)
  }
}

function readSchema(path: string, source: Database): readonly SchemaRow[] {
  try {
    return source.all<SchemaRow>(
      "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
    )
  } catch (cause) {
    throw unrecoverable(path, cause)
  }
}

function unrecoverable(path: string, cause: unknown): LovageError {
  return new LovageError(
    'LVG_SQLITE_UNRECOVERABLE',
    `Nothing can be recovered from ${path}: not even its list of tables is readable. Restore it from a backup.`,
    { cause },
  )
}

/** One table's way from the damaged file into the fresh one. Row ids are positive and below 2^53. */
class TableSalvage {
  readonly #source: Database
  readonly #target: Database
  readonly #table: string
  readonly #name: string
  #rows = 0
  #failures = 0

  constructor(source: Database, target: Database, name: string) {
    this.#source = source
    this.#target = target
    this.#name = name
    this.#table = `"${name.replaceAll('"', '""')}"`
  }

  run(): SalvagedTable {
    const lower = this.#walk(0, Number.MAX_SAFE_INTEGER, 'ASC')
    if (lower !== undefined) this.#beyond(lower)
    return { name: this.#name, rows: this.#rows, complete: this.#failures === 0 }
  }

  /** The rest of a table whose rows after `lower` cannot be read from below. */
  #beyond(lower: number): void {
    const upper = this.#walk(lower, Number.MAX_SAFE_INTEGER, 'DESC')
    if (upper === undefined) return
    // When its end is unreadable, too, nothing tells how far the table goes.
    this.#halves(lower, upper === Number.MAX_SAFE_INTEGER ? lower + LAST_STRETCH : upper)
  }

  /** Everything readable with a row id above `low` and below `high`. */
  #between(low: number, high: number): void {
    const lower = this.#walk(low, high, 'ASC')
    if (lower === undefined) return
    const upper = this.#walk(lower, high, 'DESC')
    if (upper !== undefined) this.#halves(lower, upper)
  }

  #halves(lower: number, upper: number): void {
    if (upper - lower <= 2 || this.#failures > MAX_FAILURES) return
    const middle = Math.floor((lower + upper) / 2)
    this.#between(lower, middle + 1)
    this.#between(middle, upper)
  }

  /** Copies from one end until reading fails; returns the last row id that was read, undefined when all were. */
  #walk(low: number, high: number, direction: 'ASC' | 'DESC'): number | undefined {
    let from = direction === 'ASC' ? low : high
    for (let size = BATCH; ; ) {
      const rows =
        direction === 'ASC' ? this.#read(from, high, direction, size) : this.#read(low, from, direction, size)
      if (rows === undefined) {
        if (size === 1) return from
        size = 1
        continue
      }
      for (const row of rows) this.#keep(row)
      if (rows.length < size) return undefined
      from = Number(rows.at(-1)?.['lovage_row'])
    }
  }

  #read(low: number, high: number, direction: 'ASC' | 'DESC', size: number): SqlRow[] | undefined {
    try {
      // A table's name cannot be a parameter; it is quoted, and comes from the file's own schema.
      return this.#source.all(
        `SELECT rowid AS lovage_row, * FROM ${this.#table} WHERE rowid > ?1 AND rowid < ?2 ORDER BY rowid ${direction} LIMIT ?3`,
        low,
        high,
        size,
      )
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error
      this.#failures++
      return undefined
    }
  }

  #keep({ lovage_row: id, ...row }: SqlRow): void {
    const columns = Object.keys(row)
    const names = columns.map(column => `"${column.replaceAll('"', '""')}"`).join(', ')
    const marks = columns.map((_, index) => `?${index + 2}`).join(', ')
    // A row may be met from both ends.
    this.#rows += this.#target.run(
      `INSERT OR IGNORE INTO ${this.#table} (rowid, ${names}) VALUES (?1, ${marks})`,
      id as SqlValue,
      ...Object.values(row),
    )
  }
}
