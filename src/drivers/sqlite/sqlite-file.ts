import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigError } from '../../lib/errors.js'
import { SqliteError } from '../errors.js'
import { openEngine } from './engine.js'
import { networkFilesystem } from './network-filesystem.js'

/** `application_id` of a file that Lovage made: `LVGE`. Files of others with an id of their own are refused. */
export const APPLICATION_ID = 0x4c564745

/** Which file a path named when it was opened. */
export interface FileIdentity {
  readonly device: number
  readonly inode: number
}

/**
 * Checks a path before SQLite sees it, and creates the file (readable by its owner only) when absent.
 *
 * Throws `ConfigError` for what a person must mend: `LVG_SQLITE_PATH` (a folder, no folder to put it in, no right to
 * write there), `LVG_SQLITE_NETWORK_FILESYSTEM` (D3e), `LVG_SQLITE_FOREIGN_FILE` (no SQLite file, or another program's).
 * Throws `SqliteError` `CORRUPT` when the file was ours and its first page is not readable any more.
 */
export function prepareFile(path: string, options: { readonly allowNetworkFilesystem: boolean }): FileIdentity {
  const folder = dirname(resolve(path))
  const stats = lookAt(path)
  if (stats?.isDirectory()) throw pathError(`${path} is a folder; name a file in it.`)
  if (!existsSync(folder))
    throw pathError(`${path} cannot be opened: the folder ${folder} does not exist. Create it first.`)
  if (!options.allowNetworkFilesystem) refuseNetwork(path, folder)
  // WAL needs two files beside the database, so the folder counts too.
  if (!allows(folder, constants.W_OK | constants.X_OK)) {
    throw pathError(`${path} cannot be used: this process may not write to the folder ${folder}.`)
  }
  if (stats === undefined) {
    dropCompanions(path)
    create(path)
  } else checkContent(path, stats)
  const made = statSync(path)
  return { device: made.dev, inode: made.ino }
}

/** The file that a path names, whoever made it. Throws `ConfigError` `LVG_SQLITE_PATH` when there is none that can be read. */
export function existingFile(path: string): FileIdentity {
  const stats = lookAt(path)
  if (stats === undefined) throw pathError(`${path} is not there.`)
  if (!stats.isFile()) throw pathError(`${path} is not a regular file.`)
  if (!allows(path, constants.R_OK)) throw pathError(`${path} cannot be used: this process may not read it.`)
  return { device: stats.dev, inode: stats.ino }
}

/** Undefined when the path names nothing. */
export function identityOf(path: string): FileIdentity | undefined {
  const stats = lookAt(path)
  return stats === undefined ? undefined : { device: stats.dev, inode: stats.ino }
}

/** The write-ahead log that SQLite keeps beside a file. */
export function walPath(path: string): string {
  return `${path}-wal`
}

/** False when the path names another file by now, or none. */
export function isStill(path: string, identity: FileIdentity): boolean {
  const stats = lookAt(path)
  return stats !== undefined && stats.ino === identity.inode && stats.dev === identity.device
}

/**
 * Renames a damaged file and its companions to `<path>.damaged-<epoch ms>` (D3d). Undefined when the path names another
 * file by now (somebody else did it first), or renaming failed.
 */
export function setAside(path: string, identity: FileIdentity | undefined, now: number): string | undefined {
  if (identity !== undefined && !isStill(path, identity)) return undefined
  const aside = `${path}.damaged-${Math.floor(now)}`
  try {
    renameSync(path, aside)
  } catch {
    return undefined
  }
  for (const ending of ['-wal', '-shm']) {
    if (existsSync(path + ending)) renameSync(path + ending, aside + ending)
  }
  return aside
}

/** Endings of the wake signals of everything that keeps a SQLite file (`HostOptions.wakeName`). */
export const WAKE_NAMES = ['wake', 'wake-results'] as const
export type WakeName = (typeof WAKE_NAMES)[number]

/** The file that carries the wake signal. Its presence also tells that the file beside it was made by us. */
export function wakePath(path: string, name: WakeName): string {
  return join(dirname(path), `${basename(path)}-${name}`)
}

/**
 * What a file that was moved away has left beside its old name. SQLite would take it for the new file's: it would work in the
 * memory that connections to the moved file share, and cut it short under them, which ends their process (SIGBUS).
 */
function dropCompanions(path: string): void {
  const companions = ['-wal', '-shm'].map(ending => ({ name: path + ending, identity: identityOf(path + ending) }))
  // Seen while there was no file: none of them belongs to one that somebody makes meanwhile.
  if (lookAt(path) !== undefined) return
  for (const { name, identity } of companions) {
    if (identity === undefined) continue
    const aside = `${name}.old-${process.pid}-${identity.inode}`
    try {
      renameSync(name, aside)
      if (isStill(aside, identity)) unlinkSync(aside)
      else renameSync(aside, name)
    } catch (error) {
      // Somebody else was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw pathError(`${name} cannot be removed.`, error)
    }
  }
}

function create(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    // Another process was quicker.
    if (code === 'EEXIST') return
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new SqliteError('FULL', `No space to create ${path}.`, { cause })
    throw pathError(`${path} cannot be created (${code}).`, cause)
  }
}

function checkContent(path: string, stats: Stats): void {
  if (!stats.isFile()) throw pathError(`${path} is not a regular file.`)
  if (!allows(path, constants.R_OK | constants.W_OK)) {
    throw pathError(`${path} cannot be used: this process may not read and write it.`)
  }
  const wake = WAKE_NAMES.map(name => lookAt(wakePath(path, name))).find(found => found !== undefined)
  if (stats.size === 0) {
    // A new file may stand beside the signal of an older one; a used file was there before its signal.
    if (wake === undefined || stats.birthtimeMs >= wake.birthtimeMs) return
    throw new SqliteError('CORRUPT', `${path} is empty but has been used before.`)
  }
  const id = applicationId(path)
  if (id === undefined) {
    if (wake !== undefined) throw new SqliteError('CORRUPT', `${path} has lost its first page.`)
    throw notOurs(`${path} is not a SQLite file. Name another file, or move this one away.`)
  }
  // 0: unset, as in result databases that Celery made; those are shared.
  if (id !== 0 && id !== APPLICATION_ID) {
    throw foreignFile(path, id)
  }
}

/** How long SQLite waits for the locks of others before it says BUSY. */
const PATIENCE_MS = 5000

/**
 * The id that programs leave in their SQLite files; undefined when the file is none. Asked through SQLite: to open and
 * close the file by any other way would release every lock this process holds on it (that is how POSIX locks are), and
 * the next process to close the file would take the write-ahead log away from under our connections.
 */
function applicationId(path: string): number | undefined {
  const engine = openEngine(path)
  try {
    engine.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`)
    return Number(engine.prepare('PRAGMA application_id').get([])?.['application_id'] ?? 0)
  } catch (error) {
    if (error instanceof SqliteError && error.sqlite === 'NOTADB') return undefined
    throw error
  } finally {
    engine.close()
  }
}

function refuseNetwork(path: string, folder: string): void {
  const type = networkFilesystem(folder)
  if (type === undefined) return
  throw new ConfigError(
    'LVG_SQLITE_NETWORK_FILESYSTEM',
    `${path} is on a network file system (${type}), where SQLite's locks and WAL are not dependable. Use a local disk, or set allowNetworkFilesystem if you are sure that only one machine uses it.`,
  )
}

function pathError(message: string, cause?: unknown): ConfigError {
  return new ConfigError('LVG_SQLITE_PATH', message, { cause })
}

/** A SQLite file that another program made. */
export function foreignFile(path: string, applicationId: number): ConfigError {
  return notOurs(`${path} is the SQLite file of another program (application id ${applicationId}). Name another file.`)
}

function notOurs(message: string): ConfigError {
  return new ConfigError('LVG_SQLITE_FOREIGN_FILE', message)
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
