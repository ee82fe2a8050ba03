import { createInterface } from 'node:readline'
import { type Deferred, deferred } from '../../../src/lib/deferred.js'
import { LoggedProcess } from './logged-process.js'
import { PROGRAMS, PYTHON } from './python.js'

/** What the Python client says of a task. An exception comes as `{exc_type, exc_module, args, str}`. */
export interface PythonResult {
  readonly id: string
  readonly state: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the task returned; a test names the members it reads
  readonly result: any
  readonly traceback: string | null
  readonly children: unknown
  readonly timeout?: boolean
}

export interface PythonCall {
  readonly task: string
  readonly args?: readonly unknown[]
  /** Source of the tuple of arguments, for values that JSON has no form for. */
  readonly expression?: string
  readonly kwargs?: Readonly<Record<string, unknown>>
  /** Celery's own: `{queue, countdown, serializer …}`. */
  readonly options?: Readonly<Record<string, unknown>>
}

/** A Python client that stays (pypeer.py): questions are answered one after another, in order. */
export class PythonPeer implements AsyncDisposable {
  readonly #process: LoggedProcess
  readonly #waiting: Deferred<unknown>[] = []

  private constructor(env: Readonly<Record<string, string>>) {
    this.#process = new LoggedProcess('the Python client', [PYTHON, 'pypeer.py'], { cwd: PROGRAMS, env })
    const { stdout } = this.#process.child
    if (stdout === null) throw new Error('no standard output')
    createInterface({ input: stdout }).on('line', line => this.#waiting.shift()?.resolve(JSON.parse(line)))
    void this.#process.ended.then(() => {
      for (const waiting of this.#waiting) waiting.reject(this.#process.trouble('has ended'))
    })
  }

  static async start(env: Readonly<Record<string, string>>): Promise<PythonPeer> {
    const peer = new PythonPeer(env)
    const ready = deferred<unknown>()
    peer.#waiting.push(ready)
    await ready.promise
    return peer
  }

  /** Sends a task; resolves to its id. */
  async send(call: PythonCall): Promise<string> {
    const { id } = (await this.#ask({ do: 'send', ...call })) as { readonly id: string }
    return id
  }

  /** Sends what pyclient.py makes of it; resolves to the id of its result. */
  async sendCanvas(spec: unknown): Promise<string> {
    const { id } = (await this.#ask({ do: 'send-canvas', spec })) as { readonly id: string }
    return id
  }

  async get(id: string, timeout = 60): Promise<PythonResult> {
    return ((await this.#ask({ do: 'get', id, timeout })) as { readonly out: PythonResult }).out
  }

  async call(call: PythonCall, timeout?: number): Promise<PythonResult> {
    return this.get(await this.send(call), timeout)
  }

  /** The value as Python prints it. */
  async repr(id: string): Promise<string> {
    return ((await this.#ask({ do: 'repr', id, timeout: 60 })) as { readonly out: string }).out
  }

  /** A command line of pyclient.py. */
  async run(argv: readonly string[], stdin = ''): Promise<PythonResult> {
    return ((await this.#ask({ do: 'run', argv, stdin })) as { readonly out: PythonResult }).out
  }

  async configure(settings: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#ask({ do: 'config', settings })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.child.stdin?.end()
    await this.#process[Symbol.asyncDispose]()
  }

  async #ask(question: Readonly<Record<string, unknown>>): Promise<unknown> {
    const answer = deferred<unknown>()
    this.#waiting.push(answer)
    this.#process.child.stdin?.write(`${JSON.stringify(question)}\n`)
    const said = (await answer.promise) as { readonly error?: string; readonly traceback?: string }
    if (said.error !== undefined) throw this.#process.trouble(`says ${said.error}\n${said.traceback ?? ''}`)
    return said
  }
}
