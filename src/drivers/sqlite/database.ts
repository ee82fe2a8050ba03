import type { Ms } from '../../lib/time.js'
import { SqliteError } from '../errors.js'
import { isDamaged } from './damage.js'
import { type Engine, type EngineStatement, openEngine, type SqlRow, type SqlValue } from './engine.js'
import { LockWait } from './lock-wait.js'

export type { SqlRow, SqlValue } from './engine.js'

/** `full`: a commit survives power loss. `os`: the last moments may be lost then, the file stays sound (D12). */
export type Durability = 'full' | 'os'

export interface DatabaseOptions {
  readonly durability: Durability
  /** How long another connection's lock is waited for. Default 5,000 ms. */
  readonly busyTimeoutMs?: Ms
  /** Lets that time pass, meanwhile. Default: the thread sleeps. */
  readonly pause?: (time: Ms) => void
  /** The file is somebody else's: its journal stays as it is, and so does the durability its owner has chosen. Default false. */
  readonly guest?: boolean
}

const BUSY_TIMEOUT: Ms = 5000
/** WAL pages (4 KiB) after which a commit also checkpoints. */
const WAL_PAGES = 2000
/** The WAL file is cut back to this after a checkpoint, bytes. */
const WAL_BYTES = 16 * 1024 * 1024

/**
 * One synchronous connection to one SQLite file, on whichever SQLite this Node has. It belongs on a thread of its own
 * (host.ts), save in tests and simulation. Every method throws `SqliteError`.
 *
 * Parameters are positional (`?1`, `?2`, …). Rows are objects; blobs are `Uint8Array`; integers are numbers, and one
 * beyond 2^53 throws rather than come back rounded. Each SQL text is prepared once and kept: texts come from `.sql`
 * files, so there are few; never build them.
 */
export class Database {
  readonly path: string
  readonly #options: DatabaseOptions
  readonly #wait: LockWait
  #engine: Engine
  readonly #statements = new Map<string, EngineStatement>()
  #durability: Durability
  #inside = false
  #open = true
  #doubtful = false
  #connections = 1

  constructor(path: string, options: DatabaseOptions) {
    this.path = path
    this.#options = options
    this.#durability = options.durability
    this.#wait = new LockWait(options.busyTimeoutMs ?? BUSY_TIMEOUT, options.pause)
    this.#engine = configured(path, options)
  }

  /** Runs any number of statements without parameters, and waits for no lock: within a transaction, or in a file of one's own. */
  exec(sql: string): void {
    this.#engine.exec(sql)
  }

  /** Returns the number of changed rows. */
  run(sql: string, ...params: readonly SqlValue[]): number {
    return this.#asked(() => this.#prepared(sql).run(params))
  }

  get<R extends SqlRow>(sql: string, ...params: readonly SqlValue[]): R | undefined {
    // The caller names the columns of the SQL it wrote.
    return this.#asked(() => this.#prepared(sql).get(params) as R | undefined)
  }

  all<R extends SqlRow>(sql: string, ...params: readonly SqlValue[]): R[] {
    return this.#asked(() => this.#prepared(sql).all(params) as R[])
  }

  /**
   * `BEGIN IMMEDIATE` … `COMMIT`; rolled back when `work` or the commit throws. Inside another one: part of that one.
   * `durability`: the connection's own, or `os` for what may be lost with the power; a later commit that is `full` keeps it, too.
   */
  transaction<T>(work: () => T, durability: Durability = this.#options.durability): T {
    if (!this.#inside && this.#options.guest !== true) this.#commitBy(durability)
    return this.#within('BEGIN IMMEDIATE', work)
  }

  /** One consistent view for several reads. */
  snapshot<T>(work: () => T): T {
    return this.#within('BEGIN', work)
  }

  /** Differs from every earlier one when another connection has committed since. */
  dataVersion(): string {
    const version = this.get('PRAGMA data_version')?.['data_version']
    // SQLite counts for each connection, from the start: after an I/O error it is another one.
    return `${this.#connections}.${version}`
  }

  /** Reads every page's structure; throws `SqliteError` `CORRUPT` with what was found. */
  quickCheck(): void {
    const found = this.all('PRAGMA quick_check(5)').map(row => String(Object.values(row)[0]))
    if (found.length === 1 && found[0] === 'ok') return
    throw honest(new SqliteError('CORRUPT', `SQLite: quick_check of ${this.path}: ${found.join('; ')}`), this.path)
  }

  close(): void {
    this.#doubtful = false
    this.#shut()
  }

  #shut(): void {
    if (!this.#open) return
    this.#open = false
    this.#statements.clear()
    this.#engine.close()
  }

  /** SQLite heeds this pragma when it compiles it, so it is never kept as a statement. */
  #commitBy(durability: Durability): void {
    if (durability === this.#durability) return
    this.#asked(() => this.#engine.exec(`PRAGMA ${synchronous(durability)}`))
    this.#durability = durability
  }

  #within<T>(begin: string, work: () => T): T {
    if (this.#inside) return work()
    this.run(begin)
    this.#inside = true
    try {
      const value = work()
      this.run('COMMIT')
      return value
    } catch (error) {
      this.#rollback()
      throw error
    } finally {
      this.#inside = false
    }
  }

  #rollback(): void {
    try {
      this.run('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself: it does on FULL, IOERR and the like.
    }
  }

  /**
   * After an I/O error the connection's cache may still hold what was rolled back, because undoing it needs the disk as
   * well: a publish that was refused then looks like one that was accepted. Nothing but a new connection is sure of what
   * is in the file.
   */
  #asked<T>(act: () => T): T {
    if (this.#doubtful && !this.#inside) this.#reopen()
    try {
      return this.#wait.patiently(act)
    } catch (error) {
      const known = honest(error, this.path)
      if (known instanceof SqliteError && known.sqlite === 'IOERR') this.#doubtful = true
      throw known
    }
  }

  #reopen(): void {
    this.#shut()
    try {
      this.#engine = configured(this.path, this.#options)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new SqliteError('IOERR', `The file cannot be opened again: ${why}`, { cause })
    }
    this.#durability = this.#options.durability
    this.#connections++
    this.#open = true
    this.#doubtful = false
  }

  #prepared(sql: string): EngineStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#engine.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/** All set explicitly: builds differ in their defaults (D12). */
function configured(path: string, options: DatabaseOptions): Engine {
  const common = [
    `busy_timeout = ${options.busyTimeoutMs ?? BUSY_TIMEOUT}`,
    'trusted_schema = OFF',
    // `UPDATE … RETURNING` keeps its rows in a temporary table: on disk it costs twice the statement.
    'temp_store = MEMORY',
    'foreign_keys = ON',
  ]
  const own = [
    'journal_mode = WAL',
    synchronous(options.durability),
    `wal_autocheckpoint = ${WAL_PAGES}`,
    `journal_size_limit = ${WAL_BYTES}`,
  ]
  const opening = options.guest === true ? common : [...common, ...own]
  // From here on it is LockWait that waits.
  const pragmas = [...opening, 'busy_timeout = 0']
  const engine = openEngine(path)
  try {
    for (const pragma of pragmas) engine.prepare(`PRAGMA ${pragma}`).all([])
    return engine
  } catch (error) {
    engine.close()
    throw honest(error, path)
  }
}

function synchronous(durability: Durability): string {
  return `synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`
}

/** What SQLite calls damage and is trouble of the disk, told as that: it may pass (D3c). */
function honest(error: unknown, path: string): unknown {
  if (!(error instanceof SqliteError) || error.sqlite !== 'CORRUPT' || isDamaged(path)) return error
  return new SqliteError('IOERR', `The disk refused to read ${path}, which is not damaged.`, { cause: error })
}
