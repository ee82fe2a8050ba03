import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from '../../src/app/app.js'
import type { Connection, QueueStats } from '../../src/brokers/broker.js'
import { type Ended, LovageProcess } from '../cli/process.js'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { plainModule } from '../support/plain-module.js'

/** What tasks of every house can do: `tasks.note` tells that it ran. */
const PRELUDE = `
import { appendFileSync, existsSync } from 'node:fs'
import { App, currentTask } from 'lovage'
const note = (text: string) => appendFileSync('ran', text + '\\n')
const pause = (ms = 5) => new Promise(resolve => setTimeout(resolve, ms))
`

const TASKS = `
app.task('tasks.note', (text: string) => { note(text); return text })
app.task('tasks.hold', async (text: string) => {
  note('began ' + text)
  while (!existsSync('release')) { currentTask().signal.throwIfAborted(); await pause() }
  note(text)
  return text
})
`

export interface HouseOptions {
  /** Absolute path of the database; default: in the house's own folder. */
  readonly database?: string
  /** Source of settings: `taskAcksLate: true`. */
  readonly settings?: string
  /** Source of tasks beside `tasks.note` and `tasks.hold`. */
  readonly tasks?: string
}

export interface WorkerStart {
  readonly words?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly under?: readonly string[]
}

/** A folder with an app, its workers as users run them, and a client in this process. */
export class House implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lovage-faults-'))
  readonly database: string
  readonly client: App
  readonly #workers: LovageProcess[] = []
  #connection: Promise<Connection> | undefined

  constructor(options: HouseOptions = {}) {
    const { settings = '', tasks = '' } = options
    this.database = options.database ?? this.path('lovage.db')
    const urls = { brokerUrl: `sqlite:///${this.database}`, resultBackend: `db+sqlite:///${this.database}` }
    this.client = new App('client', urls, { environment: {} })
    const app = `export const app = new App('house', { ...${JSON.stringify(urls)}, ${settings} })`
    plainModule(this.folder, 'tasks', [PRELUDE, app, TASKS, tasks].join('\n'))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  /** Lets `tasks.hold` go on. */
  release(): void {
    this.write('release', '')
  }

  /** Starts a worker; it may not be ready yet. */
  spawn(start: WorkerStart = {}): LovageProcess {
    const { words = [], ...options } = start
    const worker = new LovageProcess(['worker', '-A', 'tasks.mjs', '-l', 'info', ...words], {
      cwd: this.folder,
      ...options,
    })
    this.#workers.push(worker)
    return worker
  }

  /** Starts a worker and waits for it to be ready. */
  async worker(start: WorkerStart = {}): Promise<LovageProcess> {
    const worker = this.spawn(start)
    await worker.says(/ready\./)
    return worker
  }

  /** Lines that tasks have written. */
  ran(): readonly string[] {
    if (!existsSync(this.path('ran'))) return []
    return readFileSync(this.path('ran'), 'utf8').split('\n').slice(0, -1)
  }

  async hasRun(text: string): Promise<void> {
    await eventually(`${text} to have run`, async () => (this.ran().includes(text) ? true : undefined), 30_000)
  }

  /** Resolves when the task has ended, whatever became of it. */
  async ended(id: string, deadline = 90_000): Promise<string> {
    return await eventually(
      `the end of ${id}`,
      async () => {
        const state = await this.client.result(id).state()
        return ['SUCCESS', 'FAILURE', 'REVOKED'].includes(state) ? state : undefined
      },
      deadline,
    )
  }

  async connection(): Promise<Connection> {
    this.#connection ??= this.client.broker().then(broker => broker.connect({ name: 'house' }))
    return await this.#connection
  }

  async queue(name = 'celery'): Promise<QueueStats | undefined> {
    const queues = await (await this.connection()).list()
    return queues.find(queue => queue.queue === name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker[Symbol.dispose]()
    await Promise.all(this.#workers.map(worker => worker.ended))
    await this.client[Symbol.asyncDispose]()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Tells it to end, and waits. */
export function stop(worker: LovageProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  worker.kill(signal)
  return worker.end()
}
