import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import type { IsGroup } from '../canvas/canvas.js'
import { type Dag, isDag } from '../canvas/dag.js'
import type { ResultOf, TypedSignature } from '../canvas/typed-signature.js'
import type { AskOptions } from '../control/broadcast-options.js'
import { Control } from '../control/control.js'
import {
  type CommandHandler,
  type CustomCommand,
  type CustomCommandOptions,
  customCommand,
} from '../control/custom-command.js'
import { Inspect } from '../control/inspect.js'
import { LineAsker } from '../control/line-asker.js'
import { ConfigError } from '../lib/errors.js'
import { nodeEnvironment } from '../lib/node-environment.js'
import { nodeRuntime } from '../lib/node-runtime.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import type { Codec } from '../protocol/codec.js'
import type { CommandKind } from '../protocol/control-commands.js'
import { groupId, type TaskId, taskId, taskName } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { AsyncResult } from './async-result.js'
import { builtinTasks } from './builtin-tasks.js'
import type { CallOptions } from './call-options.js'
import { CanvasSender } from './canvas-sender.js'
import type { Addition } from './chord-addition.js'
import { chordLife } from './chord-life.js'
import type { DagResult } from './dag-result.js'
import { Dispatch } from './dispatch.js'
import { EagerRuns } from './eager-runs.js'
import type { EventWire } from './event-wire.js'
import type { Events } from './events.js'
import type { Extension } from './extension.js'
import type { GroupResult } from './group-result.js'
import { keepRevoked } from './keep-revoked.js'
import { type Opened, resultUrl } from './opened.js'
import type { Outgoing, OutgoingWorld } from './outgoing.js'
import { type PeriodicOptions, PeriodicTasks } from './periodic-tasks.js'
import { PublishIds } from './publish-ids.js'
import type { Queues } from './queues.js'
import type { AnyResult, ResultSource } from './result.js'
import { resultOf } from './result-of.js'
import type { Router } from './router.js'
import type { SignatureOptions } from './set-options.js'
import type { Origin, SettingName, Settings, SettingsInput, SettingsLayers } from './settings.js'
import { type AppParts, createSetup, reconfigured, type Setup, type Substitutes, substituted } from './setup.js'
import { makeRemoteTask, type RegisteredTask, type RemoteTaskOf, type SendTask, type TaskOf } from './task.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'
import { TaskRegistry } from './task-registry.js'
import { type BatchOptions, type BatchResults, TaskSender } from './task-sender.js'
import { Workflows } from './workflows.js'

/**
 * Tasks under their names, and everything a client can do: publish them, and see what became of them. Two apps in one
 * process know nothing of each other. Connections are made when they are first needed; `await using` or
 * `[Symbol.asyncDispose]()` closes them.
 *
 * Here stands what can be asked of an app; what answers is made of the parts that the constructor names. In this order: how it is
 * set up; its tasks; its schedule; sending tasks, and canvases; results; remote control; events; what it has open.
 */
export class App implements OutgoingWorld, ResultSource, AsyncDisposable {
  readonly name: string
  /** Names the queue that answers by message would come to. */
  readonly replyTo: string
  readonly publishIds: PublishIds
  /** Tells running workers what to do. */
  readonly control: Control
  #setup: Setup
  #substituted = false
  readonly #registry: TaskRegistry
  readonly #taskSender: TaskSender
  readonly #canvasSender: CanvasSender
  readonly #periodic: PeriodicTasks
  readonly #asker: LineAsker
  #commands: readonly CustomCommand[] = []
  readonly #send: SendTask = (task, args, options) => this.#taskSender.send(task, args, options)

  /** Throws `ConfigError` for settings that make no sense. */
  constructor(name: string, settings: SettingsInput = {}, parts: AppParts = {}) {
    const runtime = parts.runtime ?? nodeRuntime()
    const environment = parts.environment ?? (parts.runtime === undefined ? nodeEnvironment() : undefined)
    this.name = name
    this.replyTo = uuid4(runtime.random)
    this.publishIds = new PublishIds(runtime.random)
    this.#setup = createSetup({ parts, runtime, layers: { environment, code: settings }, extensions: [] }, this)
    const opened = (): Opened => this.#setup.opened
    const answersTo = (): string | undefined => opened().answersTo
    const eager = new EagerRuns(this, answersTo)
    this.#taskSender = new TaskSender(this, new Dispatch(this, opened), eager)
    this.#canvasSender = new CanvasSender(this, { tasks: this.#taskSender, eager, answersTo })
    this.#periodic = new PeriodicTasks(name)
    this.#registry = new TaskRegistry(this, builtinTasks(this))
    this.#asker = new LineAsker({ log: () => this.runtime.log, line: () => opened().controlLine })
    this.control = new Control(this.#asker, what => keepRevoked(what, this))
  }

  /**
   * Lays settings from elsewhere (configuration file, environment, flags) over those of the code; what a command line
   * does with the app it was pointed to. Undefined leaves those that there are. Before the first use of broker or backend
   * only (`LVG_TOO_LATE`).
   */
  configure(layers: Omit<SettingsLayers, 'code'> | undefined, parts: { readonly runtime?: Runtime } = {}): void {
    if (this.#setup.opened.inUse) {
      throw new ConfigError('LVG_TOO_LATE', `App ${this.name} is in use already; configure it before anything is sent.`)
    }
    this.#setUp(reconfigured(this.#setup, layers, parts.runtime, this))
  }

  /**
   * Gives the app other parts and settings until what is returned is disposed: then it is as it was before, whatever
   * became of it in between. For tests that run the app's own tasks elsewhere (`lovage/testing`). What it had opened
   * stays open, unused meanwhile. Throws `LVG_APP_IN_TEST` while other substitutes are in place.
   */
  substitute(given: Substitutes): AsyncDisposable {
    if (this.#substituted) {
      throw new ConfigError(
        'LVG_APP_IN_TEST',
        `App ${this.name} runs in another test already. Close that one first: one app can be in one test at a time.`,
      )
    }
    const before = this.#setup
    this.#setUp(substituted(before, given, this))
    this.#substituted = true
    let ended: Promise<void> | undefined
    const end = (): Promise<void> => {
      const closing = this.#setup.opened[Symbol.asyncDispose]()
      this.#setUp(before)
      this.#substituted = false
      return closing
    }
    return { [Symbol.asyncDispose]: () => (ended ??= end()) }
  }

  use(extension: Extension): this {
    this.#setup = { ...this.#setup, extensions: [...this.#setup.extensions, extension] }
    return this
  }

  get runtime(): Runtime {
    return this.#setup.runtime
  }

  get settings(): Settings {
    return this.#setup.configured.settings
  }

  /** Where each setting's value came from. */
  get origins(): Readonly<Record<SettingName, Origin>> {
    return this.#setup.configured.origins
  }

  get limits(): Limits {
    return this.#setup.configured.limits
  }

  /** For task messages. */
  get codec(): Codec {
    return this.#setup.configured.codec
  }

  get queues(): Queues {
    return this.#setup.configured.queues
  }

  get router(): Router {
    return this.#setup.configured.router
  }

  /** Who sends: `gen<pid>@<host>`. */
  get origin(): string {
    return this.#setup.origin
  }

  /** In the order of `use`; the first is outermost. */
  get extensions(): readonly Extension[] {
    return this.#setup.extensions
  }

  /**
   * Registers a handler under a name. Throws `LVG_DUPLICATE_TASK`, `LVG_UNKNOWN_OPTION`, and `ProtocolError` for a name
   * that cannot travel.
   */
  task<Handler extends CallableFunction>(name: string, handler: Handler, options: TaskOptions = {}): TaskOf<Handler> {
    return this.#registry.add(name, handler, options, this.#send)
  }

  /**
   * A task that this program does not load, such as one of Python's: its name, and the type of function that it is. For calls
   * and signatures as those of a task here. Throws `ProtocolError` for a name that cannot travel.
   */
  remote<Handler extends (...args: never[]) => unknown>(name: string): RemoteTaskOf<Handler> {
    return makeRemoteTask(taskName(name), this.#send) as RemoteTaskOf<Handler>
  }

  /** By name. */
  get tasks(): ReadonlyMap<string, RegisteredTask> {
    return this.#registry.tasks
  }

  /** Celery's own tasks. */
  get builtins(): ReadonlyMap<string, RegisteredTask> {
    return this.#registry.builtins
  }

  /** A registered task, or one of Celery's own. */
  findTask(name: string): RegisteredTask | undefined {
    return this.#registry.find(name)
  }

  /** Options of a registered task, with `taskAnnotations` over them. */
  taskOptions(name: string): TaskOptions | undefined {
    return this.#registry.options(name)
  }

  /** What a worker decides by; for a task that is not registered the settings alone. */
  policy(name: string): TaskPolicy {
    return this.#registry.policy(name)
  }

  /**
   * Adds an entry to the schedule (see `beatSchedule`), for the beats of this app: `schedule` is seconds, text such as `30s` or
   * `0 4 * * *`, or what `crontab(…)` and its like give. The entry is checked when a beat starts. Throws `LVG_DUPLICATE_ENTRY`.
   * Celery's `add_periodic_task`.
   */
  addPeriodicTask(schedule: unknown, call: Signature | string, options: PeriodicOptions = {}): this {
    this.#periodic.add(schedule, call, options)
    return this
  }

  /**
   * Entries of the schedule that stand in the code, by name, unchecked: those of `beatSchedule` and of `addPeriodicTask`, and
   * Celery's own where there is none of their name.
   */
  get schedule(): ReadonlyMap<string, unknown> {
    const { configured, parts } = this.#setup
    const resultBackend = resultUrl(configured, parts.broker)
    return this.#periodic.over({ ...this.settings, resultBackend })
  }

  /** Publishes a call of a task that need not be registered here. */
  sendTask<Result = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): Promise<AsyncResult<Result>> {
    return this.#taskSender.send(name, args, options)
  }

  /**
   * Publishes all of them: together where the broker can, resolving when it has every one. Otherwise `BatchError` lists
   * what was accepted and what was not (D10). When one cannot be encoded nothing is sent.
   */
  publishMany<const Signatures extends readonly TypedSignature<readonly [], unknown>[]>(
    calls: Signatures,
    limits: BatchOptions = {},
  ): Promise<BatchResults<Signatures>> {
    return this.#taskSender.sendAll(calls, limits)
  }

  /**
   * As `sendTask`, under a name of the caller's for the act itself: where the broker remembers it (D05), whoever sends again under
   * the same name inserts nothing.
   */
  sendOnce(publishId: string, name: string, args: readonly unknown[], options: CallOptions): Promise<void> {
    return this.#taskSender.sendOnce(publishId, name, args, options)
  }

  /** Throws what `sendTask` would throw before it asks a broker: arguments that cannot travel, a queue that is not there. */
  check(name: string, args: readonly unknown[], options: CallOptions): void {
    this.#taskSender.check(name, args, options)
  }

  /**
   * Publishes what stands in the outbox (`outboxUrl`) from now on, whoever put it there, until what it gives is disposed or the
   * app is closed. Workers do so by themselves. Undefined: there is no outbox.
   */
  relayOutbox(): Disposable | undefined {
    return this.settings.outboxUrl === undefined ? undefined : this.#setup.opened.transactional.relay()
  }

  /**
   * Publishes what a signature says, with options over its own: a task, or a whole canvas, of which everything that can start
   * is sent. Throws `CanvasError` for a canvas that can never run.
   */
  apply<Values extends object>(graph: Dag<Values>, options?: SignatureOptions): Promise<DagResult<Values>>
  apply<Call extends TypedSignature<readonly [], unknown>>(call: Call, options?: CallOptions): Promise<Applied<Call>>
  async apply(call: Signature | Dag, options: CallOptions = {}): Promise<AnyResult | DagResult<object>> {
    if (isDag(call)) return await this.#canvasSender.applyDag(call, options)
    return await this.#canvasSender.apply(call, options)
  }

  /** Publishes a canvas of which nobody knows the types. */
  applyCanvas(call: Signature): Promise<AnyResult> {
    // Every signature may be applied; those that lack arguments fail in their worker.
    return this.apply(call as TypedSignature<readonly [], unknown>)
  }

  /**
   * As `sendOnce`, for a whole canvas: `id` is that of its result, and all others in it follow from that one. Rejects as `apply`.
   */
  applyOnce(id: string, canvas: Signature, options: CallOptions): Promise<void> {
    return this.#canvasSender.applyOnce(id, canvas, options)
  }

  /** As `check`, for what `applyOnce` would send first. The answer is the result that it would give. */
  checkCanvas(id: string, canvas: Signature, options: CallOptions): ResultTuple {
    return this.#canvasSender.check(id, canvas, options)
  }

  /** Adds to the chord that a running task is a part of: `currentTask().addToChord`. */
  addToChord(request: TaskRequest, addition: Addition): Promise<AnyResult> {
    return this.#canvasSender.addToChord(request, addition)
  }

  /** The same without publishing: what is to be applied. */
  countInChord(request: TaskRequest, addition: Addition): Promise<Signature> {
    return this.#canvasSender.countInChord(request, addition)
  }

  /** Looks after canvases that were sent with `trackWorkflows`. */
  get workflows(): Workflows {
    return new Workflows({
      runtime: this.#setup.runtime,
      limits: this.limits,
      resultExpires: this.settings.resultExpires,
      chordLife: chordLife(this.settings),
      control: this.control,
      resultBackend: () => this.resultBackend(),
      inspect: () => this.inspect(),
      publish: (signature, rootId) => this.#taskSender.sendSignature(signature, { rootId, addToParent: false }),
    })
  }

  /** The result of a task by its id. */
  result<Result = unknown>(id: string): AsyncResult<Result> {
    return new AsyncResult<Result>(taskId(id), this)
  }

  /** The result that a tuple stands for, groups and parents included. */
  resultOf(tuple: ResultTuple): AnyResult {
    return resultOf(tuple, this)
  }

  /** A group that was saved (`GroupResult.save`); undefined when there is none. Throws `LVG_NO_RESULT_BACKEND`. */
  async groupResult<Results extends readonly unknown[]>(id: string): Promise<GroupResult<Results> | undefined> {
    const backend = await this.resultBackend()
    const saved = await backend.fetchGroup(groupId(id))
    // Saved groups have members, and whoever asks says what those give.
    return saved === undefined ? undefined : (resultOf(saved, this) as GroupResult<Results>)
  }

  waitFor(id: TaskId, signal: AbortSignal | undefined): Promise<ResultMeta> {
    return this.#setup.opened.watcher.wait(id, signal)
  }

  get resultExpires(): Ms | undefined {
    return this.settings.resultExpires
  }

  get chordTimeout(): Ms {
    return this.settings.chordTimeout
  }

  get chordRetryInterval(): Ms {
    return this.settings.resultChordRetryInterval
  }

  /** Asks running workers about themselves. */
  inspect(options: AskOptions = {}): Inspect {
    return new Inspect(this.#asker, options)
  }

  /**
   * Adds a command to remote control that changes something: workers of this app run the handler, in the worker's own process,
   * when anybody broadcasts the name. Throws `LVG_DUPLICATE_COMMAND`, `LVG_BAD_OPTION`, `LVG_UNKNOWN_OPTION`.
   */
  controlCommand(name: string, handler: CommandHandler, options: CustomCommandOptions = {}): this {
    return this.#addCommand('control', name, handler, options)
  }

  /** As `controlCommand`, for a command that only looks: allowed where `remoteControl` is `read`. */
  inspectCommand(name: string, handler: CommandHandler, options: CustomCommandOptions = {}): this {
    return this.#addCommand('inspect', name, handler, options)
  }

  /** Commands of remote control that were added to Celery's. */
  get commands(): readonly CustomCommand[] {
    return this.#commands
  }

  /** Events of the cluster: hearing and sending them. */
  get events(): Events {
    return this.#setup.opened.events
  }

  /** How events travel. */
  get eventWire(): EventWire {
    return this.#setup.configured.eventWire
  }

  /** A task was published, here or by a worker of this app: told to monitors, with `taskSendSentEvent`. */
  sent(outgoing: Outgoing): void {
    if (this.settings.taskSendSentEvent) this.events.sent(outgoing)
  }

  /** The broker that is consumed from, or published to. Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
  broker(side: 'read' | 'write' = 'read'): Promise<Broker> {
    return this.#setup.opened.broker(side)
  }

  /** Undefined when results are disabled. Throws as `broker`. */
  backend(): Promise<ResultBackend | undefined> {
    return this.#setup.opened.backend()
  }

  /** Throws `ConfigError` `LVG_NO_RESULT_BACKEND` when results are disabled. */
  async resultBackend(): Promise<ResultBackend> {
    const backend = await this.backend()
    if (backend !== undefined) return backend
    throw new ConfigError(
      'LVG_NO_RESULT_BACKEND',
      `App ${this.name} keeps no results. Set \`resultBackend\`, for example to 'db+sqlite:///lovage.db', here and in the workers.`,
    )
  }

  /** Lets what is being published settle, then closes what this app opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#setup.opened[Symbol.asyncDispose]()
  }

  /** What follows from settings is found anew. */
  #setUp(setup: Setup): void {
    this.#setup = setup
    this.#registry.forget()
  }

  #addCommand(kind: CommandKind, name: string, handler: CommandHandler, options: CustomCommandOptions): this {
    const known = this.#commands.map(({ spec }) => spec)
    this.#commands = [...this.#commands, customCommand(kind, name, handler, options, known)]
    return this
  }
}

/** What `apply` resolves to: for a group its members' values in a list, otherwise what the last task gives. */
export type Applied<Call> =
  IsGroup<Call> extends true ? GroupResult<Extract<ResultOf<Call>, readonly unknown[]>> : AsyncResult<ResultOf<Call>>
