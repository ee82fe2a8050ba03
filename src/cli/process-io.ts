import { createInterface, type Interface } from 'node:readline'
import type { StrayErrorKind } from '../worker/stray-error.js'
import { Interrupted } from './errors.js'
import type { ExitCode, SignalName } from './exit-code.js'
import type { Io, Terminal, TextSink, TextSource } from './io.js'

const SIGNALS: readonly SignalName[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']

/** Those that end an ordinary command; the others are left to the system until somebody listens. */
const ENDING: readonly SignalName[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']

/** The real process. */
export class ProcessIo implements Io {
  readonly #process: NodeJS.Process
  readonly #listeners: ((signal: SignalName) => void)[] = []
  readonly #abort = new AbortController()
  readonly #stdout: StreamSink
  readonly #stderr: StreamSink
  readonly stdin: TextSource
  readonly isTty: Io['isTty']

  constructor(process: NodeJS.Process) {
    this.#process = process
    this.#stdout = new StreamSink(process.stdout, () => process.exit(0))
    this.#stderr = new StreamSink(process.stderr, () => {})
    this.stdin = new StreamSource(process.stdin)
    this.isTty = {
      stdin: process.stdin.isTTY === true,
      stdout: process.stdout.isTTY === true,
      stderr: process.stderr.isTTY === true,
    }
    for (const name of ENDING) process.on(name, this.#deliver)
  }

  get stdout(): TextSink {
    return this.#stdout
  }

  get stderr(): TextSink {
    return this.#stderr
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get env(): Io['env'] {
    return this.#process.env
  }

  get nodeVersion(): string {
    return this.#process.version
  }

  cwd(): string {
    return this.#process.cwd()
  }

  changeFolder(path: string): void {
    this.#process.chdir(path)
  }

  onSignal(listener: (signal: SignalName) => void): Disposable {
    this.#listeners.push(listener)
    // Without a listener SIGUSR1 would open Node's inspector (S97).
    for (const name of SIGNALS)
      if (!this.#process.listeners(name).includes(this.#deliver)) this.#process.on(name, this.#deliver)
    return {
      [Symbol.dispose]: () => {
        const at = this.#listeners.indexOf(listener)
        if (at >= 0) this.#listeners.splice(at, 1)
      },
    }
  }

  onStrayError(listener: (error: unknown, how: StrayErrorKind) => void): Disposable {
    const thrown = (error: unknown): void => listener(error, 'exception')
    const rejected = (reason: unknown): void => listener(reason, 'rejection')
    this.#process.on('uncaughtException', thrown)
    this.#process.on('unhandledRejection', rejected)
    return {
      [Symbol.dispose]: () => {
        this.#process.off('uncaughtException', thrown)
        this.#process.off('unhandledRejection', rejected)
      },
    }
  }

  terminal(): Terminal | undefined {
    return this.isTty.stdin && this.isTty.stdout ? new ProcessTerminal(this.#process, this.#stdout) : undefined
  }

  isProcessAlive(pid: number): boolean {
    try {
      this.#process.kill(pid, 0)
      return true
    } catch (error) {
      // EPERM: it lives and belongs to somebody else.
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }

  exit(code: ExitCode): void {
    this.#process.exit(code)
  }

  /** Resolves when all that was written has been handed to the system, or the reader is gone. */
  async flush(): Promise<void> {
    await this.#stdout.flush()
    await this.#stderr.flush()
  }

  readonly #deliver = (signal: NodeJS.Signals): void => {
    // Registered for the names in SIGNALS only.
    const name = signal as SignalName
    if (this.#listeners.length > 0) {
      for (const listener of [...this.#listeners]) listener(name)
      return
    }
    const error = new Interrupted(name)
    // The first asks the command to end; who sends another does not want to wait.
    if (this.#abort.signal.aborted) this.#process.exit(error.exitCode)
    this.#abort.abort(error)
  }
}

class StreamSink implements TextSink {
  readonly #stream: NodeJS.WriteStream
  #broken = false

  /** `gone`: what to do when the reader has closed its end (`lovage queues | head -1`). */
  constructor(stream: NodeJS.WriteStream, gone: () => void) {
    this.#stream = stream
    stream.on('error', () => {
      this.#broken = true
      gone()
    })
  }

  write(text: string): void {
    if (!this.#broken) this.#stream.write(text)
  }

  flush(): Promise<void> {
    if (this.#broken || this.#stream.writableLength === 0) return Promise.resolve()
    return new Promise(resolve => this.#stream.write('', () => resolve()))
  }
}

class StreamSource implements TextSource {
  readonly #stream: NodeJS.ReadStream
  #lines: AsyncIterator<string> | undefined
  #reader: Interface | undefined

  constructor(stream: NodeJS.ReadStream) {
    this.#stream = stream
  }

  async readLine(): Promise<string | undefined> {
    this.#reader ??= createInterface({ input: this.#stream })
    this.#lines ??= this.#reader[Symbol.asyncIterator]()
    const next = await this.#lines.next()
    return next.done ? undefined : next.value
  }

  async readAll(limit: number): Promise<string | undefined> {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of this.#stream) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer)
      size += bytes.length
      if (size > limit) return undefined
      chunks.push(bytes)
    }
    return Buffer.concat(chunks).toString('utf8')
  }
}

class ProcessTerminal implements Terminal {
  readonly #stdin: NodeJS.ReadStream
  readonly #stdout: NodeJS.WriteStream
  readonly #sink: TextSink

  constructor({ stdin, stdout }: NodeJS.Process, sink: TextSink) {
    this.#stdin = stdin as NodeJS.ReadStream
    this.#stdout = stdout as NodeJS.WriteStream
    this.#sink = sink
  }

  get columns(): number {
    return this.#stdout.columns
  }

  get rows(): number {
    return this.#stdout.rows
  }

  write(text: string): void {
    this.#sink.write(text)
  }

  onKeys(listener: (keys: string) => void): Disposable {
    const stdin = this.#stdin
    const heard = (chunk: Buffer | string): void => listener(String(chunk))
    stdin.setRawMode(true)
    stdin.on('data', heard)
    stdin.resume()
    return {
      [Symbol.dispose]: () => {
        stdin.off('data', heard)
        stdin.setRawMode(false)
        stdin.pause()
      },
    }
  }

  onResize(listener: () => void): Disposable {
    this.#stdout.on('resize', listener)
    return { [Symbol.dispose]: () => void this.#stdout.off('resize', listener) }
  }
}
