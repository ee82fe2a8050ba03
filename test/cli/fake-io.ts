import { resolve } from 'node:path'
import { COMMANDS } from '../../src/cli/commands.js'
import { Interrupted } from '../../src/cli/errors.js'
import type { ExitCode, SignalName } from '../../src/cli/exit-code.js'
import type { Io, TextSink, TextSource } from '../../src/cli/io.js'
import { runCommandLine } from '../../src/cli/run-command-line.js'
import type { FakeTerminal } from './fake-terminal.js'

export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What is typed or piped in. */
  readonly input?: string
  /** A person sits at the terminal. */
  readonly tty?: boolean
  readonly cwd?: string
  /** Screen and keyboard of the person at the terminal. */
  readonly terminal?: FakeTerminal
}

/** A process made of strings: what a command reads, and all that it wrote. */
export class FakeIo implements Io {
  readonly stdout: Recorder = new Recorder()
  readonly stderr: Recorder = new Recorder()
  readonly stdin: TextSource
  readonly isTty: Io['isTty']
  readonly env: Io['env']
  readonly nodeVersion: string = 'v20.19.0'
  /** Statuses given to `exit`. */
  readonly exits: ExitCode[] = []
  readonly #listeners = new Set<(signal: SignalName) => void>()
  readonly #abort = new AbortController()
  readonly #terminal: FakeTerminal | undefined
  #cwd: string

  constructor(options: FakeIoOptions = {}) {
    const tty = options.tty ?? false
    this.isTty = { stdin: tty, stdout: tty, stderr: false }
    this.env = options.env ?? {}
    this.stdin = textSource(options.input ?? '')
    this.#terminal = options.terminal
    this.#cwd = options.cwd ?? '/nowhere'
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  cwd(): string {
    return this.#cwd
  }

  changeFolder(path: string): void {
    this.#cwd = resolve(this.#cwd, path)
  }

  onSignal(listener: (signal: SignalName) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** Sends the command a signal. */
  raise(signal: SignalName): void {
    if (this.#listeners.size === 0) this.#abort.abort(new Interrupted(signal))
    for (const listener of [...this.#listeners]) listener(signal)
  }

  onStrayError(): Disposable {
    return { [Symbol.dispose]: () => {} }
  }

  terminal(): FakeTerminal | undefined {
    return this.#terminal
  }

  isProcessAlive(): boolean {
    return false
  }

  exit(code: ExitCode): void {
    this.exits.push(code)
  }
}

class Recorder implements TextSink {
  text = ''
  readonly #waiters: { readonly pattern: RegExp; done(): void }[] = []

  write(text: string): void {
    this.text += text
    for (const waiter of this.#waiters) if (waiter.pattern.test(this.text)) waiter.done()
  }

  /** Resolves when the pattern has been written. */
  has(pattern: RegExp): Promise<void> {
    if (pattern.test(this.text)) return Promise.resolve()
    return new Promise(done => this.#waiters.push({ pattern, done }))
  }
}

export interface Ran {
  readonly code: ExitCode
  readonly stdout: string
  readonly stderr: string
}

/** Runs `lovage …words` in this process. */
export async function lovage(words: readonly string[], options: FakeIoOptions | FakeIo = {}): Promise<Ran> {
  const io = options instanceof FakeIo ? options : new FakeIo(options)
  const code = await runCommandLine(words, io, { commands: COMMANDS, version: '1.2.3' })
  return { code, stdout: io.stdout.text, stderr: io.stderr.text }
}

function textSource(input: string): TextSource {
  let rest = input
  return {
    readLine: async () => {
      if (rest === '') return undefined
      const at = rest.indexOf('\n')
      const line = at < 0 ? rest : rest.slice(0, at)
      rest = at < 0 ? '' : rest.slice(at + 1)
      return line
    },
    readAll: async limit => {
      const all = rest
      rest = ''
      return Buffer.byteLength(all) > limit ? undefined : all
    },
  }
}
