import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { fileURLToPath } from 'node:url'

const lovage = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const tasks = fileURLToPath(new URL('./tasks.ts', import.meta.url))

/** One `lovage worker` process on one queue, its log in `<name>.log`. */
export class WorkerProcess implements AsyncDisposable {
  readonly name: string
  readonly child: ChildProcess
  #ended: Promise<unknown>

  constructor(name: string, queue: string, environment: Readonly<Record<string, string>>) {
    this.name = name
    const args = [lovage, '-A', tasks, 'worker', '-Q', queue, '-c', '4', '-n', `${name}@%h`, '-l', 'info']
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment } })
    this.#ended = once(this.child, 'exit')
    this.child.stderr?.pipe(createWriteStream(`${name}.log`))
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Resolves when the worker says that it is ready; rejects when it ends before. */
  async ready(): Promise<void> {
    let seen = ''
    const said = new Promise<void>(resolve => {
      this.child.stderr?.on('data', chunk => {
        seen += chunk
        if (seen.includes(' ready.')) resolve()
      })
    })
    const ended = this.#ended.then(() => {
      throw new Error(`worker ${this.name} ended before it was ready:\n${seen}`)
    })
    await Promise.race([said, ended])
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal)
    await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) await this.kill('SIGTERM')
  }
}
