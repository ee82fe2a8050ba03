import type { App } from '../app/app.js'
import type { Broker } from '../brokers/broker.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { ConfigError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { Service } from '../lib/service.js'
import type { Ms } from '../lib/time.js'
import { type NodeName, nodeName, type QueueName, taskId } from '../protocol/ids.js'
import { checkWorkerOptions } from './check-worker-options.js'
import { createEngine, type Engine, STEP_DEADLINE } from './engine.js'
import { expandNodeName } from './node-name.js'
import { poolSize } from './pool-name.js'
import type { WorkerOptions, WorkerParts } from './worker-options.js'

/**
 * How a worker stops (reliability §8.1). `warm`: running tasks finish, everything else goes back. `soft`: warm for at most
 * `workerSoftShutdownTimeout`, then cold. `cold`: running tasks are interrupted, given `workerColdShutdownTimeout`, and
 * abandoned. `hard`: nothing is waited for; the broker notices.
 */
export type StopKind = 'warm' | 'soft' | 'cold' | 'hard'

export type WorkerEnd =
  | { readonly kind: 'stopped'; readonly how: StopKind }
  /** It stopped by itself. */
  | { readonly kind: 'failed'; readonly error: unknown }

const NO_QUEUES =
  'There is no queue to consume: `queues` names none, or `excludeQueues` (workerExcludeQueues) all of them.'

const RANK: Readonly<Record<StopKind, number>> = { warm: 0, soft: 1, cold: 2, hard: 3 }

/**
 * A worker: consumes queues of an app's broker and runs its tasks.
 *
 * Modes: *new*, *running* (after `start`), *stopping* (after `stop`, or when the session failed; a harder `stop` overtakes
 * a softer one under way), *closed* (`closed` has settled). Its parts (engine.ts) are started from top to bottom and
 * stopped in reverse.
 */
export class Worker implements Service {
  readonly app: App
  readonly name: NodeName
  readonly concurrency: number
  readonly queues: readonly QueueName[]
  readonly #options: WorkerOptions
  readonly #parts: WorkerParts
  readonly #runtime: Runtime
  readonly #end = deferred<WorkerEnd>()
  readonly #abort = new AbortController()
  #engine: Engine | undefined
  #stop: StopKind | undefined
  #stopping: Promise<void> | undefined
  #harder: Deferred<void> = deferred()

  constructor(app: App, options: WorkerOptions = {}, parts: WorkerParts = {}) {
    checkWorkerOptions(options)
    const runtime = parts.runtime ?? app.runtime
    this.app = app
    this.name = nodeName(expandNodeName(options.name ?? app.settings.workerName, runtime.host.name))
    const wanted = options.concurrency ?? app.settings.workerConcurrency ?? runtime.host.cpus
    this.concurrency = poolSize(options.pool ?? app.settings.workerPool, wanted)
    this.queues = app.queues.consumed(options.queues, options.excludeQueues).map(queue => queue.name)
    if (this.queues.length === 0) throw new ConfigError('LVG_BAD_OPTION', NO_QUEUES)
    this.#options = options
    this.#parts = parts
    this.#runtime = runtime
  }

  /** How it ended. Never rejects. */
  get closed(): Promise<WorkerEnd> {
    return this.#end.promise
  }

  /** Executions under way. */
  get busy(): number {
    return this.#engine?.intake.busy ?? 0
  }

  /**
   * Resolves when messages are being consumed. Rejects with `ConfigError`, or with `BrokerError` when the broker stays out
   * of reach for `brokerConnectionMaxRetries` tries or its answer is final.
   */
  async start(signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { app, name, concurrency } = this
    const { broker = await app.broker(), backend = await app.backend() } = this.#parts
    const engine = createEngine({
      app,
      name,
      broker,
      backend,
      concurrency,
      options: this.#options,
      parts: this.#parts,
      stopping: () => this.#stop !== undefined,
    })
    this.#engine = engine
    const started = AbortSignal.any([signal, this.#abort.signal])
    try {
      await engine.pool.start(started)
      if (this.#options.purge === true) await this.#purge(broker, started)
      await engine.session.start(started)
    } catch (error) {
      await this.#dispose(engine)
      this.#end.resolve(this.#stop === undefined ? { kind: 'failed', error } : { kind: 'stopped', how: this.#stop })
      throw error
    }
    void engine.session.failed.then(error => this.#failed(error))
    this.#warnOfLimits()
    this.#runtime.log.info(`${name} ready.`)
    await this.#drainSpool(engine)
  }

  /** Idempotent; a harder kind overtakes a softer one. Resolves when the worker has stopped (`hard`: at once). */
  async stop(how: StopKind): Promise<void> {
    if (this.#stop === undefined || RANK[how] > RANK[this.#stop]) {
      this.#stop = how
      this.#harder.resolve()
      this.#harder = deferred()
    }
    if (how === 'hard') this.#end.resolve({ kind: 'stopped', how })
    this.#abort.abort()
    this.#stopping ??= this.#shutDown().finally(() => this.#end.resolve({ kind: 'stopped', how: this.#stop ?? how }))
    await Promise.race([this.#stopping, this.#end.promise])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('warm')
  }

  /**
   * These ids will not start here; with `terminate`, those running are ended: by their AbortSignal, after
   * `workerColdShutdownTimeout` for good.
   */
  revoke(ids: readonly string[], options: { readonly terminate?: boolean; readonly signal?: string } = {}): void {
    const grace = this.app.settings.workerColdShutdownTimeout
    const terminate = options.terminate === true ? { signal: options.signal ?? 'SIGTERM', grace } : undefined
    this.#engine?.intake.revoke(ids.map(taskId), terminate)
  }

  /** The inline pool cannot end code that does not listen; whoever sets a hard limit should know before it matters. */
  #warnOfLimits(): void {
    const { app } = this
    const limited = [...app.tasks.keys()].filter(task => app.policy(task).timeLimit !== undefined)
    if (limited.length === 0 && this.#options.timeLimit === undefined) return
    this.#runtime.log.warning(
      'Hard time limits: the inline pool abandons a task at its limit (its state is stored, its slot is free), but cannot stop code that ignores its AbortSignal.',
    )
  }

  async #shutDown(): Promise<void> {
    const engine = this.#engine
    if (engine === undefined) return
    await this.#within(STEP_DEADLINE, engine.session.stopConsuming())
    engine.intake.close()
    await this.#finishWork(engine)
    await this.#dispose(engine)
  }

  /** Warm, then, when its time is over or somebody asked for more, cold. */
  async #finishWork(engine: Engine): Promise<void> {
    const drained = engine.intake.drained()
    while (this.#stop === 'warm' || this.#stop === 'soft') {
      const { workerWarmShutdownTimeout, workerSoftShutdownTimeout } = this.app.settings
      const patience = this.#stop === 'soft' ? workerSoftShutdownTimeout : workerWarmShutdownTimeout
      const first = await this.#first(drained, patience)
      if (first === 'done') return
      if (first === 'late') this.#stop = 'cold'
    }
    if (this.#stop === 'hard') return
    const { log } = this.#runtime
    if (engine.intake.busy > 0) log.warning(`Cold shutdown: ${engine.intake.busy} running tasks are interrupted.`)
    engine.intake.interruptAll()
    if ((await this.#first(drained, this.app.settings.workerColdShutdownTimeout)) === 'done') return
    engine.intake.killAll()
    await this.#first(drained, STEP_DEADLINE)
  }

  /** What comes first: the work is done, a harder stop was asked for, or the time is over (undefined = no limit). */
  async #first(drained: Promise<void>, patience: Ms | undefined): Promise<'done' | 'harder' | 'late'> {
    const late = deferred<'late'>()
    const timer = patience === undefined ? undefined : this.#runtime.clock.timer(patience, () => late.resolve('late'))
    const harder = this.#harder.promise.then(() => 'harder' as const)
    try {
      return await Promise.race([drained.then(() => 'done' as const), harder, late.promise])
    } finally {
      timer?.[Symbol.dispose]()
    }
  }

  async #dispose(engine: Engine): Promise<void> {
    await this.#within(STEP_DEADLINE, engine.session[Symbol.asyncDispose]())
    await this.#within(STEP_DEADLINE, engine.pool[Symbol.asyncDispose]())
    engine.intake[Symbol.dispose]()
    engine.spool[Symbol.dispose]()
  }

  /** D81: no step of ours keeps a stopping worker for longer than this. */
  async #within(limit: Ms, step: PromiseLike<void>): Promise<void> {
    const over = deferred()
    const timer = this.#runtime.clock.timer(limit, () => over.resolve())
    try {
      await Promise.race([step, over.promise])
    } catch (error) {
      this.#runtime.log.warning(`While stopping: ${String(error)}`)
    } finally {
      timer[Symbol.dispose]()
    }
  }

  #failed(error: unknown): void {
    if (this.#stop !== undefined) return
    this.#runtime.log.critical(`${this.name} stops: ${error instanceof Error ? error.message : String(error)}`)
    this.#end.resolve({ kind: 'failed', error })
    void this.stop('warm')
  }

  async #purge(broker: Broker, signal: AbortSignal): Promise<void> {
    await using connection = await broker.connect({ name: this.name }, signal)
    for (const queue of this.app.queues.consumed(this.#options.queues, this.#options.excludeQueues)) {
      await connection.declare({ queues: [queue] })
      const dropped = await connection.purge(queue.name)
      this.#runtime.log.warning(`Purged ${dropped} messages from ${queue.name}.`)
    }
  }

  async #drainSpool(engine: Engine): Promise<void> {
    try {
      const redone = await engine.spool.drain()
      if (redone > 0)
        this.#runtime.log.info(`${redone} ends of early-acked tasks, kept in the spool by the last run, were told.`)
    } catch (error) {
      this.#runtime.log.error(`The spool could not be read: ${String(error)}`)
    }
  }
}
