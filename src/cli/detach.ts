import type { ChildProcess } from 'node:child_process'
import { chownSync, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { ConfigError } from '../lib/errors.js'
import { EXIT, type ExitCode, exitBySignal, type SignalName } from './exit-code.js'
import type { Io } from './io.js'
import type { Output } from './output.js'
import { startAgain } from './own-process.js'
import type { Rights } from './rights.js'

export interface DetachOptions {
  /** Absolute. Its log, and all that user code writes to the terminal it no longer has. */
  readonly logFile: string
  /** Whose file it shall be. */
  readonly rights: Rights | undefined
}

/** A broker that is away is waited for elsewhere. */
const PATIENCE_MS = 60_000

type Told = { readonly kind: 'ready' } | { readonly kind: 'late' } | { readonly kind: 'ended'; readonly code: ExitCode }

/**
 * Starts this command line again as a process without a terminal, in a session of its own, and waits until that works or
 * has failed: then it prints what was written meanwhile, and ends with the same status (S95).
 */
export async function detach({ logFile, rights }: DetachOptions, out: Output, io: Io): Promise<ExitCode> {
  const log = openLog(logFile, rights)
  const before = fstatSync(log).size
  const child = startAgain('detached', {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    // For a worker that was given none; an option comes first.
    env: { LOVAGE_WORKER_LOGFILE: logFile },
  })
  closeSync(log)
  const told = await outcome(child, io.signal)
  child.removeAllListeners()
  if (child.connected) child.disconnect()
  child.unref()
  switch (told.kind) {
    case 'ready':
      out.result({ pid: child.pid, logFile }, () => [`Started: process ${child.pid}, log ${logFile}.`])
      return EXIT.ok
    case 'late':
      out.warn(`process ${child.pid} is not ready after ${PATIENCE_MS / 1000} s and goes on trying; see ${logFile}`)
      return EXIT.ok
    case 'ended':
      io.stderr.write(readFileSync(logFile).subarray(before).toString('utf8'))
      return told.code
    default:
      return told satisfies never
  }
}

function outcome(child: ChildProcess, signal: AbortSignal): Promise<Told> {
  return new Promise(resolve => {
    const late = setTimeout(() => resolve({ kind: 'late' }), PATIENCE_MS)
    const settle = (told: Told): void => {
      clearTimeout(late)
      resolve(told)
    }
    signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true })
    child.once('message', () => settle({ kind: 'ready' }))
    child.once('error', () => settle({ kind: 'ended', code: EXIT.io }))
    child.once('exit', (code, by) =>
      settle({ kind: 'ended', code: code ?? exitBySignal((by ?? 'SIGTERM') as SignalName) }),
    )
  })
}

function openLog(path: string, rights: Rights | undefined): number {
  try {
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants
    const file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o640)
    if (rights !== undefined) chownSync(path, rights.user.uid, rights.gid)
    return file
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('LVG_LOG_FILE', `The log file ${path} cannot be opened: ${why}.`, { cause })
  }
}
