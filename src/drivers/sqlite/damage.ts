import { closeSync, openSync, readSync } from 'node:fs'
import { SqliteError } from '../errors.js'
import { type Engine, openEngine } from './engine.js'

/** SQLite's primary result code for whatever the disk refused. */
const IOERR = 10
/** Lines of quick_check: enough to meet one that names the disk. */
const LINES = 100
const PIECE = 1024 * 1024

/**
 * Whether a file of which SQLite said that it is malformed is. SQLite says the same of a read that the disk refused
 * (`SQLITE_IOERR_CORRUPTFS`), of which nothing is wrong with the file, and which may succeed a moment later.
 *
 * Reads the whole file. False also when it cannot be told now.
 */
export function isDamaged(path: string): boolean {
  // Before and after: the disk may have come to itself between.
  return !refusesLog(path) && fails(path) && !refusesLog(path)
}

/** The log is read past SQLite, because libsql says nothing of a part of it that the disk refuses. SQLite locks nothing in it. */
function refusesLog(path: string): boolean {
  const piece = new Uint8Array(PIECE)
  let file: number | undefined
  try {
    file = openSync(`${path}-wal`, 'r')
    for (let at = 0, read = -1; read !== 0; at += read) read = readSync(file, piece, 0, PIECE, at)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** What a new connection, which remembers nothing, finds in it. */
function fails(path: string): boolean {
  let engine: Engine | undefined
  try {
    engine = openEngine(path)
    const lines = engine.prepare(`PRAGMA quick_check(${LINES})`).all([])
    return isFault(lines.map(line => String(Object.values(line)[0])))
  } catch (error) {
    return !(error instanceof SqliteError) || error.damaged
  } finally {
    engine?.close()
  }
}

/** Not where it could not read a page: "unable to get the page. error code=8458". */
function isFault(lines: readonly string[]): boolean {
  if (lines.length === 1 && lines[0] === 'ok') return false
  return !lines.some(line => (Number(/error code=(\d+)/.exec(line)?.[1] ?? 0) & 0xff) === IOERR)
}
