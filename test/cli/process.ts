import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

/** The compiled command, beside these compiled tests. */
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.js')

const DEADLINE_MS = 90_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface LovageProcessOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Default: the `lovage` command. */
  readonly script?: string
  /** Words before it all, such as those of a shell that sets limits. */
  readonly under?: readonly string[]
}

/** A `lovage` process, and what it has written so far. Killed when disposed. */
export class LovageProcess implements Disposable {
  readonly #child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''
  readonly #waiters = new Set<() => void>()

  constructor(words: readonly string[], options: LovageProcessOptions) {
    const { PATH = '' } = process.env
    const [program = '', ...args] = [...(options.under ?? []), process.execPath, options.script ?? MAIN, ...words]
    this.#child = spawn(program, args, {
      cwd: options.cwd,
      env: { PATH, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#look()
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#look()
    })
    this.ended = new Promise(resolve => this.#child.once('close', (code, signal) => resolve({ code, signal })))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resolves when standard output or error holds the pattern; rejects at the end of the process or of patience. */
  says(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        this.#waiters.delete(look)
        clearTimeout(late)
        settle()
      }
      const look = (): void => {
        if (pattern.test(this.stdout) || pattern.test(this.stderr)) done(resolve)
      }
      const fail = (why: string): void =>
        done(() => reject(new Error(`${pattern}: ${why}\n${this.stdout}\n${this.stderr}`)))
      const late = setTimeout(() => fail('not within the deadline'), DEADLINE_MS)
      this.#waiters.add(look)
      void this.ended.then(() => fail('the process has ended'))
      look()
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Its end, or an error when it does not come. */
  async end(): Promise<Ended> {
    let late: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      late = setTimeout(() => reject(new Error(`still running\n${this.stdout}\n${this.stderr}`)), DEADLINE_MS)
    })
    try {
      return await Promise.race([this.ended, deadline])
    } finally {
      clearTimeout(late)
    }
  }

  #look(): void {
    for (const look of [...this.#waiters]) look()
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL')
  }
}
