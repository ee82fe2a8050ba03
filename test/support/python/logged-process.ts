import { type ChildProcess, spawn } from 'node:child_process'

export interface LoggedProcessOptions {
  readonly cwd?: string
  /** Beside the path, the home and what names a locale. */
  readonly env?: Readonly<Record<string, string>>
}

/** How long a peer may take to come up, and to go, on a machine that others use, too. */
const START_MS = 120_000
const STOP_MS = 60_000
const KEPT = 60_000

/**
 * A subprocess with its output kept for the error that a failed test throws. Ends by SIGTERM when disposed, by SIGKILL
 * when that does not help, and with this process at the latest.
 */
export class LoggedProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly name: string
  readonly ended: Promise<void>
  #log = ''
  #over = false
  readonly #lookers = new Set<() => void>()
  readonly #kill = (): void => void this.child.kill('SIGKILL')

  constructor(name: string, command: readonly string[], options: LoggedProcessOptions = {}) {
    this.name = name
    const [program = '', ...args] = command
    const { PATH = '', HOME = '/', LANG = 'C.UTF-8' } = process.env
    this.child = spawn(program, args, {
      cwd: options.cwd,
      env: { PATH, HOME, LANG, PYTHONDONTWRITEBYTECODE: '1', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#add(text))
    }
    this.child.on('error', error => this.#add(`${error}\n`))
    process.once('exit', this.#kill)
    this.ended = new Promise(resolve => {
      this.child.once('close', (code, signal) => {
        this.#over = true
        this.#add(`\n${name} ended: ${signal ?? code}\n`)
        resolve()
      })
    })
  }

  /** The end of what it has written. */
  get log(): string {
    return this.#log
  }

  /** Resolves when the log holds the pattern. */
  says(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        this.#lookers.delete(look)
        clearTimeout(late)
        settle()
      }
      const look = (): void => {
        if (pattern.test(this.#log)) done(resolve)
        else if (this.#over) done(() => reject(this.trouble(`has ended without saying ${pattern}`)))
      }
      const late = setTimeout(
        () => done(() => reject(this.trouble(`does not say ${pattern} within ${START_MS / 1000} s`))),
        START_MS,
      )
      this.#lookers.add(look)
      look()
    })
  }

  trouble(what: string): Error {
    return new Error(`${this.name} ${what}; its log:\n${this.#log.slice(-8000)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS)
    if (!this.#over) this.child.kill('SIGTERM')
    await this.ended
    clearTimeout(late)
    process.removeListener('exit', this.#kill)
  }

  #add(text: string): void {
    this.#log = (this.#log + text).slice(-KEPT)
    for (const look of [...this.#lookers]) look()
  }
}
