import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { packageModule } from './package-build.js'

/** What a program of `programs/` says of itself. */
export interface Usage {
  /** Bytes. */
  readonly rss: number
  /** Of all its threads since it began, microseconds. */
  readonly cpu: number
}

/** A program in a process of its own. It says `ready`, answers `usage`, and ends when it is told to. */
export class Child implements AsyncDisposable {
  /** From the start of the process to its `ready`, ms. */
  readonly readyAfter: number
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, readyAfter: number) {
    this.#process = process
    this.readyAfter = readyAfter
  }

  static async start(program: 'lovage-worker' | 'bullmq-worker', options: object): Promise<Child> {
    const given = program === 'lovage-worker' ? { doors: doors(), ...options } : options
    const started = performance.now()
    const process = fork(join(import.meta.dirname, 'programs', `${program}.js`), [JSON.stringify(given)])
    await answer(process, 'ready')
    return new Child(process, performance.now() - started)
  }

  async usage(): Promise<Usage> {
    this.#process.send('usage')
    return (await answer(this.#process, 'usage')) as unknown as Usage
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise(resolve => this.#process.once('exit', resolve))
    this.#process.send('stop')
    await exited
  }
}

function doors(): object {
  return { index: packageModule('index.js'), worker: packageModule('worker.js') }
}

function answer(child: ChildProcess, kind: string): Promise<object> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`The program ended (${code}) before it said ${kind}.`))
    const hear = (message: { readonly kind: string }): void => {
      if (message.kind !== kind) return
      child.off('message', hear).off('exit', ended)
      resolve(message)
    }
    child.on('message', hear).once('exit', ended)
  })
}
