import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../../src/app/app.js'
import { currentTask } from '../../../src/app/current-task.js'
import type { SettingsInput } from '../../../src/app/settings.js'
import type { AppParts } from '../../../src/app/setup.js'
import type { ResultBackend } from '../../../src/backends/backend.js'
import { createMemoryBackend } from '../../../src/backends/memory/memory-backend.js'
import { MemoryBackendWorld } from '../../../src/backends/memory/memory-backend-world.js'
import type { Connection, QueueStats } from '../../../src/brokers/broker.js'
import { type MemoryLogLine, memoryLog } from '../../../src/lib/memory-log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { fromDeadLetter } from '../../../src/protocol/dead-letter.js'
import { queueName } from '../../../src/protocol/ids.js'
import { DEFAULT_LIMITS } from '../../../src/protocol/limits.js'
import type { Message } from '../../../src/protocol/message.js'
import { ChaosProxy } from '../../../src/testing/chaos/chaos-proxy.js'
import { until } from '../../../src/testing/chaos/waiting.js'
import { Worker } from '../../../src/worker/worker.js'
import type { HaltingPlace } from './halting-place.js'

/** What the harness of halting-cases calls a probe: a line when it starts, and one when it ends. */
export interface Entry {
  readonly id: string
  readonly attempt: number
  readonly worker: string
  readonly phase: 'start' | 'end'
  readonly at: number
}

export interface WorkerSettings {
  readonly name?: string
  /** Default 4. */
  readonly concurrency?: number
  readonly settings?: SettingsInput
  /** Past its proxy, which lives on the same event loop. */
  readonly direct?: boolean
  /** More tasks than `probe`. */
  tasks?(app: App, node: RigWorker): void
}

/** A real worker on a real broker, and the way between them. */
export interface RigWorker {
  readonly name: string
  readonly worker: Worker
  readonly app: App
  readonly proxy: ChaosProxy
  readonly log: readonly MemoryLogLine[]
}

/** Bounds are those of the case plus what a busy machine takes. */
export const PATIENCE = 60_000

const LATE = { acksLate: true } as const

/**
 * One case: a client, workers each behind a proxy of its own, a queue that is nobody else's, and the journal of what ran. The
 * journal lives outside broker and backend.
 */
export class Rig implements AsyncDisposable {
  readonly place: HaltingPlace
  readonly queue: string
  readonly client: App
  readonly journal: Entry[] = []
  readonly workers: RigWorker[] = []
  /** Ids of the tasks `meet` that run or ran. */
  readonly #met = new Set<string>()
  readonly #settings: SettingsInput
  /** Of all its apps, where the case says nothing of results: it outlives them. */
  readonly #backend: ResultBackend | undefined
  #connection: Promise<Connection> | undefined

  private constructor(place: HaltingPlace, queue: string, settings: SettingsInput) {
    this.place = place
    this.queue = queue
    this.#settings = {
      taskDefaultQueue: queue,
      publishTimeout: 30,
      ...place.settings,
      ...settings,
    }
    if (this.#settings.resultBackend === undefined) this.#backend = memoryBackend()
    this.client = new App('client', { ...this.#settings, brokerUrl: place.url() }, this.#parts())
  }

  static async open(place: HaltingPlace, queue: string, settings: SettingsInput = {}): Promise<Rig> {
    return new Rig(place, queue, settings)
  }

  async worker(options: WorkerSettings = {}): Promise<RigWorker> {
    const node = await this.prepare(options)
    await node.worker.start()
    return node
  }

  /** One that has not been started. */
  async prepare(options: WorkerSettings = {}): Promise<RigWorker> {
    const { name = `w${this.workers.length + 1}`, concurrency = 4, settings = {}, direct = false, tasks } = options
    const proxy = await ChaosProxy.before(this.place.url())
    const { log, lines } = memoryLog('info')
    const all = { ...this.#settings, ...settings, brokerUrl: direct ? this.place.url() : proxy.url }
    const app = new App(name, all, { ...this.#parts(), runtime: nodeRuntime({ log }) })
    app.task('probe', (ms: number) => this.#probe(name, ms), LATE)
    app.task('meet', (...ids: readonly string[]) => this.#meet(name, ids), LATE)
    const node: RigWorker = { name, worker: new Worker(app, { name, concurrency }), app, proxy, log: lines }
    tasks?.(app, node)
    this.workers.push(node)
    return node
  }

  #parts(): AppParts {
    return { environment: {}, ...(this.#backend === undefined ? {} : { backend: this.#backend }) }
  }

  /** Tells that something ran, as `probe` does. */
  note(worker: string, phase: Entry['phase']): void {
    const { id, retries } = currentTask()
    this.journal.push({ id, attempt: retries, worker, phase, at: performance.now() })
  }

  async #probe(worker: string, ms: number): Promise<string> {
    this.note(worker, 'start')
    await sleep(ms)
    this.note(worker, 'end')
    return worker
  }

  async #meet(worker: string, ids: readonly string[]): Promise<void> {
    this.note(worker, 'start')
    this.#met.add(currentTask().id)
    await until('all to run at once', () => ids.every(id => this.#met.has(id)), PATIENCE)
    this.note(worker, 'end')
  }

  /** Sends so many probes; resolves to their ids when all are accepted. */
  async send(
    prefix: string,
    count: number,
    ms = 5,
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, n) => `${this.queue}-${prefix}${n}`)
    await Promise.all(ids.map(taskId => this.client.sendTask('probe', [ms], { taskId, ...options })))
    return ids
  }

  /** So many tasks of which none ends before all have begun: they need as many slots. Resolves when all are done. */
  async meet(prefix: string, count: number): Promise<void> {
    const ids = Array.from({ length: count }, (_, n) => `${this.queue}-${prefix}${n}`)
    await Promise.all(ids.map(taskId => this.client.sendTask('meet', ids, { taskId })))
    await this.drained(ids)
  }

  times(id: string, phase: Entry['phase'] = 'start'): number {
    return this.journal.filter(entry => entry.id === id && entry.phase === phase).length
  }

  async started(ids: readonly string[]): Promise<void> {
    await until(`the start of ${ids[0]} …`, () => ids.every(id => this.times(id) > 0), PATIENCE)
  }

  /** Within the patience every id has its end, and nothing waits. */
  async drained(ids: readonly string[], patience: number = PATIENCE): Promise<void> {
    const missing = (): readonly string[] => ids.filter(id => this.times(id, 'end') === 0)
    const told = (): string =>
      this.workers
        .map(({ log }) =>
          log
            .slice(-5)
            .map(line => line.message)
            .join('\n'),
        )
        .join('\n')
    await until(`the end of ${ids.length} probes`, () => missing().length === 0, patience).catch(async error => {
      const stats = JSON.stringify(await this.stats().catch(String))
      throw new Error(`${error.message}: ${missing().length} missing, first ${missing()[0]}; ${stats}\n${told()}`)
    })
    await this.empty()
  }

  /** Within the patience every id has its end. */
  async ended(ids: readonly string[]): Promise<void> {
    await until(`the end of ${ids.length} probes`, () => ids.every(id => this.times(id, 'end') > 0), PATIENCE)
  }

  pause(ms = 50): Promise<void> {
    return sleep(ms)
  }

  async empty(): Promise<void> {
    await until(
      'the queue to be empty',
      async () => {
        const { ready, held, delayed } = await this.stats()
        return ready + held + delayed === 0
      },
      PATIENCE,
    )
  }

  /** Never 0, never 2: as the broker sees it, which may take it a while to forget those that went without a word. */
  async hasOneConsumer(): Promise<void> {
    let seen: number | undefined
    const alone = async (): Promise<boolean> => {
      seen = (await this.stats()).consumers
      return seen === undefined || seen === 1
    }
    await until('the broker to see one consumer', alone, PATIENCE).catch(() => {
      assert.fail(`the broker sees ${seen} consumers, not one`)
    })
  }

  once(ids: readonly string[]): void {
    for (const id of ids) assert.equal(this.times(id), 1, `${id} ran ${this.times(id)} times`)
  }

  async stats(queue: string = this.queue): Promise<QueueStats> {
    return await (await this.connection()).stats(queueName(queue))
  }

  /** Remote control joins behind consuming: what is told before that, a broker that keeps no broadcasts tells nobody. */
  async hears(worker: Worker): Promise<void> {
    const ask = this.client.inspect({ destination: worker.name, timeout: 2 })
    await until(`${worker.name} to hear`, async () => Object.keys(await ask.ping()).length === 1, PATIENCE)
  }

  /** Past every proxy. */
  async connection(): Promise<Connection> {
    this.#connection ??= this.#connect()
    return await this.#connection
  }

  /** Made anew the next time when it was lost, or did not come about. */
  async #connect(): Promise<Connection> {
    const forget = (): void => {
      this.#connection = undefined
    }
    try {
      const connection = await (await this.client.broker()).connect({ name: 'rig' })
      void connection.closed.then(forget)
      return connection
    } catch (error) {
      forget()
      throw error
    }
  }

  /** Message id → reason, once there are so many. */
  async dead(count: number): Promise<ReadonlyMap<string, string>> {
    const connection = await this.connection()
    const place = queueName(`${this.queue}.dead`)
    await until(`${count} dead letters`, async () => (await connection.stats(place)).ready >= count, PATIENCE)
    const letters = await connection.get(place, count + 1)
    return new Map(
      letters.map(({ message }) => {
        const letter = fromDeadLetter(message)
        return [
          String(letter?.message.properties.messageId ?? letter?.message.headers['id']),
          letter?.record.reason ?? '?',
        ]
      }),
    )
  }

  /** As some other program would publish it: the types would not allow all of it. */
  async publishRaw(message: {
    readonly headers: object
    readonly properties: object
    readonly body: Buffer
  }): Promise<void> {
    const publishId = `raw-${Math.random()}`
    await (await this.connection()).publish(
      message as unknown as Message,
      { exchange: '', routingKey: queueName(this.queue) },
      { publishId },
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { proxy } of this.workers) await proxy.heal()
    await Promise.all(this.workers.map(({ worker }) => worker.stop('cold')))
    await Promise.all(this.workers.map(({ app }) => app[Symbol.asyncDispose]()))
    await (await this.#connection?.catch(() => undefined))?.[Symbol.asyncDispose]()
    await this.client[Symbol.asyncDispose]()
    await this.#backend?.[Symbol.asyncDispose]()
    await Promise.all(this.workers.map(({ proxy }) => proxy[Symbol.asyncDispose]()))
  }
}

function memoryBackend(): ResultBackend {
  const runtime = nodeRuntime()
  return createMemoryBackend({ runtime, limits: DEFAULT_LIMITS, world: new MemoryBackendWorld(runtime) })
}
