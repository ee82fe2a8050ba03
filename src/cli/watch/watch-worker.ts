import type { ChildProcess } from 'node:child_process'
import { relative } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EXIT, type ExitCode, exitBySignal, type SignalName } from '../exit-code.js'
import type { Io } from '../io.js'
import { type Output, outside } from '../output.js'
import { startAgain } from '../own-process.js'
import { changedFiles, type Snapshot, takeSnapshot } from './snapshot.js'

/** Between two looks at the files. */
const EVERY_MS = 300

/** Running tasks may finish for so long after a change; then they are interrupted. */
const PATIENCE_MS = 10_000

/**
 * For development: runs this command line in a child process and starts it anew, warm, whenever a source file below
 * `folder` changes. A worker that cannot start, for example for a syntax error, is started again at the next change. Ends
 * when the worker ends well, or by signal.
 */
export async function watchWorker(folder: string, out: Output, io: Io): Promise<ExitCode> {
  let child: Child | undefined
  let told: SignalName | undefined
  using _signals = io.onSignal(signal => {
    told = signal === 'SIGUSR1' || signal === 'SIGUSR2' ? told : signal
    // A terminal tells its whole group by itself.
    if (signal !== 'SIGINT' || !io.isTty.stdin) child?.kill(signal)
  })
  for (let files = takeSnapshot(folder); told === undefined; ) {
    child = new Child()
    const event = await Promise.race([child.ended, nextChange(files, folder, () => child?.isOver !== false)])
    if (event.kind === 'ended') {
      if (told !== undefined || event.code === EXIT.ok) return event.code
      out.remark(`watch: the worker has ended with status ${event.code}; waiting for a change.`)
      const change = await nextChange(files, folder, () => told !== undefined)
      files = change.files
    } else {
      files = event.files
      out.remark(`watch: ${shown(event.changed, folder)} changed; starting anew.`)
      await child.stop()
    }
  }
  return child === undefined ? exitBySignal(told) : (await child.ended).code
}

interface Change {
  readonly kind: 'changed'
  readonly files: Snapshot
  readonly changed: readonly string[]
}

/** Resolves when files have changed and are left alone again, or, with none, when `isOver`. */
async function nextChange(before: Snapshot, folder: string, isOver: () => boolean): Promise<Change> {
  for (;;) {
    await pause(EVERY_MS)
    let files = takeSnapshot(folder)
    const changed = changedFiles(before, files)
    if (changed.length === 0 && !isOver()) continue
    for (let again = true; again; ) {
      await pause(EVERY_MS)
      const next = takeSnapshot(folder)
      again = changedFiles(files, next).length > 0
      files = next
    }
    return { kind: 'changed', files, changed: changedFiles(before, files) }
  }
}

class Child {
  readonly ended: Promise<{ readonly kind: 'ended'; readonly code: ExitCode }>
  readonly #process: ChildProcess
  isOver = false

  constructor() {
    this.#process = startAgain('watched', { stdio: 'inherit' })
    this.ended = new Promise(resolve => {
      const end = (code: ExitCode): void => {
        this.isOver = true
        resolve({ kind: 'ended', code })
      }
      this.#process.once('error', () => end(EXIT.io))
      this.#process.once('exit', (code, by) => end(code ?? exitBySignal((by ?? 'SIGTERM') as SignalName)))
    })
  }

  kill(signal: SignalName): void {
    this.#process.kill(signal)
  }

  /** Warm, then cold. */
  async stop(): Promise<void> {
    this.kill('SIGTERM')
    const cold = setTimeout(() => this.kill('SIGQUIT'), PATIENCE_MS)
    await this.ended
    clearTimeout(cold)
  }
}

function shown(changed: readonly string[], folder: string): string {
  const [first = ''] = changed
  const more = changed.length > 1 ? ` and ${changed.length - 1} more` : ''
  return `${outside(relative(folder, first))}${more}`
}
