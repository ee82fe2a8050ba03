import { closeSync, constants, linkSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { CommandError } from './errors.js'
import { EXIT } from './exit-code.js'

/**
 * Writes `pid` to a file that exists as long as the process works; whoever comes second is turned away. A file left by
 * a process that is gone (or that says our own pid, as after a container's restart) is replaced. Dispose to remove it;
 * one that somebody else has taken over meanwhile stays.
 *
 * @throws CommandError `LVG_PID_FILE_HELD` (exit 73), `LVG_PID_FILE` (exit 74)
 */
export function takePidFile(path: string, pid: number, isAlive: (pid: number) => boolean): Disposable {
  if (!create(path, pid)) {
    const holder = readPid(path)
    if (holder !== undefined && holder !== pid && isAlive(holder)) throw held(path, holder)
    clearStale(path, pid, holder)
    if (!create(path, pid)) throw held(path, readPid(path))
  }
  return {
    [Symbol.dispose]: () => {
      if (readPid(path) === pid) remove(path)
    },
  }
}

function create(path: string, pid: number): boolean {
  try {
    const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o644)
    try {
      writeSync(file, `${pid}\n`)
    } catch (error) {
      // An empty one would tell nobody anything.
      remove(path)
      throw error
    } finally {
      closeSync(file)
    }
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(
      'LVG_PID_FILE',
      `The pid file ${JSON.stringify(path)} cannot be written (${reason}); name a file in a folder this user may write to.`,
      {
        exitCode: EXIT.io,
        cause,
      },
    )
  }
}

/** Two that find the same stale file at once: the slower one would clear the file of the faster, so it looks at what it took. */
function clearStale(path: string, pid: number, holder: number | undefined): void {
  const aside = `${path}.${pid}.stale`
  try {
    renameSync(path, aside)
  } catch {
    return
  }
  const taken = readPid(aside)
  if (taken !== holder) linkSync(aside, path)
  remove(aside)
  if (taken !== holder) throw held(path, taken)
}

function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^\d{1,10}$/.test(text) ? Number(text) : undefined
  } catch {
    return undefined
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Gone already: what was wanted.
  }
}

function held(path: string, holder: number | undefined): CommandError {
  const who = holder === undefined ? 'Another process' : `Process ${holder}`
  return new CommandError(
    'LVG_PID_FILE_HELD',
    `${who} holds the pid file ${JSON.stringify(path)} and is alive; stop it first, or give this worker a pid file of its own (--pidfile %n.pid).`,
    { exitCode: EXIT.pidFileHeld },
  )
}
