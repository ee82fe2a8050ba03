import type { App } from '../../../src/app/app.js'
import type { SettingsInput } from '../../../src/app/settings.js'
import type { ResultBackend } from '../../../src/backends/backend.js'
import type { Connection } from '../../../src/brokers/broker.js'
import { NotSentError } from '../../../src/brokers/errors.js'
import { deferred } from '../../../src/lib/deferred.js'
import type { Ms } from '../../../src/lib/time.js'
import { deadQueue } from '../../../src/protocol/dead-letter.js'
import type { QueueName } from '../../../src/protocol/ids.js'
import type { Message } from '../../../src/protocol/message.js'
import type { ResultMeta } from '../../../src/protocol/result-meta.js'
import type { Fate } from '../../../src/testing/sim/evidence.js'
import type { Journal } from '../../../src/testing/sim/journal.js'
import type { Quirks } from '../../../src/testing/sim/quirks.js'
import { SimCluster, type SimNode, type SimWorkerNode } from '../../../src/testing/sim/sim-cluster.js'
import type { SimProcess } from '../../../src/testing/sim/sim-process.js'
import type { SimWorld } from '../../../src/testing/sim/sim-world.js'
import type { StopKind, Worker } from '../../../src/worker/worker.js'
import { Brood } from './brood.js'
import type { LabPlace } from './lab-place.js'
import type { Config, NodeConfig, WorkerConfig } from './plan.js'
import type { Sending } from './send.js'
import type { Sightings } from './sightings.js'

export interface FleetParts {
  readonly world: SimWorld
  readonly config: Config
  readonly sendings: readonly Sending[]
  /** Over those that every run has. */
  readonly settings?: SettingsInput
  readonly place: LabPlace
  readonly journal: Journal
  readonly sightings: Sightings
  readonly fates: Map<string, Fate>
  readonly quirks?: Quirks | undefined
  backend(inner: ResultBackend): ResultBackend
  sent(meta: ResultMeta): void
  /** The tasks that this run can come to; defining all there are in every process would take longer than the run. */
  define(app: App, process: SimProcess, tools: ProcessTools, place: SimProcess): void
}

/** What handlers ask of the fleet, and tell it. */
export interface ProcessTools {
  isRevoked(id: string): boolean
  /** A handler has come to its end. */
  ended(): void
}

/** What a worker's node is about to meet: its process dies after the next effect of this kind. */
interface Doom {
  readonly effect: string
}

const ENDED: ReadonlySet<string> = new Set([
  'task-succeeded',
  'task-failed',
  'task-retried',
  'task-rejected',
  'task-ignored',
  'task-revoked',
  'task-returned',
])

const SIGHTS: Readonly<Record<string, string>> = {
  'task-dead-lettered': 'a message was buried',
  'dead-letters-full': 'a dead-letter place was full',
}

/** Of the one worker whose pool has children; others do not mind. */
function retiring({ workers }: Config): SettingsInput {
  const maxTasks = workers.find(({ children }) => children !== undefined)?.maxTasks
  return maxTasks === undefined ? {} : { workerMaxTasksPerChild: maxTasks }
}

function isStuck({ health }: Worker): boolean {
  return health.reasons.some(reason => reason.endsWith('its dead-letter place is full'))
}

/** Clients and workers by name. Whoever dies is started again; what a client has not got rid of, its next life sends. */
export class Fleet {
  readonly workers = new Map<string, SimWorkerNode>()
  readonly clients = new Map<string, SimNode>()
  readonly cluster: SimCluster
  /** Dead letters that were taken out to make room. */
  readonly archive: Message[] = []
  readonly #parts: FleetParts
  readonly #dooms = new Map<string, Doom>()
  readonly #revoked = new WeakMap<SimProcess, Set<string>>()
  readonly #open: Map<string, Sending>
  readonly #broods = new Map<string, Brood>()
  /** Of former lives of workers, too: one that stands still outlives its worker. */
  readonly #everyBrood: Brood[] = []
  #over = false
  #spared = false
  /** How far the date was moved for everybody. */
  #ahead: Ms = 0

  constructor(parts: FleetParts) {
    const { world, config } = parts
    this.#parts = parts
    this.#open = new Map(parts.sendings.map(sending => [sending.id, sending]))
    this.cluster = new SimCluster(world, {
      place: parts.place,
      backend: inner => parts.backend(inner),
      sent: meta => parts.sent(meta),
      latency: config.latency,
      quirks: parts.quirks,
      tasks: (app, place, worker) => {
        if (worker === undefined) this.#define(app, place)
        else this.#defineInChild(app, place, worker)
      },
      settings: {
        taskQueues: [...config.queues],
        taskMaxDeliveries: config.maxDeliveries,
        taskRejectOnWorkerLost: true,
        taskTrackStarted: config.trackStarted,
        resultExtended: config.extended,
        resultWriteTimeout: config.writeTimeout / 1000,
        unknownTask: config.unknownTask,
        workerCancelLongRunningTasksOnConnectionLoss: config.cancelOnLoss,
        workerMaxHeld: config.maxHeld,
        // A run may be longer than a day, and its end is what is looked at.
        resultExpires: 0,
        deadLetterMax: config.deadLetters.max,
        deadLetterWhenFull: config.deadLetters.whenFull,
        workerColdShutdownTimeout: 1,
        workerSoftShutdownTimeout: 2,
        // Its mailbox would wake and serve sessions that a bug has put to sleep.
        workerEnableRemoteControl: false,
        // It would mend what a bug has brought to a stand.
        workerStallTimeout: 0,
        ...retiring(config),
        ...parts.settings,
      },
    })
  }

  /** Calls whose clients have not come to an end with them. */
  get open(): number {
    return this.#open.size
  }

  start(): void {
    for (const worker of this.#parts.config.workers) this.#startWorker(worker)
    for (const client of this.#parts.config.clients) this.#startClient(client)
  }

  /** A living node; undefined while it is down. */
  node(name: string): SimNode | undefined {
    const node = this.workers.get(name) ?? this.clients.get(name)
    return node?.process.alive === true ? node : undefined
  }

  nodes(): readonly SimNode[] {
    return [...this.workers.values(), ...this.clients.values()].filter(({ process }) => process.alive)
  }

  /** The children of a worker, where it has some. */
  brood(name: string): Brood | undefined {
    return this.#broods.get(name)
  }

  doom(name: string, effect: string): void {
    this.#dooms.set(name, { effect })
  }

  /** Workers take the oldest letter out of a full dead-letter place. */
  get dropsLetters(): boolean {
    return this.#parts.config.deadLetters.whenFull === 'drop-oldest'
  }

  /** Workers whose disk holds what they could not tell. */
  get spooling(): number {
    return [...this.workers.keys()].filter(name => this.cluster.spooling(name)).length
  }

  /** Takes back every doom that has not struck. */
  spare(): void {
    this.#dooms.clear()
    for (const brood of this.#everyBrood) brood.spare()
    this.#spared = true
  }

  /** Of the machine that everybody runs on. */
  powerOff(): void {
    for (const { process } of this.nodes()) process.kill()
    for (const brood of this.#everyBrood) brood.powerOff()
  }

  /** Nothing may strike any more. */
  get spared(): boolean {
    return this.#spared
  }

  /** Stops the worker as a person would, then lets its process end. */
  async stop(name: string, how: StopKind): Promise<void> {
    const node = this.workers.get(name)
    if (node === undefined || !node.process.alive) return
    const { sightings } = this.#parts
    if (node.worker.busy > 0) sightings.saw('a worker was stopped while busy')
    if (node.broker.down) sightings.saw('a worker was stopped while reconnecting')
    await this.#ended(node, how)
    node.process.kill()
  }

  /** The worker has come to its end; or its process has, in the middle of it, and then nobody will ever say so. */
  async #ended({ worker, process }: SimWorkerNode, how: StopKind): Promise<void> {
    this.#broods.get(process.name)?.leavesAll()
    const death = deferred()
    using _mourning = process.onDeath(() => death.resolve())
    await Promise.race([worker.stop(how), death.promise])
  }

  saw(what: string): void {
    this.#parts.sightings.saw(what)
  }

  /** Tells every worker that lives. */
  revoke(id: string): void {
    for (const { worker, process } of this.workers.values()) {
      if (process.state !== 'running') continue
      worker.revoke([id])
      this.#revoked.get(process)?.add(id)
    }
  }

  /** What a person does about full dead-letter places: takes the letters out, and starts anew the workers that had stopped to consume. */
  async makeRoom(connection: Connection): Promise<void> {
    const stuck = [...this.workers].filter(([, { worker, process }]) => process.alive && isStuck(worker))
    if (stuck.length === 0) return
    for (const queue of this.#parts.config.queues) {
      for (const letter of await connection.get(deadQueue(queue as QueueName), 1000)) {
        this.archive.push(letter.message)
        await letter.ack()
      }
    }
    for (const [name] of stuck) await this.stop(name, 'warm')
  }

  /** Moves the date for all clocks, present and future: what waits for a day that a wrong clock named need not. */
  moveDate(by: Ms): void {
    this.#ahead += by
    this.#parts.world.stepWallClock(by)
    for (const { process } of this.nodes()) process.stepWallClock(by)
  }

  /** Stops every worker, then ends all apps. From now on the dead stay dead. */
  async retire(): Promise<void> {
    this.#over = true
    for (const worker of this.workers.values()) if (worker.process.alive) await this.#ended(worker, 'warm')
    for (const { app } of this.nodes()) await app[Symbol.asyncDispose]()
  }

  /** Takes `retire` back: everybody starts anew. */
  revive(): void {
    for (const { process } of this.nodes()) process.kill()
    this.#over = false
    this.start()
  }

  #startWorker(config: WorkerConfig): void {
    const { children, concurrency, prefetchMultiplier, name, rate, skew } = config
    const brood = children === undefined ? undefined : this.#brood(config, children)
    const node: SimWorkerNode = this.cluster.worker(
      name,
      children === undefined
        ? { concurrency, prefetchMultiplier }
        : { pool: 'prefork', concurrency: children, prefetchMultiplier },
      { afterEffect: effect => this.#afterEffect(name, effect.kind, node) },
      { rate, skew: skew + this.#ahead },
      brood,
    )
    this.workers.set(name, node)
    brood?.of(node.process)
    node.process.onDeath(() => this.#again(() => this.#startWorker(config)))
  }

  #brood({ name, maxTasks }: WorkerConfig, size: number): Brood {
    const { world, journal, sightings, place } = this.#parts
    const brood = new Brood({ world, journal, sightings, ledger: place.ledger, size, maxTasks })
    this.#broods.set(name, brood)
    this.#everyBrood.push(brood)
    return brood
  }

  #startClient(config: NodeConfig): void {
    const { name, rate, skew } = config
    const node = this.cluster.client(name, { rate, skew: skew + this.#ahead })
    this.clients.set(name, node)
    node.process.onDeath(() => this.#again(() => this.#startClient(config)))
    for (const sending of this.#open.values()) if (sending.client === name) void this.#send(sending, node)
  }

  #again(start: () => void): void {
    if (this.#over) return
    const { world, config } = this.#parts
    world.after(config.restart, () => {
      if (this.#over) return
      this.#parts.sightings.saw('a worker started again after its death')
      start()
    })
  }

  #afterEffect(name: string, effect: string, { process }: SimNode): Promise<void> | undefined {
    const { sightings } = this.#parts
    sightings.saw(`effect ${effect}`)
    const doom = this.#dooms.get(name)
    if (doom?.effect !== effect || !process.alive) return undefined
    this.#dooms.delete(name)
    sightings.saw(`crash after ${effect}`)
    process.kill()
    return new Promise(() => undefined)
  }

  /** What its handlers do is told and asked as what the worker does. */
  #defineInChild(app: App, place: SimProcess, worker: SimProcess): void {
    this.#parts.define(app, worker, this.#tools(worker, this.#revoked.get(worker) ?? new Set()), place)
  }

  #tools({ name }: SimProcess, revoked: ReadonlySet<string>): ProcessTools {
    return {
      isRevoked: id => revoked.has(id),
      ended: () => {
        if (this.workers.get(name)?.backend.down === true) this.saw('the backend was down at an outcome')
      },
    }
  }

  #define(app: App, process: SimProcess): void {
    const { journal, sightings } = this.#parts
    const revoked = new Set<string>()
    this.#revoked.set(process, revoked)
    this.#parts.define(app, process, this.#tools(process, revoked), process)
    app.use({
      name: 'laboratory',
      observe: ({ type, fields }) => {
        const what = SIGHTS[type]
        if (what !== undefined) sightings.saw(what)
        if (type === 'task-revoked')
          sightings.saw(fields['expired'] === true ? 'a message expired' : 'a message was revoked')
        if (type === 'task-returned') sightings.saw(`returned: ${String(fields['why'])}`)
        if (!ENDED.has(type)) return
        for (const execution of journal.attempt(String(fields['id']), Number(fields['retries']))) {
          if (execution.process !== process) continue
          execution.told = true
          if (type === 'task-returned') execution.gaveUp = true
          else if (execution.end === undefined) execution.cutShort = true
        }
      },
    })
  }

  async #send({ id, at, stubborn, send }: Sending, { app, process }: SimNode): Promise<void> {
    const { fates, world, sightings } = this.#parts
    const { clock } = process.runtime
    if (at > world.now) await clock.sleep(at - world.now)
    for (;;) {
      const before = fates.get(id)
      fates.set(id, 'attempted')
      try {
        await send(app)
        if (before === 'attempted') sightings.saw('a publish was tried again after doubt')
        fates.set(id, 'accepted')
        break
      } catch (error) {
        sightings.saw(`not accepted: ${error instanceof Error ? error.name : String(error)}`)
        if (!stubborn) {
          const surely = error instanceof NotSentError && before === 'planned'
          if (surely) {
            fates.set(id, 'not-sent')
            sightings.saw('a publish was certainly not sent')
          }
          break
        }
        await clock.sleep(500)
      }
    }
    this.#open.delete(id)
  }
}
