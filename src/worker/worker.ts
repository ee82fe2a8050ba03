import type { App } from '../app/app.js'
import { readAutoscale } from '../app/autoscale-range.js'
import { parseHealthAddress } from '../app/health-address.js'
import { healthPage } from '../app/health-pages.js'
import { parseRate } from '../app/rate.js'
import type { Rate } from '../app/rate-limit.js'
import type { Broker } from '../brokers/broker.js'
import { type HttpPages, serveHttpPages } from '../drivers/http-pages.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { ConfigError } from '../lib/errors.js'
import type { Runtime } from '../lib/runtime.js'
import type { Service } from '../lib/service.js'
import type { Ms } from '../lib/time.js'
import { PoolError, poolRestartsOff } from '../pools/errors.js'
import type { PoolKind } from '../pools/pool.js'
import { type NodeName, nodeName, type QueueName, taskId } from '../protocol/ids.js'
import type { AutoscaleRange } from './autoscale.js'
import { checkWorkerOptions } from './check-worker-options.js'
import { type PoolPlan, planPool } from './create-pool.js'
import { createEngine, type Engine, STEP_DEADLINE } from './engine.js'
import { type Health, type HealthFacts, judgeHealth } from './health.js'
import { openLimitStore } from './limit-place.js'
import { expandNodeName } from './node-name.js'
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

const NOTHING_YET = { stall: undefined, full: [], block: undefined, deliveries: 0, busy: 0, slots: 0 } as const

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
  /** Bounds of a pool that follows its load; undefined = it keeps its size. */
  readonly autoscale: AutoscaleRange | undefined
  readonly queues: readonly QueueName[]
  readonly #options: WorkerOptions
  readonly #plan: PoolPlan
  readonly #parts: WorkerParts
  readonly #runtime: Runtime
  readonly #end = deferred<WorkerEnd>()
  readonly #abort = new AbortController()
  #engine: Engine | undefined
  #pages: HttpPages | undefined
  /** It publishes what stands in the outbox. */
  #relay: Disposable | undefined
  #stop: StopKind | undefined
  #stopping: Promise<void> | undefined
  #isRunning = false
  #isClosed = false
  #harder: Deferred<void> = deferred()

  constructor(app: App, options: WorkerOptions = {}, parts: WorkerParts = {}) {
    checkWorkerOptions(options)
    const runtime = parts.runtime ?? app.runtime
    this.app = app
    this.name = nodeName(expandNodeName(options.name ?? app.settings.workerName, runtime.host.name))
    const pool = options.pool ?? app.settings.workerPool
    const range = readAutoscale(options.autoscale) ?? app.settings.workerAutoscale
    const wanted = options.concurrency ?? app.settings.workerConcurrency ?? runtime.host.cpus
    this.#plan = planPool(pool, range === undefined ? wanted : Math.max(1, range.min))
    this.autoscale = range === undefined ? undefined : { max: planPool(pool, range.max).size, min: range.min }
    this.queues = app.queues.consumed(options.queues, options.excludeQueues).map(queue => queue.name)
    if (this.queues.length === 0) throw new ConfigError('LVG_BAD_OPTION', NO_QUEUES)
    this.#options = options
    this.#parts = parts
    this.#runtime = runtime
  }

  /** Tasks that run at a time, now. */
  get concurrency(): number {
    return this.#engine?.pool.size ?? this.#plan.size
  }

  get poolKind(): PoolKind {
    return this.#plan.kind
  }

  /** How it ended. Never rejects. */
  get closed(): Promise<WorkerEnd> {
    return this.#end.promise
  }

  /** Executions under way. */
  get busy(): number {
    return this.#engine?.intake.executions.busy ?? 0
  }

  /** Whether it does its work, judged by what it does. */
  get health(): Health {
    const engine = this.#engine
    const facts = engine?.watch.facts ?? NOTHING_YET
    return judgeHealth({ ...facts, mode: this.#mode, consuming: engine?.session.live !== undefined })
  }

  /**
   * Resolves when messages are being consumed. Rejects with `ConfigError`, or with `BrokerError` when the broker stays out
   * of reach for `brokerConnectionMaxRetries` tries or its answer is final.
   */
  async start(signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { app, name } = this
    const { broker = await app.broker(), backend = await app.backend() } = this.#parts
    const engine = createEngine({
      app,
      name,
      broker,
      backend,
      plan: this.#plan,
      autoscale: this.autoscale,
      limitStore: await openLimitStore(app, broker),
      options: this.#options,
      parts: this.#parts,
      stopping: () => this.#stop !== undefined,
      shutDown: () => void this.stop('warm'),
    })
    this.#engine = engine
    const started = AbortSignal.any([signal, this.#abort.signal])
    try {
      await this.#serveHealth()
      engine.watch.loop.start()
      await engine.pool.start(started)
      if (this.#options.purge === true) await this.#purge(broker, started)
      await engine.revoking.start()
      await engine.session.start(started)
      engine.autoscaler?.start()
    } catch (error) {
      await this.#dispose(engine)
      this.#end.resolve(this.#stop === undefined ? { kind: 'failed', error } : { kind: 'stopped', how: this.#stop })
      throw error
    }
    void engine.session.failed.then(error => this.#failed(error))
    void engine.pool.failed.then(error => this.#failed(error))
    this.#isRunning = true
    this.#relay = app.relayOutbox()
    this.#warnOfInline()
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
   * Told to this worker only (everybody: `app.control.revoke`): these ids will not start here; with `terminate`, those running
   * are ended: by their AbortSignal, after `workerColdShutdownTimeout` by the signal, after that time again for good.
   */
  revoke(ids: readonly string[], options: { readonly terminate?: boolean; readonly signal?: string } = {}): void {
    const revoker = this.#engine?.revoking.revoker
    const named = ids.map(taskId)
    revoker?.merge(named)
    if (options.terminate === true) revoker?.terminate(named, options.signal ?? 'SIGTERM')
  }

  get #mode(): HealthFacts['mode'] {
    if (this.#isClosed) return 'closed'
    if (this.#stop !== undefined) return 'stopping'
    return this.#isRunning ? 'running' : 'starting'
  }

  /** Before it is connected: whoever asks is told that it starts. */
  async #serveHealth(): Promise<void> {
    const given = this.#options.health ?? this.app.settings.workerHealth
    if (given === undefined) return
    const { host, port } = parseHealthAddress(given)
    const parts = {
      role: 'worker',
      name: this.name,
      extensions: this.app.extensions,
      health: () => this.health,
    } as const
    this.#pages = await serveHttpPages(host, port, path => healthPage(path, parts))
    this.#runtime.log.info(`Health is told at ${this.#pages.url}/livez and /readyz, metrics at /metrics.`)
  }

  /**
   * Another rate limit for a task of this app, in this worker and until it ends: `'10/m'`, or null for none. Whoever waits by the
   * old one goes on by it. Throws `ConfigError` `LVG_BAD_OPTION`.
   */
  setRateLimit(task: string, limit: Rate | null): void {
    if (parseRate(limit) === undefined || !this.app.tasks.has(task)) {
      const wrong = this.app.tasks.has(task)
        ? `A rate limit must be text such as '10/m', not ${String(limit)}.`
        : `There is no task ${task}.`
      throw new ConfigError('LVG_BAD_OPTION', wrong)
    }
    this.#running().limits.setRateLimit(task, limit ?? undefined)
  }

  /**
   * So many tasks at a time from now on, 1 or more; prefetch follows. Only idle slots are taken away: `PoolError`
   * `LVG_POOL_BUSY` when there are too few, and those that are idle are gone then.
   */
  async resize(concurrency: number): Promise<void> {
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new ConfigError('LVG_BAD_OPTION', `Concurrency must be a whole number, 1 or more, not ${concurrency}.`)
    }
    const engine = this.#running()
    try {
      await engine.pool.resize(concurrency)
    } finally {
      engine.intake.executions.pump()
      engine.session.updatePrefetch()
    }
  }

  /**
   * New pool members with modules loaded anew, without a pause; running tasks end where they run. Rejects as
   * `Pool.restart`, and with `PoolError` `LVG_POOL_RESTARTS` where `workerPoolRestarts` does not permit it.
   */
  async restartPool(): Promise<void> {
    const { pool } = this.#running()
    if (!this.app.settings.workerPoolRestarts) throw poolRestartsOff()
    await pool.restart()
  }

  #running(): Engine {
    if (this.#engine !== undefined && this.#stop === undefined) return this.#engine
    throw new PoolError('LVG_POOL_NOT_RUNNING', `${this.name} is not running.`)
  }

  /** What the inline pool cannot do, whoever asked for it should know before it matters. */
  #warnOfInline(): void {
    if (this.poolKind !== 'inline') return
    const { app } = this
    const { log } = this.#runtime
    if ([...app.tasks.keys()].some(task => app.policy(task).timeLimit !== undefined)) {
      log.warning(
        'Hard time limits: the inline pool abandons a task at its limit (its state is stored, its slot is free), but cannot stop code that ignores its AbortSignal. The pools prefork and threads can.',
      )
    }
    const { workerMaxTasksPerChild, workerMaxMemoryPerChild } = app.settings
    if (workerMaxTasksPerChild !== undefined || workerMaxMemoryPerChild !== undefined) {
      log.warning(
        'The inline pool has no children: workerMaxTasksPerChild and workerMaxMemoryPerChild have no effect. The pools prefork and threads have.',
      )
    }
  }

  async #shutDown(): Promise<void> {
    const engine = this.#engine
    if (engine === undefined) return
    this.#relay?.[Symbol.dispose]()
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
    if (engine.intake.executions.busy > 0)
      log.warning(`Cold shutdown: ${engine.intake.executions.busy} running tasks are interrupted.`)
    engine.intake.executions.interruptAll()
    if ((await this.#first(drained, this.app.settings.workerColdShutdownTimeout)) === 'done') return
    engine.intake.executions.killAll()
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
    await this.#within(STEP_DEADLINE, engine.revoking[Symbol.asyncDispose]())
    await this.#within(STEP_DEADLINE, engine.pool[Symbol.asyncDispose]())
    engine.intake[Symbol.dispose]()
    engine.teller[Symbol.dispose]()
    await this.#within(STEP_DEADLINE, engine.desk[Symbol.asyncDispose]())
    engine.autoscaler?.[Symbol.dispose]()
    engine.spool[Symbol.dispose]()
    engine.watch[Symbol.dispose]()
    this.#isClosed = true
    if (this.#pages !== undefined) await this.#within(STEP_DEADLINE, this.#pages[Symbol.asyncDispose]())
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
