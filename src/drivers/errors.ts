import { LovageError } from '../lib/errors.js'

/**
 * SQLite's primary result codes that somebody decides by; all others are `ERROR`. Ours: `GONE`, the file was removed or
 * replaced under us; `THREAD`, the thread with the connection ended.
 */
export type SqliteCode =
  | 'BUSY'
  | 'CANTOPEN'
  | 'CONSTRAINT'
  | 'CORRUPT'
  | 'ERROR'
  | 'FULL'
  | 'GONE'
  | 'IOERR'
  | 'NOTADB'
  | 'READONLY'
  | 'THREAD'

/** What SQLite said. `code` is `LVG_SQLITE_<sqlite>`. */
export class SqliteError extends LovageError {
  override readonly name: string = 'SqliteError'
  readonly sqlite: SqliteCode

  constructor(sqlite: SqliteCode, message: string, options?: { readonly cause?: unknown }) {
    super(`LVG_SQLITE_${sqlite}`, message, options)
    this.sqlite = sqlite
  }

  /** The file takes no writes now, but may again without anybody restarting us: disk full, I/O error, read-only (D3c). */
  get unwritable(): boolean {
    return this.sqlite === 'FULL' || this.sqlite === 'IOERR' || this.sqlite === 'READONLY'
  }

  /** The file's content cannot be trusted any more (D3d). */
  get damaged(): boolean {
    return this.sqlite === 'CORRUPT' || this.sqlite === 'NOTADB'
  }

  /** What to do about it, as sentences to go behind others; empty where there is nothing particular to say. */
  get remedy(): string {
    switch (this.sqlite) {
      case 'FULL':
        return ' Make room on its disk; work goes on by itself then.'
      case 'READONLY':
        return ' Make the file and its folder writable; work goes on by itself then.'
      case 'IOERR':
        return ' Look at its disk.'
      case 'BUSY':
        return ' Another process holds its lock for very long; find out which.'
      case 'CORRUPT':
      case 'NOTADB':
        return ' Start again: the file is checked and, if damaged, kept aside for "lovage sqlite recover".'
      default:
        return ''
    }
  }
}

/**
 * A damaged SQLite file was found and renamed to `aside` (D3d); undefined when it could not be renamed. Whoever runs as
 * a process ends with exit code 74.
 */
export class SqliteDamagedError extends LovageError {
  override readonly name = 'SqliteDamagedError'
  readonly path: string
  readonly aside: string | undefined

  constructor(path: string, aside: string | undefined, options?: { readonly cause?: unknown }) {
    super('LVG_SQLITE_DAMAGED', damage(path, aside), options)
    this.path = path
    this.aside = aside
  }
}

function damage(path: string, aside: string | undefined): string {
  if (aside === undefined) {
    return `The SQLite file ${path} is damaged and could not be renamed aside. Stop every process that uses it, move it away, then run "lovage sqlite recover FILE" on it to salvage what is readable.`
  }
  return `The SQLite file ${path} was damaged; it was kept as ${aside}. Run "lovage sqlite recover ${aside}" to salvage what is readable, then start again.`
}

/**
 * What went wrong at a Redis server, by what somebody has to do about it: `AUTH` wrong or missing password, `DENIED` a
 * missing right, `DATABASE` no such database, `UNREACHABLE` no connection, `TLS` no secure one, `NO_MASTER` sentinels name
 * none, `READONLY` a replica, `LOADING` not ready yet, `CLUSTER` a cluster, `FORGOTTEN` others took us for dead, `FULL` no memory, `UNWRITABLE` cannot be kept as
 * configured, `WIPED` its data are gone, `WRONG_TYPE` a key that something else uses, `LOST` the connection ended, `SILENT` no answer, `CLOSED` closed by
 * us; all others are `ERROR`.
 */
export type RedisCode =
  | 'AUTH'
  | 'CLOSED'
  | 'CLUSTER'
  | 'DATABASE'
  | 'DENIED'
  | 'ERROR'
  | 'FORGOTTEN'
  | 'FULL'
  | 'LOADING'
  | 'LOST'
  | 'NO_MASTER'
  | 'READONLY'
  | 'SILENT'
  | 'TLS'
  | 'UNREACHABLE'
  | 'UNWRITABLE'
  | 'WIPED'
  | 'WRONG_TYPE'

/** What Redis said, or what happened on the way to it. `code` is `LVG_REDIS_<redis>`. */
export class RedisError extends LovageError {
  override readonly name = 'RedisError'
  readonly redis: RedisCode

  constructor(redis: RedisCode, message: string, options?: { readonly cause?: unknown }) {
    super(`LVG_REDIS_${redis}`, message, options)
    this.redis = redis
  }

  /** Waiting may help, without anybody changing rights, passwords, certificates or URLs. */
  get transient(): boolean {
    return !PERMANENT.has(this.redis)
  }

  /** The connection, or what stands behind it, is of no use any more: connect again (D39). */
  get fatal(): boolean {
    return FATAL.has(this.redis)
  }

  /** The command certainly did nothing: it never left, or it was refused. */
  get refused(): boolean {
    return this.redis !== 'LOST' && this.redis !== 'SILENT' && this.redis !== 'ERROR'
  }
}

const PERMANENT: ReadonlySet<RedisCode> = new Set(['AUTH', 'CLUSTER', 'DATABASE', 'DENIED', 'TLS'])
const FATAL: ReadonlySet<RedisCode> = new Set(['AUTH', 'CLOSED', 'CLUSTER', 'LOADING', 'LOST', 'READONLY', 'SILENT'])
