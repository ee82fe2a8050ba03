import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import { parseDuration } from '../lib/duration.js'
import { ConfigError } from '../lib/errors.js'
import { nodeEnvironment } from '../lib/node-environment.js'
import { nodeRuntime } from '../lib/node-runtime.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { uuid4 } from '../lib/uuid.js'
import type { Codec } from '../protocol/codec.js'
import { createCodec } from '../protocol/create-codec.js'
import { decodeTask } from '../protocol/decode-task.js'
import { type TaskId, taskId, taskName } from '../protocol/ids.js'
import { DEFAULT_LIMITS, type Limits } from '../protocol/limits.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { AsyncResult, type ResultSource } from './async-result.js'
import { badOption, type CallOptions, checkCallOptions } from './call-options.js'
import { camelCase } from './camel-case.js'
import { runningTask } from './current-task.js'
import { runEagerly } from './eager.js'
import { type BatchEntry, BatchError } from './errors.js'
import { aroundPublish, type Extension } from './extension.js'
import { type Outgoing, type OutgoingCall, type OutgoingContext, type OutgoingWorld, outgoingCall } from './outgoing.js'
import { PublishIds } from './publish-ids.js'
import { Publisher, type PublishLimits } from './publisher.js'
import { Queues } from './queues.js'
import { ResultWatcher } from './result-watcher.js'
import { Router } from './router.js'
import { callOptionsOf } from './set-options.js'
import {
  type Origin,
  type ResolvedSettings,
  resolveSettings,
  type SettingName,
  type Settings,
  type SettingsInput,
  type SettingsLayers,
} from './settings.js'
import { makeTask, type RegisteredTask, type TaskOf } from './task.js'
import type { TaskContext } from './task-context.js'
import type { TaskOptions, TaskPolicy } from './task-options.js'
import { taskPolicy } from './task-policy.js'
import { openBackend, openBroker } from './transports.js'
import type { ResultOf, TypedSignature } from './typed-signature.js'

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

/** All that follows from the settings. */
interface Configured extends ResolvedSettings {
  readonly limits: Limits
  readonly codec: Codec
  readonly resultCodec: Codec
  readonly queues: Queues
  readonly router: Router
}

/**
 * Tasks under their names, and everything a client can do: publish them, and see what became of them. Two apps in one
 * process know nothing of each other. Connections are made when they are first needed; `await using` or
 * `[Symbol.asyncDispose]()` closes them.
 */
export class App implements OutgoingWorld, ResultSource, AsyncDisposable {
  readonly name: string
  #parts: AppParts
  readonly #code: SettingsInput
  readonly #tasks = new Map<string, RegisteredTask>()
  #extensions: readonly Extension[] = []
  readonly #policies = new Map<string, TaskPolicy>()
  readonly #options = new Map<string, TaskOptions>()
  #brokers = new Map<string, Promise<Broker>>()
  /** Names the queue that answers by message would come to. */
  readonly replyTo: string
  readonly publishIds: PublishIds
  #runtime: Runtime
  #layers: Omit<SettingsLayers, 'code'>
  #substituted = false
  #configured: Configured
  #backend: Promise<ResultBackend | undefined> | undefined
  #publisher: Publisher | undefined
  #watcher: ResultWatcher | undefined
  #disposed: Promise<void> | undefined

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

  /** By name. */
  get tasks(): ReadonlyMap<string, RegisteredTask> {
    return this.#tasks
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
   * does with the app it was pointed to. Before the first use of broker or backend only (`LVG_TOO_LATE`).
   */
  configure(layers: Omit<SettingsLayers, 'code'>, parts: { readonly runtime?: Runtime } = {}): void {
    if (this.#brokers.size > 0 || this.#backend !== undefined || this.#publisher !== undefined) {
      throw new ConfigError('LVG_TOO_LATE', `App ${this.name} is in use already; configure it before anything is sent.`)
    }
    this.#runtime = parts.runtime ?? this.#runtime
    this.#configured = this.#resolve(layers)
    this.#layers = layers
    this.#forgetPolicies()
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
    this.#reopen()
    try {
      const flags = { ...this.#layers.flags, ...settings }
      this.#configured = this.#resolve({ ...this.#layers, flags })
    } catch (error) {
      restore()
      throw error
    }
    let ended: Promise<void> | undefined
    const end = (): Promise<void> => {
      const closing = this.#close()
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
    if (this.#tasks.has(taskName(name))) {
      throw new ConfigError(
        'LVG_DUPLICATE_TASK',
        `App ${this.name} has a task ${name} already. Give one of the two another name.`,
      )
    }
    if (typeof handler !== 'function') {
      throw new ConfigError(
        'LVG_BAD_OPTION',
        `The handler of task ${name} is ${typeof handler}; it must be a function.`,
      )
    }
    // A callable function is called; what with and what comes back, TaskOf says to the compiler.
    const plain = handler as unknown as (...args: readonly unknown[]) => unknown
    const task = makeTask(name, plain, options, (named, args, call) => this.#send(named, args, call))
    this.#tasks.set(name, task)
    this.#policies.delete(name)
    this.#options.delete(name)
    return task as unknown as TaskOf<Handler>
  }

  /** Options of a registered task, with `taskAnnotations` over them. */
  taskOptions(name: string): TaskOptions | undefined {
    const task = this.#tasks.get(name)
    if (task === undefined || this.settings.taskAnnotations === undefined) return task?.options
    const known = this.#options.get(name)
    if (known !== undefined) return known
    const annotations = this.settings.taskAnnotations
    const merged = { ...task.options, ...annotation(annotations['*']), ...annotation(annotations[name]) }
    this.#options.set(name, merged)
    return merged
  }

  /** What a worker decides by; for a task that is not registered the settings alone. */
  policy(name: string): TaskPolicy {
    const known = this.#policies.get(name)
    if (known !== undefined) return known
    const policy = taskPolicy(this.taskOptions(name) ?? {}, this.settings)
    // Names of strangers are not kept: anybody can make up any number of them (L18).
    if (this.#tasks.has(name)) this.#policies.set(name, policy)
    return policy
  }

  use(extension: Extension): this {
    this.#extensions = [...this.#extensions, extension]
    return this
  }

  /** Publishes a call of a task that need not be registered here. */
  sendTask<Result = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): Promise<AsyncResult<Result>> {
    return this.#send(name, args, options)
  }

  /** Publishes what a signature says, with options over its own. */
  apply<Result>(call: TypedSignature<readonly [], Result>, options: CallOptions = {}): Promise<AsyncResult<Result>> {
    return this.#send(call.task, call.args, { kwargs: call.kwargs, ...callOptionsOf(call), ...options })
  }

  /**
   * Publishes all of them: together where the broker can, resolving when it has every one. Otherwise `BatchError` lists
   * what was accepted and what was not (D10). When one cannot be encoded nothing is sent.
   */
  async publishMany<const Signatures extends readonly TypedSignature<readonly [], unknown>[]>(
    calls: Signatures,
    limits: Pick<CallOptions, 'publishTimeout' | 'signal'> = {},
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
    if (this.#parts.broker !== undefined) return Promise.resolve(this.#parts.broker)
    const { brokerUrl, brokerReadUrl, brokerWriteUrl } = this.settings
    const url = (side === 'read' ? brokerReadUrl : brokerWriteUrl) ?? brokerUrl
    const known = this.#brokers.get(url)
    if (known !== undefined) return known
    const opening = openBroker(url, { runtime: this.#runtime, settings: this.settings })
    this.#brokers.set(url, opening)
    opening.catch(() => this.#brokers.delete(url))
    return opening
  }

  /** Undefined when results are disabled. Throws as `broker`. */
  backend(): Promise<ResultBackend | undefined> {
    this.#backend ??= this.#openBackend()
    return this.#backend
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
    this.#watcher ??= new ResultWatcher(this.#runtime, () => this.resultBackend())
    return this.#watcher.wait(id, signal)
  }

  /** Lets what is being published settle, then closes what this app opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close()
    await this.#disposed
  }

  /** Everything that `substitute` changes; the answer puts it back. */
  #keepState(): () => void {
    const [parts, runtime, configured, layers] = [this.#parts, this.#runtime, this.#configured, this.#layers]
    const [brokers, backend, publisher, watcher] = [this.#brokers, this.#backend, this.#publisher, this.#watcher]
    const [extensions, disposed] = [this.#extensions, this.#disposed]
    return () => {
      this.#substituted = false
      this.#parts = parts
      this.#runtime = runtime
      this.#configured = configured
      this.#layers = layers
      this.#extensions = extensions
      this.#forgetPolicies()
      this.#brokers = brokers
      this.#backend = backend
      this.#publisher = publisher
      this.#watcher = watcher
      this.#disposed = disposed
    }
  }

  /** As if nothing had been opened yet. */
  #reopen(): void {
    this.#forgetPolicies()
    this.#brokers = new Map()
    this.#backend = undefined
    this.#publisher = undefined
    this.#watcher = undefined
    this.#disposed = undefined
  }

  /** They follow from settings and annotations. */
  #forgetPolicies(): void {
    this.#policies.clear()
    this.#options.clear()
  }

  /** Closes what is open now, whatever is opened afterwards. */
  async #close(): Promise<void> {
    const [publisher, watcher, backend] = [this.#publisher, this.#watcher, this.#backend]
    const [brokers, given] = [this.#brokers, this.#parts.backend]
    await publisher?.[Symbol.asyncDispose]()
    await watcher?.[Symbol.asyncDispose]()
    const results = await backend?.catch(() => undefined)
    if (results !== given) await results?.[Symbol.asyncDispose]()
    for (const broker of await Promise.allSettled(brokers.values()))
      if (broker.status === 'fulfilled') await broker.value[Symbol.asyncDispose]()
  }

  #resolve(layers: Omit<SettingsLayers, 'code'>): Configured {
    const resolved = resolveSettings({ ...layers, code: this.#code })
    const { settings } = resolved
    for (const warning of resolved.warnings) this.#runtime.log.warning(warning)
    const limits = limitsOf(settings)
    const queues = new Queues(settings)
    const accept = settings.acceptContent
    return {
      ...resolved,
      limits,
      codec: createCodec({ serializer: settings.taskSerializer, accept, limits }),
      resultCodec: createCodec({
        serializer: settings.resultSerializer,
        accept: settings.resultAcceptContent ?? accept,
        limits,
      }),
      queues,
      router: new Router(settings, queues),
    }
  }

  async #openBackend(): Promise<ResultBackend | undefined> {
    const { broker, backend } = this.#parts
    if (backend !== undefined) return backend
    const { resultBackend } = this.settings
    // The embedded default belongs to the embedded broker.
    if (resultBackend === undefined || (broker !== undefined && this.origins.resultBackend === 'default'))
      return undefined
    const { settings, limits, resultCodec: codec } = this.#configured
    return await openBackend(resultBackend, { runtime: this.#runtime, settings, limits, codec })
  }

  async #send<Result>(name: string, args: readonly unknown[], options: CallOptions): Promise<AsyncResult<Result>> {
    return await this.#carryOut<Result>(this.#prepare(name, args, options, runningTask()), options)
  }

  /** Everything that can go wrong without a broker goes wrong here. */
  #prepare(name: string, args: readonly unknown[], options: CallOptions, context: TaskContext | undefined): Prepared {
    checkCallOptions(name, options)
    const sent = outgoingCall(this, name, args, options, context === undefined ? NOWHERE : this.#lineage(context))
    const own = this.taskOptions(name)
    const ignored =
      options.ignoreResult ?? (own === undefined ? false : (own.ignoreResult ?? this.settings.taskIgnoreResult))
    const parent = options.addToParent === false ? undefined : context
    return { name, sent, ignored, parent }
  }

  async #carryOut<Result>(
    { name, sent, ignored, parent }: Prepared,
    options: Pick<CallOptions, 'publishTimeout' | 'signal'>,
  ): Promise<AsyncResult<Result>> {
    const task = this.settings.taskAlwaysEager ? this.#tasks.get(name) : undefined
    if (task !== undefined) return await this.#runHere<Result>(task, sent, ignored)
    await this.#publish(sent.outgoing, { timeout: timeoutOf(name, options), signal: options.signal })
    if (parent !== undefined && this.policy(parent.task).trail) {
      parent.addChild({ id: sent.id, parent: undefined, members: undefined })
    }
    return new AsyncResult<Result>(sent.id, this, { ignored })
  }

  #publish(outgoing: Outgoing, limits: PublishLimits): Promise<void> {
    this.#publisher ??= this.#makePublisher()
    const publisher = this.#publisher
    if (this.#extensions.length === 0) return publisher.publish(outgoing, limits)
    return aroundPublish(this.#extensions, this.#runtime.log, outgoing.message, message =>
      publisher.publish({ ...outgoing, message }, limits),
    )
  }

  #makePublisher(): Publisher {
    const { settings } = this
    return new Publisher({
      runtime: this.#runtime,
      name: this.origin,
      broker: () => this.broker('write'),
      timeout: settings.publishTimeout,
      connectTimeout: settings.brokerConnectionTimeout,
      retry: settings.taskPublishRetry ? settings.taskPublishRetryPolicy : undefined,
      maxPending: settings.publishMaxPending,
      maxPendingBytes: settings.publishMaxPendingBytes,
    })
  }

  #lineage(context: TaskContext): OutgoingContext {
    const priority = this.settings.taskInheritParentPriority ? context.deliveryInfo.priority : undefined
    return { rootId: context.rootId, parentId: context.id, priority }
  }

  async #runHere<Result>(task: RegisteredTask, sent: OutgoingCall, ignored: boolean): Promise<AsyncResult<Result>> {
    const decoded = decodeTask(sent.outgoing.message, this.codec)
    if (decoded.kind === 'malformed') {
      throw new ConfigError('LVG_EAGER', `Task ${task.name} cannot be run in the caller: ${decoded.detail}`)
    }
    const end = await runEagerly(decoded.request, task, this.policy(task.name), {
      runtime: this.#runtime,
      storeState: meta => this.#storeEager(meta),
    })
    await this.#storeEager(end.meta)
    if (this.settings.taskEagerPropagates && end.error !== undefined) throw end.error
    return new AsyncResult<Result>(sent.id, this, { ignored, meta: end.meta })
  }

  async #storeEager(meta: ResultMeta): Promise<void> {
    if (!this.settings.taskStoreEagerResult) return
    const backend = await this.backend()
    await backend?.store(meta, { ttl: this.settings.resultExpires, fence: undefined })
  }
}

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

/** Celery's spelling of the keys is welcome. */
function annotation(options: TaskOptions | undefined): TaskOptions {
  if (options === undefined) return {}
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [camelCase(key), value]))
}

function limitsOf(settings: Settings): Limits {
  return {
    ...DEFAULT_LIMITS,
    messageBytes: settings.limitMessageBytes,
    bodyBytes: settings.limitBodyBytes,
    depth: settings.limitDepth,
    values: settings.limitValues,
    headers: settings.limitHeaders,
    headerBytes: settings.limitHeaderBytes,
    resultBytes: settings.resultMaxBytes,
  }
}
