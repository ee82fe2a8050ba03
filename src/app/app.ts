import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import type { IsGroup } from '../canvas/canvas.js'
import { checkCanvas } from '../canvas/check-canvas.js'
import { type Dag, isDag } from '../canvas/dag.js'
import { kindOf } from '../canvas/members.js'
import { planCanvas } from '../canvas/plan.js'
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
import { parseDuration } from '../lib/duration.js'
import { ConfigError } from '../lib/errors.js'
import { nodeEnvironment } from '../lib/node-environment.js'
import { nodeRuntime } from '../lib/node-runtime.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import type { Codec } from '../protocol/codec.js'
import type { CommandKind } from '../protocol/control-commands.js'
import { decodeTask } from '../protocol/decode-task.js'
import { groupId, type TaskId, taskId, taskName } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { Message } from '../protocol/message.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import { applyCanvas, applyDag, type CanvasWorld, checkCallable } from './apply-canvas.js'
import { AsyncResult } from './async-result.js'
import { builtinTasks } from './builtin-tasks.js'
import { badOption, type CallOptions, checkCallOptions } from './call-options.js'
import { type Addition, type AdditionWorld, addToChord, countedInChord } from './chord-addition.js'
import { chordLife } from './chord-life.js'
import { destinationOf } from './compose-call.js'
import { type Configured, configured } from './configured.js'
import { runningTask } from './current-task.js'
import { DagResult } from './dag-result.js'
import { derivedIds } from './derived-ids.js'
import { Dispatch, type DispatchWorld } from './dispatch.js'
import type { EagerCanvas, EagerWorld } from './eager-canvas.js'
import { type BatchEntry, BatchError } from './errors.js'
import type { EventWire } from './event-wire.js'
import type { Events } from './events.js'
import type { Extension } from './extension.js'
import { GroupResult } from './group-result.js'
import { keepRevoked } from './keep-revoked.js'
import { Opened, resultUrl } from './opened.js'
import {
  type Outgoing,
  type OutgoingCall,
  type OutgoingContext,
  type OutgoingWorld,
  outgoing,
  outgoingCall,
} from './outgoing.js'
import { type PeriodicOptions, PeriodicTasks } from './periodic-tasks.js'
import { PublishIds } from './publish-ids.js'
import type { Queues } from './queues.js'
import type { AnyResult, ResultSource } from './result.js'
import { resultOf } from './result-of.js'
import type { Router } from './router.js'
import { runnableOf } from './runnable-of.js'
import { callOptionsOf, type SignatureOptions, setOptions } from './set-options.js'
import type { Origin, SettingName, Settings, SettingsInput, SettingsLayers } from './settings.js'
import { makeRemoteTask, type RegisteredTask, type RemoteTaskOf, type TaskOf } from './task.js'
import type { TaskContext } from './task-context.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'
import { TaskRegistry } from './task-registry.js'
import { Workflows } from './workflows.js'

/** Parts that an app is given instead of making them; it does not close what it was given. */
export interface AppParts {
  readonly runtime?: Runtime
  readonly broker?: Broker
  readonly backend?: ResultBackend
  /** Environment variables. Default: those of the process; none when a `runtime` is given. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** What a test puts in the place of an app's own parts. */
export interface Substitutes {
  readonly runtime?: Runtime
  readonly broker?: Broker
  readonly backend?: ResultBackend
  /** Laid over all other settings. */
  readonly settings?: SettingsInput
  /** Used innermost. */
  readonly extension?: Extension
}

/** Results of a batch, in the order and with the types of its signatures. */
export type BatchResults<Signatures extends readonly Signature[]> = {
  readonly [I in keyof Signatures]: AsyncResult<ResultOf<Signatures[I]>>
}

/** Options that hold for all of a batch. */
type BatchOptions = Pick<CallOptions, 'publishTimeout' | 'signal' | 'transaction' | 'dispatchOnCommit'>

/**
 * Tasks under their names, and everything a client can do: publish them, and see what became of them. Two apps in one
 * process know nothing of each other. Connections are made when they are first needed; `await using` or
 * `[Symbol.asyncDispose]()` closes them.
 */
export class App implements OutgoingWorld, ResultSource, AsyncDisposable {
  readonly name: string
  #parts: AppParts
  readonly #code: SettingsInput
  /** Celery's own tasks. */
  readonly builtins: ReadonlyMap<string, RegisteredTask>
  #extensions: readonly Extension[] = []
  readonly #registry: TaskRegistry
  readonly #periodic: PeriodicTasks
  /** Names the queue that answers by message would come to. */
  readonly replyTo: string
  readonly publishIds: PublishIds
  #runtime: Runtime
  #layers: Omit<SettingsLayers, 'code'>
  #substituted = false
  #configured: Configured
  #opened: Opened
  #commands: readonly CustomCommand[] = []
  /** Tells running workers what to do. */
  readonly control: Control
  readonly #asker: LineAsker
  readonly #dispatch: Dispatch

  /** Throws `ConfigError` for settings that make no sense. */
  constructor(name: string, settings: SettingsInput = {}, parts: AppParts = {}) {
    this.name = name
    this.#code = settings
    this.#parts = parts
    this.#runtime = parts.runtime ?? nodeRuntime()
    this.replyTo = uuid4(this.#runtime.random)
    this.publishIds = new PublishIds(this.#runtime.random)
    const environment = parts.environment ?? (parts.runtime === undefined ? nodeEnvironment() : undefined)
    this.#layers = { environment }
    this.#configured = this.#resolve(this.#layers)
    this.#opened = this.#nothingOpened()
    this.#dispatch = new Dispatch(this.#dispatchWorld())
    this.#asker = new LineAsker({ log: () => this.#runtime.log, line: () => this.#opened.controlLine })
    this.control = new Control(this.#asker, what => keepRevoked(what, this))
    this.#periodic = new PeriodicTasks(name)
    this.#registry = new TaskRegistry(this, builtinTasks(this))
    this.builtins = this.#registry.builtins
  }

  get runtime(): Runtime {
    return this.#runtime
  }

  get settings(): Settings {
    return this.#configured.settings
  }

  /** Where each setting's value came from. */
  get origins(): Readonly<Record<SettingName, Origin>> {
    return this.#configured.origins
  }

  get limits(): Limits {
    return this.#configured.limits
  }

  /** For task messages. */
  get codec(): Codec {
    return this.#configured.codec
  }

  get queues(): Queues {
    return this.#configured.queues
  }

  get router(): Router {
    return this.#configured.router
  }

  /** How events travel. */
  get eventWire(): EventWire {
    return this.#configured.eventWire
  }

  /** Events of the cluster: hearing and sending them. */
  get events(): Events {
    return this.#opened.events
  }

  /** By name. */
  get tasks(): ReadonlyMap<string, RegisteredTask> {
    return this.#registry.tasks
  }

  /** Commands of remote control that were added to Celery's. */
  get commands(): readonly CustomCommand[] {
    return this.#commands
  }

  /** In the order of `use`; the first is outermost. */
  get extensions(): readonly Extension[] {
    return this.#extensions
  }

  /** Who sends: `gen<pid>@<host>`. */
  get origin(): string {
    const { pid, name } = this.#runtime.host
    return `gen${pid}@${name}`
  }

  /**
   * Lays settings from elsewhere (configuration file, environment, flags) over those of the code; what a command line
   * does with the app it was pointed to. Undefined leaves those that there are. Before the first use of broker or backend
   * only (`LVG_TOO_LATE`).
   */
  configure(layers: Omit<SettingsLayers, 'code'> | undefined, parts: { readonly runtime?: Runtime } = {}): void {
    if (this.#opened.inUse) {
      throw new ConfigError('LVG_TOO_LATE', `App ${this.name} is in use already; configure it before anything is sent.`)
    }
    this.#runtime = parts.runtime ?? this.#runtime
    const next = layers ?? this.#layers
    this.#configured = this.#resolve(next)
    this.#layers = next
    this.#opened = this.#nothingOpened()
    this.#registry.forget()
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
    const restore = this.#keepState()
    const { settings, extension, ...parts } = given
    this.#substituted = true
    this.#parts = { ...this.#parts, ...parts }
    this.#runtime = parts.runtime ?? this.#runtime
    if (extension !== undefined) this.#extensions = [...this.#extensions, extension]
    try {
      const flags = { ...this.#layers.flags, ...settings }
      this.#configured = this.#resolve({ ...this.#layers, flags })
      this.#opened = this.#nothingOpened()
      this.#registry.forget()
    } catch (error) {
      restore()
      throw error
    }
    let ended: Promise<void> | undefined
    const end = (): Promise<void> => {
      const closing = this.#opened[Symbol.asyncDispose]()
      restore()
      return closing
    }
    return { [Symbol.asyncDispose]: () => (ended ??= end()) }
  }

  /**
   * Registers a handler under a name. Throws `LVG_DUPLICATE_TASK`, `LVG_UNKNOWN_OPTION`, and `ProtocolError` for a name
   * that cannot travel.
   */
  task<Handler extends CallableFunction>(name: string, handler: Handler, options: TaskOptions = {}): TaskOf<Handler> {
    return this.#registry.add(name, handler, options, (named, args, call) => this.#send(named, args, call))
  }

  /**
   * A task that this program does not load, such as one of Python's: its name, and the type of function that it is. For calls
   * and signatures as those of a task here. Throws `ProtocolError` for a name that cannot travel.
   */
  remote<Handler extends (...args: never[]) => unknown>(name: string): RemoteTaskOf<Handler> {
    return makeRemoteTask(taskName(name), (named, args, call) => this.#send(named, args, call)) as RemoteTaskOf<Handler>
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

  use(extension: Extension): this {
    this.#extensions = [...this.#extensions, extension]
    return this
  }

  /** Looks after canvases that were sent with `trackWorkflows`. */
  get workflows(): Workflows {
    return new Workflows({
      runtime: this.#runtime,
      limits: this.limits,
      resultExpires: this.settings.resultExpires,
      chordLife: chordLife(this.settings),
      control: this.control,
      resultBackend: () => this.resultBackend(),
      inspect: () => this.inspect(),
      publish: (signature, rootId) => {
        const { task, args } = signature
        return this.#send(task, args, { ...optionsOf(signature), rootId, addToParent: false })
      },
    })
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

  /** Publishes a call of a task that need not be registered here. */
  sendTask<Result = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): Promise<AsyncResult<Result>> {
    return this.#send(name, args, options)
  }

  /**
   * As `sendTask`, under a name of the caller's for the act itself: where the broker remembers it (D05), whoever sends again under
   * the same name inserts nothing.
   */
  async sendOnce(publishId: string, name: string, args: readonly unknown[], options: CallOptions): Promise<void> {
    const { sent } = this.#prepare(name, args, options, undefined, { publishId })
    await this.#dispatch.send(
      name,
      sent.outgoing,
      { timeout: timeoutOf(name, options), signal: options.signal },
      options,
    )
  }

  /**
   * As `sendOnce`, for a whole canvas: `id` is that of its result, and all others in it follow from that one. Rejects as `apply`.
   */
  async applyOnce(id: string, canvas: Signature, options: CallOptions): Promise<void> {
    await applyCanvas(setOptions(canvas, { ...options, taskId: id }), {
      ...this.#canvasWorld(undefined),
      draw: derivedIds(id),
      publish: ({ task, args, ...rest }, root) => {
        const own = optionsOf({ task, args, ...rest })
        return this.sendOnce(own.taskId ?? id, task, args, { ...own, rootId: own.rootId ?? root })
      },
    })
  }

  /** Throws what `sendTask` would throw before it asks a broker: arguments that cannot travel, a queue that is not there. */
  check(name: string, args: readonly unknown[], options: CallOptions): void {
    this.#prepare(name, args, options, undefined)
  }

  /** As `check`, for what `applyOnce` would send first. The answer is the result that it would give. */
  checkCanvas(id: string, canvas: Signature, options: CallOptions): ResultTuple {
    const named = setOptions(canvas, { ...options, taskId: id })
    checkCanvas(named, this.limits)
    const { steps, result } = planCanvas(named, { draw: derivedIds(id), replyTo: this.#answersTo })
    for (const step of steps) {
      if (step.kind === 'publish') this.check(step.signature.task, step.signature.args, optionsOf(step.signature))
    }
    return result
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
    const resultBackend = resultUrl(this.#configured, this.#parts.broker)
    return this.#periodic.over({ ...this.settings, resultBackend })
  }

  /**
   * Publishes what a signature says, with options over its own: a task, or a whole canvas, of which everything that can start
   * is sent. Throws `CanvasError` for a canvas that can never run.
   */
  apply<Values extends object>(graph: Dag<Values>, options?: SignatureOptions): Promise<DagResult<Values>>
  apply<Call extends TypedSignature<readonly [], unknown>>(call: Call, options?: CallOptions): Promise<Applied<Call>>
  async apply(call: Signature | Dag, options: CallOptions = {}): Promise<AnyResult | DagResult<object>> {
    if (isDag(call)) return await this.#applyDag(call, options)
    const context = runningTask()
    const world = this.#applyingWorld(context)
    if (kindOf(call) === 'task') {
      await checkCallable(call, world)
      return await this.#send(call.task, call.args, { ...optionsOf(call), ...options })
    }
    const { result, rootId, ends } = await applyCanvas(setOptions(call, options), world)
    if (context !== undefined && this.policy(context.task).trail) context.addChild(result)
    return resultOf(result, this, rootId, ends)
  }

  /** Publishes a canvas of which nobody knows the types. */
  applyCanvas(call: Signature): Promise<AnyResult> {
    // Every signature may be applied; those that lack arguments fail in their worker.
    return this.apply(call as TypedSignature<readonly [], unknown>)
  }

  /** Adds to the chord that a running task is a part of: `currentTask().addToChord`. */
  addToChord(request: TaskRequest, addition: Addition): Promise<AnyResult> {
    return addToChord(this.#additionWorld(), request, addition)
  }

  /** The same without publishing: what is to be applied. */
  async countInChord(request: TaskRequest, addition: Addition): Promise<Signature> {
    return (await countedInChord(this.#additionWorld(), request, addition)).signature
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

  get resultExpires(): Ms | undefined {
    return this.settings.resultExpires
  }

  get chordTimeout(): Ms {
    return this.settings.chordTimeout
  }

  get chordRetryInterval(): Ms {
    return this.settings.resultChordRetryInterval
  }

  /**
   * Publishes all of them: together where the broker can, resolving when it has every one. Otherwise `BatchError` lists
   * what was accepted and what was not (D10). When one cannot be encoded nothing is sent.
   */
  async publishMany<const Signatures extends readonly TypedSignature<readonly [], unknown>[]>(
    calls: Signatures,
    limits: BatchOptions = {},
  ): Promise<BatchResults<Signatures>> {
    const context = runningTask()
    const prepared = calls.map(call => this.#prepare(call.task, call.args, optionsOf(call), context))
    const outcomes = await Promise.allSettled(prepared.map(call => this.#carryOut(call, limits)))
    const entries = outcomes.map((outcome, i): BatchEntry => {
      const id = (prepared[i] as Prepared).sent.id
      return outcome.status === 'fulfilled' ? { kind: 'accepted', id } : { kind: 'failed', id, error: outcome.reason }
    })
    if (entries.some(entry => entry.kind === 'failed')) throw new BatchError(entries)
    const results = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    // One result per signature, in order.
    return results as unknown as BatchResults<Signatures>
  }

  /** The result of a task by its id. */
  result<Result = unknown>(id: string): AsyncResult<Result> {
    return new AsyncResult<Result>(taskId(id), this)
  }

  /** The broker that is consumed from, or published to. Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
  broker(side: 'read' | 'write' = 'read'): Promise<Broker> {
    return this.#opened.broker(side)
  }

  /** Undefined when results are disabled. Throws as `broker`. */
  backend(): Promise<ResultBackend | undefined> {
    return this.#opened.backend()
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

  waitFor(id: TaskId, signal: AbortSignal | undefined): Promise<ResultMeta> {
    return this.#opened.watcher.wait(id, signal)
  }

  /**
   * Publishes what stands in the outbox (`outboxUrl`) from now on, whoever put it there, until what it gives is disposed or the
   * app is closed. Workers do so by themselves. Undefined: there is no outbox.
   */
  relayOutbox(): Disposable | undefined {
    return this.settings.outboxUrl === undefined ? undefined : this.#opened.transactional.relay()
  }

  /** Lets what is being published settle, then closes what this app opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]()
  }

  /** Everything that `substitute` changes; the answer puts it back. */
  #keepState(): () => void {
    const [parts, runtime, configured, layers] = [this.#parts, this.#runtime, this.#configured, this.#layers]
    const [extensions, opened] = [this.#extensions, this.#opened]
    return () => {
      this.#substituted = false
      this.#parts = parts
      this.#runtime = runtime
      this.#configured = configured
      this.#layers = layers
      this.#extensions = extensions
      this.#opened = opened
      this.#registry.forget()
    }
  }

  #nothingOpened(): Opened {
    return new Opened({
      runtime: this.#runtime,
      configured: this.#configured,
      broker: this.#parts.broker,
      backend: this.#parts.backend,
      origin: this.origin,
      replyTo: this.replyTo,
      publishIds: this.publishIds,
      resultBackend: () => this.resultBackend(),
      sent: outgoing => this.sent(outgoing),
      wakeUp: async () => void (await this.control.heartbeat()),
    })
  }

  /** Of the app as it is at the time: substitutes come and go. */
  #dispatchWorld(): DispatchWorld {
    const app = this
    return {
      get runtime() {
        return app.runtime
      },
      get settings() {
        return app.settings
      },
      get extensions() {
        return app.extensions
      },
      get opened() {
        return app.#opened
      },
      sent: outgoing => this.sent(outgoing),
    }
  }

  #resolve(layers: Omit<SettingsLayers, 'code'>): Configured {
    return configured({ ...layers, code: this.#code }, this.#runtime)
  }

  async #send<Result>(name: string, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<Result>> {
    return await this.#carryOut<Result>(this.#prepare(name, args, options, runningTask()), options)
  }

  /** Everything that can go wrong without a broker goes wrong here. */
  #prepare(
    name: string,
    args: readonly unknown[],
    options: CallOptions,
    context: TaskContext | undefined,
    nowhere: OutgoingContext = NOWHERE,
  ): Prepared {
    checkCallOptions(name, options)
    const sent = outgoingCall(this, name, args, options, context === undefined ? nowhere : this.#lineage(context))
    const own = this.taskOptions(name)
    const ignored =
      options.ignoreResult ?? (own === undefined ? false : (own.ignoreResult ?? this.settings.taskIgnoreResult))
    const parent = options.addToParent === false ? undefined : context
    return { name, sent, ignored, parent }
  }

  async #carryOut<Result>(
    { name, sent, ignored, parent }: Prepared,
    options: BatchOptions,
  ): Promise<AsyncResult<Result>> {
    if (this.settings.taskAlwaysEager && this.findTask(name) !== undefined)
      return await this.#runHere<Result>(name, sent, ignored)
    const limits = { timeout: timeoutOf(name, options), signal: options.signal }
    if (!ignored) await this.#dispatch.expectResult(limits)
    await this.#dispatch.send(name, sent.outgoing, limits, options)
    if (parent !== undefined && this.policy(parent.task).trail) {
      parent.addChild({ id: sent.id, parent: undefined, members: undefined })
    }
    return new AsyncResult<Result>(sent.id, this, { ignored, rootId: sent.rootId })
  }

  /** A task was published, here or by a worker of this app: told to monitors, with `taskSendSentEvent`. */
  sent(outgoing: Outgoing): void {
    if (this.settings.taskSendSentEvent) this.events.sent(outgoing)
  }

  #addCommand(kind: CommandKind, name: string, handler: CommandHandler, options: CustomCommandOptions): this {
    const known = this.#commands.map(({ spec }) => spec)
    this.#commands = [...this.#commands, customCommand(kind, name, handler, options, known)]
    return this
  }

  async #applyDag(dag: Dag, options: CallOptions): Promise<DagResult<object>> {
    const context = runningTask()
    const nodes = dag.nodes.map(step => ({ ...step, run: setOptions(step.run, options) }))
    const { results, id, rootId, ends } = await applyDag(
      { ...dag, nodes },
      {
        ...this.#applyingWorld(context),
        beside: (signature, other) => setOptions(signature, destinationOf(this, other)),
      },
    )
    const members = nodes.flatMap(({ name }) => results.get(name) ?? [])
    const group = { id, parent: undefined, members }
    if (context !== undefined && this.policy(context.task).trail) context.addChild(group)
    const reached = members.map(member => resultOf(member, this, rootId, ends))
    const named = nodes.flatMap(({ name, after }, at) => {
      const result = reached[at]
      return result === undefined ? [] : [{ name, after, result }]
    })
    return new DagResult(named, new GroupResult(id, reached, this, { rootId }))
  }

  /** What later tasks of a canvas carry, so that whoever publishes them asks for answers to us; other results need no address. */
  get #answersTo(): string | undefined {
    return this.#opened.expectsResults ? this.replyTo : undefined
  }

  /** Of one call. Loaded where tasks are eager. */
  async #eagerCanvas(): Promise<EagerCanvas> {
    const { EagerCanvas } = await import('./eager-canvas.js')
    return new EagerCanvas(this.#eagerWorld())
  }

  #eagerWorld(): EagerWorld {
    return {
      runtime: this.#runtime,
      limits: this.limits,
      replyTo: this.#answersTo,
      propagates: this.settings.taskEagerPropagates,
      results: this,
      find: name => runnableOf(name, this),
      policy: name => this.policy(name),
      requestOf: (signature, lineage) => this.#requestOf(outgoing(this, signature, lineage).message, signature.task),
      checkCallable: async signature => checkCanvas(signature, this.limits),
      storeState: meta => this.#storeEager(meta),
      sendEvent: (type, fields) => this.events.send(type, fields),
    }
  }

  /** As a worker would get it. */
  #requestOf(message: Message, name: string): TaskRequest {
    const decoded = decodeTask(message, this.codec)
    if (decoded.kind === 'task') return decoded.request
    throw new ConfigError('LVG_EAGER', `Task ${name} cannot be run in the caller: ${decoded.detail}`)
  }

  /** Of `apply`: where tasks are eager nothing is sent. */
  #applyingWorld(context: TaskContext | undefined): CanvasWorld {
    const world = this.#canvasWorld(context)
    if (!this.settings.taskAlwaysEager) return world
    const lineage = { rootId: context?.rootId, parentId: context?.id }
    return { ...world, play: async (steps, results) => (await this.#eagerCanvas()).play(steps, results, lineage) }
  }

  #canvasWorld(context: TaskContext | undefined): CanvasWorld {
    return {
      draw: () => taskId(uuid4(this.#runtime.random)),
      limits: this.limits,
      replyTo: this.#answersTo,
      chordLife: chordLife(this.settings),
      backend: () => this.backend(),
      rootId: context?.rootId,
      ...(this.settings.trackWorkflows && {
        track: (rootId: TaskId, ends: readonly TaskId[], steps: readonly WorkflowStep[]) =>
          this.workflows.track({ rootId, ends, steps }),
      }),
      publish: ({ task, args, ...rest }, root) => {
        const own = optionsOf({ task, args, ...rest })
        return this.#send(task, args, { ...own, rootId: own.rootId ?? root, addToParent: false })
      },
    }
  }

  #additionWorld(): AdditionWorld {
    return {
      runtime: this.#runtime,
      replyTo: this.#answersTo,
      chordLife: chordLife(this.settings),
      resultBackend: () => this.resultBackend(),
      checkCallable: signature => checkCallable(signature, this.#canvasWorld(undefined)),
      applyCanvas: signature => this.applyCanvas(signature),
    }
  }

  #lineage(context: TaskContext): OutgoingContext {
    const priority = this.settings.taskInheritParentPriority ? context.deliveryInfo.priority : undefined
    return { rootId: context.rootId, parentId: context.id, priority }
  }

  async #runHere<Result>(name: string, sent: OutgoingCall, ignored: boolean): Promise<AsyncResult<Result>> {
    const here = await this.#eagerCanvas()
    const meta = await here.run(this.#requestOf(sent.outgoing.message, name))
    return new AsyncResult<Result>(sent.id, this, { ignored, meta })
  }

  async #storeEager(meta: ResultMeta): Promise<void> {
    if (!this.settings.taskStoreEagerResult) return
    const backend = await this.backend()
    await backend?.store(meta, { ttl: this.settings.resultExpires, fence: undefined })
  }
}

/** What `apply` resolves to: for a group its members' values in a list, otherwise what the last task gives. */
export type Applied<Call> =
  IsGroup<Call> extends true ? GroupResult<Extract<ResultOf<Call>, readonly unknown[]>> : AsyncResult<ResultOf<Call>>

interface Prepared {
  readonly name: string
  readonly sent: OutgoingCall
  readonly ignored: boolean
  /** The running task, when it is to remember this one. */
  readonly parent: TaskContext | undefined
}

const NOWHERE: OutgoingContext = Object.freeze({})

function optionsOf(call: Signature): CallOptions {
  return { kwargs: call.kwargs, ...callOptionsOf(call) }
}

function timeoutOf(task: string, options: Pick<CallOptions, 'publishTimeout'>): Ms | undefined {
  if (options.publishTimeout === undefined) return undefined
  const span = parseDuration(options.publishTimeout)
  if (span === undefined)
    throw badOption(task, 'publishTimeout', "seconds, or text such as '5s'", options.publishTimeout)
  return span
}
