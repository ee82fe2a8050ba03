import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const lovage = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const tasks = fileURLToPath(new URL('./tasks.ts', import.meta.url))

/** `lovage worker` on one queue, as a process of its own; its log goes to `<queue>.log`. */
export class WorkerProcess implements AsyncDisposable {
  readonly queue: string
  readonly #child: ChildProcessByStdio<null, null, Readable>
  readonly #ended: Promise<unknown>
  #log = ''

  constructor(queue: string, environment: Readonly<Record<string, string>>) {
    this.queue = queue
    const args = ['worker', '-A', tasks, '-Q', queue, '-c', '4', '-n', `${queue}@%h`, '-l', 'info']
    this.#child = spawn(process.execPath, [lovage, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    })
    this.#ended = once(this.#child, 'exit')
    this.#child.stderr.pipe(createWriteStream(`${queue}.log`, { flags: 'a' }))
    this.#child.stderr.on('data', chunk => {
      this.#log += chunk
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when the worker says that it is ready; rejects when it ends before. */
  async ready(): Promise<void> {
    while (!this.#log.includes(' ready.')) {
      if (!this.#running) throw new Error(`worker ${this.queue} ended before it was ready:\n${this.#log}`)
      await Promise.race([once(this.#child.stderr, 'data'), this.#ended])
    }
  }

  /** At once, as by a power cut. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Gently: what runs is finished, the rest goes back to its queue. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#running) return
    this.#child.kill('SIGTERM')
    await this.#ended
  }

  get #running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }
}
