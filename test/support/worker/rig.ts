import { join } from 'node:path'
import { App } from '../../../src/app/app.js'
import type { ObservedEvent } from '../../../src/app/extension.js'
import type { SettingsInput } from '../../../src/app/settings.js'
import type { ResultBackend } from '../../../src/backends/backend.js'
import { createMemoryBackend } from '../../../src/backends/memory/memory-backend.js'
import { MemoryBackendWorld } from '../../../src/backends/memory/memory-backend-world.js'
import { createSqliteBackend } from '../../../src/backends/sqlite/sqlite-backend.js'
import type { Broker, Connection } from '../../../src/brokers/broker.js'
import { createMemoryBroker } from '../../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../../src/brokers/memory/memory-queue-store.js'
import { createSqliteBroker } from '../../../src/brokers/sqlite/sqlite-broker.js'
import type { Runtime } from '../../../src/lib/runtime.js'
import type { Ms } from '../../../src/lib/time.js'
import { createCodec } from '../../../src/protocol/create-codec.js'
import { type DeadLetterRecord, fromDeadLetter } from '../../../src/protocol/dead-letter.js'
import type { QueueName, TaskId } from '../../../src/protocol/ids.js'
import type { Message } from '../../../src/protocol/message.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import type { LineStore } from '../../../src/worker/spool.js'
import { Worker } from '../../../src/worker/worker.js'
import type { WorkerOptions } from '../../../src/worker/worker-options.js'
import { type HandRuntime, handRuntime } from '../../app/hand-runtime.js'
import { EVERYBODY_LIVES, temporaryFolder } from '../brokers/sqlite-places.js'

/** Broker and results that outlive the apps that use them, in this thread and in virtual time. */
export interface Place extends AsyncDisposable {
  broker(runtime: Runtime): Broker
  backend(runtime: Runtime): ResultBackend
}

export class MemoryPlace implements Place {
  readonly store: MemoryQueueStore
  readonly #world: MemoryBackendWorld

  constructor(runtime: Runtime) {
    this.store = new MemoryQueueStore(runtime)
    this.#world = new MemoryBackendWorld(runtime)
  }

  broker(runtime: Runtime): Broker {
    return createMemoryBroker({ runtime, store: this.store })
  }

  backend(runtime: Runtime): ResultBackend {
    return createMemoryBackend({ runtime, world: this.#world })
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

export class SqlitePlace implements Place {
  readonly #folder = temporaryFolder()
  readonly #opened: AsyncDisposable[] = []

  broker(runtime: Runtime): Broker {
    const path = join(this.#folder.path, 'queue.db')
    return this.#keep(
      createSqliteBroker({ url: 'sqlite:///queue.db', path, durability: 'os', runtime, local: EVERYBODY_LIVES }),
    )
  }

  backend(runtime: Runtime): ResultBackend {
    const path = join(this.#folder.path, 'results.db')
    return this.#keep(
      createSqliteBackend({
        url: 'db+sqlite:///results.db',
        path,
        durability: 'os',
        runtime,
        codec: createCodec({ serializer: 'json', accept: ['json'] }),
        local: EVERYBODY_LIVES,
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#opened) await opened[Symbol.asyncDispose]()
    this.#folder[Symbol.dispose]()
  }

  #keep<T extends AsyncDisposable>(opened: T): T {
    this.#opened.push(opened)
    return opened
  }
}

/** Heartbeats would go on for ever in time that is passed by hand. */
const ALONE: WorkerOptions = { withoutGossip: true, withoutMingle: true, withoutHeartbeat: true }

/** Where the log may be read and time passes by hand. */
export class Rig<P extends Place = Place> implements AsyncDisposable {
  readonly runtime: HandRuntime
  readonly place: P
  readonly events: ObservedEvent[] = []
  readonly #settings: SettingsInput
  readonly #define: (app: App) => void
  readonly #workers: Worker[] = []
  readonly #apps: App[] = []
  #watching: Promise<Connection> | undefined
  #results: ResultBackend | undefined

  constructor(place: (runtime: Runtime) => P, define: (app: App) => void, settings: SettingsInput = {}) {
    this.runtime = handRuntime()
    this.place = place(this.runtime)
    this.#define = define
    this.#settings = settings
  }

  get workers(): readonly Worker[] {
    return this.#workers
  }

  /** An app of its own: another process, as far as broker and backend can tell. */
  app(settings: SettingsInput = {}): App {
    const { runtime, place } = this
    const parts = { runtime, broker: place.broker(runtime), backend: place.backend(runtime) }
    const app = new App('rig', { ...this.#settings, ...settings }, parts)
    app.use({ name: 'rig', observe: event => void this.events.push(event) })
    this.#define(app)
    this.#apps.push(app)
    return app
  }

  async worker(name = 'w', options: WorkerOptions = {}, app: App = this.app()): Promise<Worker> {
    const worker = new Worker(
      app,
      { ...ALONE, name: `${name}@rig`, concurrency: 2, ...options },
      { spool: new MemoryLines() },
    )
    this.#workers.push(worker)
    await this.wait(worker.start())
    return worker
  }

  pass(ms: Ms): Promise<void> {
    return this.runtime.clock.pass(ms)
  }

  /** Lets turns of the event loop pass until the promise has settled, then time: at most ten minutes of it. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const over = (): void => {
      settled = true
    }
    promise.then(over, over)
    for (let turns = 0; turns < 100 && !settled; turns++) await this.pass(0)
    for (let step = 1; !settled; step *= 2) {
      if (step > 600_000) throw new Error('waited in vain')
      await this.pass(step)
    }
    return promise
  }

  async connection(): Promise<Connection> {
    this.#watching ??= this.place.broker(this.runtime).connect({ name: 'watcher' })
    return this.wait(this.#watching)
  }

  async publish(message: Message, publishId: string, queue = 'celery'): Promise<void> {
    const connection = await this.connection()
    await this.wait(connection.declare({ queues: [{ name: queue as QueueName }] }))
    await this.wait(connection.publish(message, { exchange: '', routingKey: queue }, { publishId }))
  }

  async meta(id: string): Promise<ResultMeta | undefined> {
    this.#results ??= this.place.backend(this.runtime)
    return this.wait(this.#results.fetch(id as TaskId))
  }

  async dead(queue = 'celery'): Promise<readonly { readonly message: Message; readonly record: DeadLetterRecord }[]> {
    const connection = await this.connection()
    const name = `${queue}.dead` as QueueName
    await this.wait(connection.declare({ queues: [{ name }] }))
    const taken = await this.wait(connection.get(name, 1000))
    return taken.flatMap(({ message }) => {
      const letter = fromDeadLetter(message)
      return letter === undefined ? [] : [letter]
    })
  }

  types(id: string): readonly string[] {
    return this.events.filter(event => event.fields['id'] === id).map(event => event.type)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) await this.wait(worker.stop('cold'))
    for (const app of this.#apps) await this.wait(app[Symbol.asyncDispose]())
    const watching = await this.#watching
    if (watching !== undefined) await this.wait(Promise.resolve(watching[Symbol.asyncDispose]()))
    await this.place[Symbol.asyncDispose]()
  }
}

/** A spool that lives as long as its test. */
export class MemoryLines implements LineStore {
  lines: string[] = []
  #taken: readonly string[] = []

  async append(line: string): Promise<void> {
    this.lines.push(line)
  }

  async take(): Promise<readonly string[]> {
    if (this.#taken.length > 0) return this.#taken
    this.#taken = this.lines
    this.lines = []
    return this.#taken
  }

  async drop(): Promise<void> {
    this.#taken = []
  }
}
