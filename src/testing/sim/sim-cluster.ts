import { App } from '../../app/app.js'
import type { SettingsInput } from '../../app/settings.js'
import type { ResultBackend } from '../../backends/backend.js'
import { createMemoryBackend } from '../../backends/memory/memory-backend.js'
import { MemoryBackendWorld } from '../../backends/memory/memory-backend-world.js'
import type { Connection, Delivery, QueueStats } from '../../brokers/broker.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName, TaskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import type { AppSource } from '../../worker/app-source.js'
import type { LineStore } from '../../worker/spool.js'
import { Worker } from '../../worker/worker.js'
import type { WorkerOptions, WorkerParts } from '../../worker/worker-options.js'
import { LeasePlace } from './lease-place.js'
import { linkedBackend } from './linked-backend.js'
import type { Quirks } from './quirks.js'
import type { CallFate, SimCall } from './sim-channel.js'
import { type ChildWatch, startSimChild } from './sim-child.js'
import type { SimLink } from './sim-link.js'
import type { SimPlace } from './sim-place.js'
import type { SimProcess } from './sim-process.js'
import type { SimWorld } from './sim-world.js'

export interface SimClusterOptions {
  /** Defines the tasks; called for every process, as every process loads the same module. `worker`: whose child it is. */
  readonly tasks: (app: App, process: SimProcess, worker: SimProcess | undefined) => void
  readonly settings?: SettingsInput
  /** The broker. Default: a `LeasePlace` of these leases. */
  readonly place?: SimPlace
  /** What the result backend is wrapped in, at its place. */
  readonly backend?: (backend: ResultBackend) => ResultBackend
  /** Hears of each record that a process sends to it. */
  readonly sent?: (meta: ResultMeta) => void
  /** Default 2 s and 0.5 s. */
  readonly leaseMs?: Ms
  readonly renewMs?: Ms
  /** One way, on every link. Default 0.2–2 ms. */
  readonly latency?: { readonly min: Ms; readonly max: Ms }
  /** Of links and clocks; a place has its own. */
  readonly quirks?: Quirks | undefined
}

/** How a process's clock differs from true time. */
export interface SimPace {
  /** Its seconds per true second; default 1. */
  readonly rate?: number | undefined
  /** How far its wall clock is ahead from the start; default 0. */
  readonly skew?: Ms | undefined
}

/** What is about tasks is quiet when no task is left; who wants to see workers talk to each other says so in their options. */
const ALONE: WorkerOptions = Object.freeze({ withoutGossip: true, withoutMingle: true, withoutHeartbeat: true })

/** The app is there already. */
const NOWHERE: AppSource = Object.freeze({ file: '', exportName: undefined, include: [], layers: undefined })

/** How late a timer may be. */
const LATEST: Ms = 50

/** A process with an app, reaching broker and backend over links of its own. */
export interface SimNode {
  readonly process: SimProcess
  readonly app: App
  readonly broker: SimLink
  readonly backend: SimLink
}

export interface SimWorkerNode extends SimNode {
  readonly worker: Worker
}

/**
 * Clients and workers on one broker and one result backend, in one simulated world. Broker, backend and the disks of the
 * hosts belong to the world and outlive every process.
 */
export class SimCluster {
  readonly world: SimWorld
  readonly #options: SimClusterOptions
  readonly #place: SimPlace
  readonly #results: MemoryBackendWorld
  readonly #disks = new Map<string, DiskLines>()

  constructor(world: SimWorld, options: SimClusterOptions) {
    this.world = world
    this.#options = options
    const { leaseMs, renewMs } = options
    const lengths = { ...(leaseMs === undefined ? {} : { leaseMs }), ...(renewMs === undefined ? {} : { renewMs }) }
    this.#place = options.place ?? new LeasePlace(world, lengths)
    this.#results = new MemoryBackendWorld(world.runtime)
  }

  /** A client; a second one of the same name is its next incarnation. */
  client(name: string, pace: SimPace = {}): SimNode {
    return this.#node(name, pace)
  }

  /** A worker that starts at once, connecting as long as it takes. `watch`: hears of its children, where its pool has some. */
  worker(
    name: string,
    options: WorkerOptions = {},
    parts: Omit<WorkerParts, 'spool'> = {},
    pace: SimPace = {},
    watch?: ChildWatch,
  ): SimWorkerNode {
    const node = this.#node(name, pace)
    const worker = new Worker(
      node.app,
      { ...ALONE, concurrency: 4, name: `${name}@sim`, ...options },
      { ...parts, ...this.#children(node, pace, watch), spool: this.#disk(name) },
    )
    worker.start().catch(error => node.process.runtime.log.critical(`start failed: ${String(error)}`))
    return { ...node, worker }
  }

  /** Lines that workers have ever written into their spools. */
  get spooled(): number {
    let lines = 0
    for (const disk of this.#disks.values()) lines += disk.written
    return lines
  }

  /** Does the disk of this worker hold lines that were not drained? */
  spooling(name: string): boolean {
    return this.#disks.get(name)?.empty === false
  }

  /** The broker without any link: for looking at what is there. */
  observe(): Promise<Connection> {
    return this.#place.observe()
  }

  /** The result backend without any link. */
  results(): ResultBackend {
    return createMemoryBackend({ runtime: this.world.runtime, world: this.#results })
  }

  async result(id: string): Promise<ResultMeta | undefined> {
    return this.results().fetch(id as TaskId)
  }

  /** What lies in a queue: its messages stay. */
  async contents(queue: string): Promise<readonly Delivery[]> {
    await using connection = await this.observe()
    await connection.declare({ queues: [{ name: queue as QueueName }] })
    return connection.get(queue as QueueName, 10_000)
  }

  /** Nothing ready, held or delayed in any queue but dead-letter places. */
  async isQuiet(connection: Connection): Promise<boolean> {
    const stats = await connection.list()
    return stats.filter(({ queue }) => !queue.endsWith('.dead')).every(isEmpty)
  }

  /** Resolves when the cluster is quiet; fails the run when it is not within `bound`. */
  async quiet(bound: Ms): Promise<void> {
    const connection = await this.observe()
    const until = this.world.now + bound
    while (!(await this.isQuiet(connection))) {
      if (this.world.now > until)
        throw new Error(`not quiet within ${bound} ms: ${JSON.stringify(await connection.list())}`)
      await this.world.sleep(250)
    }
  }

  /** Of whichever pool: the inline one starts none. */
  #children({ process: worker }: SimNode, { rate }: SimPace, watch: ChildWatch | undefined): WorkerParts {
    const { world } = this
    // The clock on the wall is that of the host.
    const skew = (): Ms => worker.runtime.clock.now() - world.runtime.clock.now()
    const open = (): SimNode => this.#node(`${worker.name}.child`, { rate, skew: skew() }, worker)
    return { startChild: startSimChild({ world, worker, watch, open }), source: NOWHERE }
  }

  #node(name: string, { rate, skew }: SimPace, worker?: SimProcess): SimNode {
    const { latency, quirks, sent } = this.#options
    const lag = quirks && (() => (quirks.maybe('late-timer') ? quirks.amount('late-timer', LATEST) : 0))
    const process = this.world.process(name, { ...(rate === undefined ? {} : { rate }), skew: skew ?? 0, lag })
    const link = (place: string): SimLink =>
      this.world.link(process, {
        place,
        ...(latency && { latency }),
        ...(quirks && { fate: call => fateOf(call, quirks) }),
      })
    const broker = link('broker')
    const backend = link('backend')
    const app = new App('sim', this.#options.settings ?? {}, {
      runtime: process.runtime,
      broker: this.#place.reach(process, broker),
      backend: linkedBackend(backend, this.#options.backend?.(this.results()) ?? this.results(), sent),
    })
    this.#options.tasks(app, process, worker)
    return { process, app, broker, backend }
  }

  #disk(name: string): DiskLines {
    const disk = this.#disks.get(name) ?? new DiskLines()
    this.#disks.set(name, disk)
    return disk
  }
}

function isEmpty({ ready, held, delayed }: QueueStats): boolean {
  return ready + held + delayed === 0
}

/** Calls that whoever makes them is ready to see refused. */
const BALKING: ReadonlySet<string> = new Set(['push', 'publish', 'store', 'fetch', 'arrive', 'close'])

function fateOf({ place, verb }: SimCall, quirks: Quirks): CallFate {
  if (!BALKING.has(verb) || (place === 'broker' && verb === 'close')) return 'pass'
  return quirks.maybe('balk') ? 'balk' : 'pass'
}

/** A spool on a disk that survives its process. */
class DiskLines implements LineStore {
  #lines: string[] = []
  #taken: readonly string[] = []

  /** Lines ever written. */
  written = 0

  get empty(): boolean {
    return this.#lines.length + this.#taken.length === 0
  }

  async append(line: string): Promise<void> {
    this.written++
    this.#lines.push(line)
  }

  async take(): Promise<readonly string[]> {
    if (this.#taken.length > 0) return this.#taken
    this.#taken = this.#lines
    this.#lines = []
    return this.#taken
  }

  async drop(): Promise<void> {
    this.#taken = []
  }
}
