import { App } from '../../app/app.js'
import { currentTask, runningTask } from '../../app/current-task.js'
import type { Extension } from '../../app/extension.js'
import type { SettingsInput } from '../../app/settings.js'
import type { RegisteredTask } from '../../app/task.js'
import type { Duration } from '../../app/task-options.js'
import { toEpochMs } from '../../app/to-epoch-ms.js'
import type { Broker, Connection, QueueStats } from '../../brokers/broker.js'
import { formatDuration, parseDuration } from '../../lib/duration.js'
import { ConfigError, LovageError } from '../../lib/errors.js'
import { type MemoryLog, type MemoryLogLine, memoryLog } from '../../lib/memory-log.js'
import type { EpochMs, Ms } from '../../lib/time.js'
import { taskId } from '../../protocol/ids.js'
import type { StopKind } from '../../worker/worker.js'
import { ClusterPlace, keepsResults } from './cluster-place.js'
import { ClusterWorker, type TestWorkerOptions } from './cluster-worker.js'
import { Ledger } from './ledger.js'
import { RealWork } from './real-work.js'
import type { RecordedDeadLetter, RecordedTask } from './recorded-task.js'
import { newRecording, type Recording } from './recording-queue-store.js'
import { RunningHandlers } from './running-handlers.js'
import { describeTask } from './show-task.js'
import { TaskExpectation } from './task-expectation.js'
import { TestClientBackend } from './test-client-backend.js'
import { VirtualTime } from './virtual-time.js'

interface CommonOptions {
  /** How many workers, named `w1`, `w2`, …; or each one by itself. Default 1. */
  readonly workers?: number | readonly TestWorkerOptions[]
  /** Tasks that a worker runs at a time; default 4. With 1, tasks of a queue run one after another. */
  readonly concurrency?: number
  /** Queues that every worker consumes; default those that the app declares, as for any worker. */
  readonly queues?: readonly string[]
  /** Laid over the settings of the apps while the cluster lives. */
  readonly settings?: SettingsInput
  /** Decides everything that is left to chance: jitter, ids, the order of what happens at one instant. Default 1. */
  readonly seed?: number | string
  /** Virtual time at the beginning. Default: what the clock on the wall says. */
  readonly now?: Date | number | string
  /** How long, in real time, a handler may be busy with something real before virtual time goes on all the same. Default 5 s. */
  readonly patience?: Duration
}

/** `app`: the app under test. `define`: registers the tasks of an app made for the test. */
export type TestClusterOptions = CommonOptions &
  (
    | { readonly app: App; readonly define?: undefined }
    | { readonly define: (app: App) => void; readonly app?: undefined }
  )

/** Nothing stalls here by itself, and an hour of virtual time would be a thousand looks. */
const UNWATCHED: SettingsInput = Object.freeze({
  workerStallTimeout: 0,
  workerUnservedQueueWarning: false,
  chordSweepInterval: 0,
})

export interface DrainOptions {
  /** The most virtual time it may take; default 7 days. */
  readonly within?: Duration
}

const WEEK: Ms = 7 * 86_400_000

/**
 * Starts real workers on a broker and a result backend in memory, in virtual time, for the tests of the app given. The
 * app's broker, result backend and runtime are the cluster's until the cluster is closed.
 *
 * Nothing happens by itself: the test moves time with `advance`, `drain` and `until`. Global timers, `Date` and I/O stay
 * real; time stands still while a handler is busy with them.
 *
 * @throws ConfigError `LVG_APP_IN_TEST` when the app is in another cluster, `LVG_BAD_OPTION`.
 */
export async function testCluster(options: TestClusterOptions): Promise<TestCluster> {
  const cluster = new TestCluster(options)
  try {
    await cluster.start()
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

/** Made by `testCluster`. */
export class TestCluster implements AsyncDisposable {
  readonly app: App
  readonly #options: TestClusterOptions
  readonly #handlers = new RunningHandlers()
  readonly #realWork = new RealWork()
  readonly #log: MemoryLog = memoryLog()
  readonly #ledger: Ledger
  readonly #recording: Recording
  readonly #place: ClusterPlace
  readonly #time: VirtualTime
  readonly #broker: Broker
  readonly #extension: Extension
  readonly #adopted: AsyncDisposable[] = []
  readonly #workers = new Map<string, ClusterWorker>()
  readonly #crashAfterRun = new Set<string>()
  #waiting = 0
  #connection: Connection | undefined
  #closed: Promise<void> | undefined

  constructor(options: TestClusterOptions) {
    this.#options = options
    const now = options.now === undefined ? undefined : toEpochMs(options.now)
    if (options.now !== undefined && now === undefined) throw badOption('now', 'a Date, epoch ms or ISO 8601 text')
    this.app = options.app ?? new App('test', {}, { environment: {} })
    const epoch = now ?? this.app.runtime.clock.now()
    const { log } = this.#log
    this.#place = new ClusterPlace({ seed: options.seed ?? 1, epoch, log, handlers: this.#handlers })
    this.#ledger = new Ledger({ now: () => this.#now(), codec: () => this.app.codec })
    this.#recording = newRecording((entry, queue) => this.#ledger.published(entry, queue))
    this.#broker = this.#place.clientBroker(this.#recording)
    this.#extension = this.#makeExtension()
    this.#time = new VirtualTime({
      clock: this.#place.clock,
      realWork: this.#realWork,
      patience: duration('patience', options.patience) ?? 5000,
      busy: () => this.#waiting > 0 || this.#handlers.anyBusy,
      giveUp: () => {
        this.#waiting = 0
        this.#handlers.giveUp()
      },
    })
    this.adopt(this.app)
    options.define?.(this.app)
  }

  /** Virtual time. */
  get now(): Date {
    return new Date(this.#now())
  }

  /** Everything that was published, in order, by whomever. */
  get tasks(): readonly RecordedTask[] {
    return this.#ledger.entries
  }

  /** Published, and not begun: in a queue, or held for its eta. */
  get waiting(): readonly RecordedTask[] {
    return this.tasks.filter(({ state }) => state === 'waiting' || state === 'retrying')
  }

  get failed(): readonly RecordedTask[] {
    return this.tasks.filter(({ state }) => state === 'failed')
  }

  get deadLetters(): readonly RecordedDeadLetter[] {
    return this.#ledger.deadLetters
  }

  /** What apps and workers have logged. */
  get log(): readonly MemoryLogLine[] {
    return this.#log.lines
  }

  /** Names of the workers that run. */
  get workers(): readonly string[] {
    return [...this.#workers.keys()]
  }

  /** Lets a second app, such as that of a web server, use the cluster's broker, results and clock until the cluster is closed. */
  adopt(app: App): void {
    const backend = keepsResults(app)
      ? { backend: new TestClientBackend(this.#place.clientBackend(), this.#realWork, () => this.#time.drives) }
      : {}
    const settings = { ...UNWATCHED, ...this.#options.settings, taskAlwaysEager: false }
    this.#adopted.push(
      app.substitute({
        runtime: this.#place.runtime,
        broker: this.#broker,
        extension: this.#extension,
        settings: keepsResults(app) ? settings : { ...settings, resultBackend: 'disabled://' },
        ...backend,
      }),
    )
  }

  /** Starts the workers of the options; `testCluster` has called it. */
  async start(): Promise<void> {
    const { workers = 1 } = this.#options
    const wanted = typeof workers === 'number' ? Array.from({ length: workers }, () => ({})) : workers
    for (const options of wanted) await this.startWorker(options)
  }

  /** Starts one more worker, or one in the place of one that has crashed or stopped; gives its name. */
  async startWorker(options: TestWorkerOptions = {}): Promise<string> {
    const name = options.name ?? this.#freeName()
    if (this.#workers.has(name)) throw badOption('name', 'a name that no running worker has')
    const app = options.app ?? this.app
    const { concurrency = 4, queues } = this.#options
    const worker = new ClusterWorker(this.#place, this.#recording, {
      concurrency,
      ...(queues === undefined ? {} : { queues }),
      ...options,
      app,
      name,
    })
    this.#workers.set(name, worker)
    try {
      await this.until(worker.worker.start())
      return name
    } catch (error) {
      this.#workers.delete(name)
      throw error
    }
  }

  /** Lets so much virtual time pass, and everything happen that happens meanwhile: etas, retries, time limits, expiry. */
  async advance(by: Duration): Promise<void> {
    const ms = duration('advance', by) ?? 0
    await this.#time.drive(() => this.#time.run(this.#time.now + ms))
  }

  /**
   * Lets everything happen, moving time as far as it takes, until nothing is in a queue, held or running. Dead letters
   * may be left. Failed tasks are no error of `drain`: see `failed`, or `expectNoFailures`.
   *
   * @throws LovageError `LVG_CLUSTER_NOT_DRAINED`, saying what is left, when that is not so `within` so much virtual time.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const within = duration('within', options.within) ?? WEEK
    await this.#time.drive(() => this.#drain(this.#time.now + within, within))
  }

  /**
   * Lets things happen, moving time as far as it takes, until the promise settles, and everything else of that instant;
   * gives what the promise gives. For whatever waits for the cluster: `await cluster.until(result.get())`.
   *
   * @throws LovageError `LVG_CLUSTER_STALLED` when it has not settled `within` so much virtual time.
   */
  async until<T>(promise: Promise<T>, options: DrainOptions = {}): Promise<T> {
    const within = duration('within', options.within) ?? WEEK
    let settled = false
    const settling = promise.finally(() => {
      settled = true
    })
    settling.catch(() => undefined)
    await this.#time.drive(async () => {
      this.#waiting++
      try {
        await this.#time.run(this.#time.now + within, { done: () => settled })
      } finally {
        this.#waiting = Math.max(0, this.#waiting - 1)
      }
      // What else belongs to this instant: a stored result is seen before its worker has told of it.
      await this.#time.run(this.#time.now)
      if (!settled)
        throw await this.#unfinished(
          'LVG_CLUSTER_STALLED',
          `The promise has not settled within ${formatDuration(within)}`,
        )
    })
    return await settling
  }

  /** Assertions about one task, by its name or itself: `cluster.expect(welcome).toHaveRun({ times: 1 })`. */
  expect(task: string | Pick<RegisteredTask, 'name'>): TaskExpectation {
    const name = typeof task === 'string' ? task : task.name
    return new TaskExpectation(name, this.#ledger.entries, this.#ledger.deadLetters)
  }

  /** Throws when a task has failed for good or is a dead letter, naming all that have, the first error as its cause. */
  expectNoFailures(): void {
    const { failed, deadLetters } = this
    if (failed.length + deadLetters.length === 0) return
    const lines = [
      ...failed.map(describeTask),
      ...deadLetters.map(({ name, id, reason, detail }) => `${name}[${id}] is a dead letter (${reason}): ${detail}`),
    ]
    const message = `${lines.length === 1 ? 'A task has' : `${lines.length} tasks have`} failed:\n${lines.map(line => `  ${line}`).join('\n')}`
    throw new LovageError('LVG_TEST_FAILURES', message, { cause: failed[0]?.error })
  }

  /**
   * kill −9: the worker is gone at once. Nothing it was about to do happens, no `finally` of its handlers runs as far as
   * they wait for the cluster; what it held comes back after `leaseTime`. Nobody restarts it but `startWorker`.
   */
  crash(name: string): void {
    const worker = this.#worker(name)
    this.#workers.delete(name)
    worker.process.kill()
    for (const context of this.#handlers.contexts())
      if (context.hostname === worker.hostname) this.#handlers.leave(context)
    this.#ledger.crashed(name, task => worker.app.policy(task).acksLate)
  }

  /**
   * When a handler of the task ends the next time, its worker crashes at that instant: the work is done, and nobody was
   * told. With `acksLate` the task runs again; what it does then must be what it did before.
   */
  crashAfterNext(task: string | Pick<RegisteredTask, 'name'>): void {
    this.#crashAfterRun.add(typeof task === 'string' ? task : task.name)
  }

  /** Stops a worker as a deployment does; resolves when it has stopped, moving time as far as it takes. */
  async stopWorker(name: string, how: StopKind = 'warm'): Promise<void> {
    const worker = this.#worker(name)
    await this.until(worker.worker.stop(how))
    this.#workers.delete(name)
  }

  /**
   * Delivers the message of a task again, as if the worker that ran it had died before it could tell: its result is
   * forgotten, and the handler runs once more, with `deliveryInfo.redelivered` set. For testing that a handler may be
   * repeated, whatever its options.
   *
   * @throws LovageError `LVG_CLUSTER_NO_TASK`
   */
  async redeliver(id: string): Promise<void> {
    const entry = this.#ledger.find(id)
    if (entry === undefined) throw noTask(id)
    await this.#place.clientBackend().forget([taskId(id)])
    const requeues = entry.runs.length
    // A worker remembers what it has finished; this header names another attempt (worker/running.ts).
    const message = { ...entry.message, headers: { ...entry.message.headers, lovage_requeued: `test-${requeues}` } }
    this.#recording.redelivered.add(message)
    const connection = await this.#connect()
    await connection.publish(
      message,
      { exchange: '', routingKey: entry.queue },
      { publishId: `${id}:test:${requeues}` },
    )
  }

  /** Ends the workers and gives the apps back as they were. What waits is dropped. */
  async close(): Promise<void> {
    this.#closed ??= this.#close()
    await this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    const workers = [...this.#workers.values()]
    // Handlers that are under way hear of it, so that they let go of what is real.
    for (const { worker } of workers) worker.stop('cold').catch(() => undefined)
    await this.#time.drive(() => this.#time.run(this.#time.now))
    for (const { process } of workers) process.kill()
    this.#workers.clear()
    await Promise.all(this.#adopted.map(app => app[Symbol.asyncDispose]()))
    await this.#broker[Symbol.asyncDispose]()
  }

  async #drain(end: Ms, within: Ms): Promise<void> {
    for (;;) {
      await this.#time.run(this.#time.now)
      if (await this.#isQuiet()) return
      const { due } = this.#time
      if (due === undefined || due > end) {
        throw await this.#unfinished(
          'LVG_CLUSTER_NOT_DRAINED',
          `Not everything was done within ${formatDuration(within)}`,
        )
      }
      await this.#time.run(due)
    }
  }

  async #isQuiet(): Promise<boolean> {
    if (this.#handlers.size > 0 || this.#ledger.anyUntold) return false
    return (await this.#left()).length === 0
  }

  /** Queues with something in them, but for dead letters. */
  async #left(): Promise<readonly QueueStats[]> {
    const connection = await this.#connect()
    const stats = await connection.list()
    return stats.filter(({ queue, ready, held, delayed }) => !queue.endsWith('.dead') && ready + held + delayed > 0)
  }

  async #unfinished(code: string, problem: string): Promise<LovageError> {
    const queues = (await this.#left()).map(describeQueue)
    const open = this.tasks.filter(({ state }) => ['waiting', 'retrying', 'running'].includes(state))
    const shown = open.slice(0, 10).map(describeTask)
    const more = open.length > shown.length ? [`… and ${open.length - shown.length} more`] : []
    const lines = [...queues, ...shown, ...more]
    const left =
      lines.length === 0 ? ' Nothing is left to happen.' : ` Left:\n${lines.map(line => `  ${line}`).join('\n')}`
    return new LovageError(code, `${problem} of virtual time.${left}`)
  }

  async #connect(): Promise<Connection> {
    this.#connection ??= await this.#broker.connect({ name: 'test' })
    return this.#connection
  }

  #makeExtension(): Extension {
    return {
      name: 'test cluster',
      publish: (message, next) =>
        this.#isGone(runningTask()?.hostname) ? new Promise(() => undefined) : next(message),
      execute: (_request, next) => this.#execute(next),
      observe: event => {
        if (!this.#isGone(event.fields['worker'])) this.#observe(event)
      },
    }
  }

  async #execute(next: () => Promise<unknown>): Promise<unknown> {
    const context = currentTask()
    const worker = [...this.#workers.values()].find(({ hostname }) => hostname === context.hostname)
    if (worker === undefined) return next()
    this.#handlers.enter(context)
    this.#ledger.started(context, worker.name)
    let ended: 'returned' | 'threw' = 'threw'
    let thrown: unknown
    try {
      const value = await next()
      ended = 'returned'
      return value
    } catch (error) {
      thrown = error
      throw error
    } finally {
      if (worker.process.alive) {
        this.#ledger.ended(context, ended, thrown)
        this.#handlers.leave(context)
        if (this.#crashAfterRun.delete(context.task)) this.crash(worker.name)
      }
      if (!worker.process.alive) await new Promise(() => undefined)
    }
  }

  #observe(event: Parameters<NonNullable<Extension['observe']>>[0]): void {
    const { id, claim } = event.fields
    this.#ledger.observed(event)
    if (event.type === 'task-received' || event.type === 'task-started') return
    // Told, though the handler still runs: it was abandoned at its hard time limit, or its worker stops.
    for (const context of this.#handlers.contexts()) {
      if (context.id === id && context.fence?.claim === claim) this.#handlers.leave(context)
    }
  }

  /** A worker that crashed; its handlers may still run for real. */
  #isGone(hostname: unknown): boolean {
    return typeof hostname === 'string' && ![...this.#workers.values()].some(worker => worker.hostname === hostname)
  }

  #worker(name: string): ClusterWorker {
    const worker = this.#workers.get(name)
    if (worker !== undefined) return worker
    const known = this.workers.join(', ') || 'none'
    throw new LovageError('LVG_CLUSTER_NO_WORKER', `No worker ${name} runs in this cluster. Running: ${known}.`)
  }

  #freeName(): string {
    for (let n = 1; ; n++) if (!this.#workers.has(`w${n}`)) return `w${n}`
  }

  #now(): EpochMs {
    return this.#place.runtime.clock.now()
  }
}

function describeQueue({ queue, ready, held, delayed, consumers }: QueueStats): string {
  const unserved = consumers === 0 ? ', and no worker consumes it' : ''
  return `queue ${queue}: ${ready} ready, ${held} held, ${delayed} delayed${unserved}`
}

function duration(name: string, value: Duration | undefined): Ms | undefined {
  if (value === undefined) return undefined
  const ms = parseDuration(value)
  if (ms === undefined) throw badOption(name, "seconds, or text such as '5m'")
  return ms
}

function badOption(name: string, expected: string): ConfigError {
  return new ConfigError('LVG_BAD_OPTION', `Test cluster: \`${name}\` must be ${expected}.`)
}

function noTask(id: string): LovageError {
  return new LovageError('LVG_CLUSTER_NO_TASK', `No task ${id} was published in this cluster.`)
}
