import { type BackoffRule, backoff } from '../lib/backoff.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { ConfigError } from '../lib/errors.js'
import type { LogFields, LogLevel, Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { CallAsks } from './call-control.js'
import { Child, type ChildOwner } from './child.js'
import { ChildExecution } from './child-execution.js'
import type { StartChild } from './child-line.js'
import type { FromChild } from './child-protocol.js'
import { poolBusy } from './errors.js'
import { LookAhead } from './look-ahead.js'
import { unpackValue } from './packed-value.js'
import type { Call, Execution, Outcome, Pool, PoolStats } from './pool.js'

export interface ChildPoolOptions {
  readonly kind: 'threads' | 'prefork'
  readonly runtime: Runtime
  readonly size: number
  readonly start: StartChild
  /** What each child is told first; structured clone. */
  readonly boot: unknown
  readonly asks: ChildAsks
  /** A child is replaced after so many calls. */
  readonly maxTasks: number | undefined
  /** A child that has grown above so many KiB is replaced after its call. */
  readonly maxMemory: number | undefined
  /** How long a new child may take until its first word. */
  readonly aliveTimeout: Ms
  /** Between a signal and SIGKILL. */
  readonly killGrace: Ms
}

export interface ChildAsks extends CallAsks {
  /** A line of the child's log. */
  log(level: LogLevel, message: string, fields: LogFields): void
}

/** How long the user's modules may take to load. */
const LOAD_LIMIT: Ms = 60_000

/** How long a child may take to leave: what its tasks have printed last has to be read by somebody. */
const LEAVE_LIMIT: Ms = 5000

/** 0.1 s, 0.2, 0.4 … 30 s between tries to start children, while they fail. */
const START_BACKOFF: BackoffRule = { first: 100, cap: 30_000 }

/** With nobody left who could run anything, so many failed starts in a row are enough. */
const HOPELESS = 5

/**
 * A pool of children, processes or threads, of which each runs one call at a time.
 *
 * It always wants `size` children that stay: one that is to leave (its calls are used up, it has grown too large, it is being
 * killed, or has outlived a restart) no longer counts, so its replacement is started while it is still there. Calls go to
 * children that stay, or that serve until their replacement is ready; a call for which there is none at the moment waits.
 * However a child ends, the call it ran ends with it, as `lost` or as what it was interrupted for.
 *
 * Calls that are sent ahead to busy children (look-ahead.ts) may come back; then they wait here again, first in line.
 *
 * What fails: a child that cannot be started, or whose modules do not load. At the start the pool refuses with that; later it
 * tries again, ever more slowly, and `failed` resolves when nobody is left.
 */
export class ChildPool implements Pool, ChildOwner {
  readonly kind: 'threads' | 'prefork'
  readonly #options: ChildPoolOptions
  readonly #children = new Set<Child>()
  /** Ready and without a call; the last one in is the first one out. */
  #idle: Child[] = []
  /** Calls without a child. */
  #waiting: ChildExecution[] = []
  #size: number
  #running = 0
  readonly #lookAhead: LookAhead
  #handedTotal = 0
  #failures = 0
  #pause: Disposable | undefined
  #starting: Deferred<void> | undefined
  #restarting: Deferred<void> | undefined
  #broken: unknown
  #closed = false
  readonly #failed = deferred<unknown>()
  readonly #allGone: Deferred<void> = deferred()

  constructor(options: ChildPoolOptions) {
    this.kind = options.kind
    this.#options = options
    this.#lookAhead = new LookAhead(options.runtime.clock, this.#children)
    this.#size = options.size
  }

  get size(): number {
    return this.#size
  }

  get ahead(): number {
    return this.#size * this.#lookAhead.depth
  }

  get failed(): Promise<unknown> {
    return this.#failed.promise
  }

  get runtime(): Runtime {
    return this.#options.runtime
  }

  get killGrace(): Ms {
    return this.#options.killGrace
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const starting = deferred()
    const abort = (): void => starting.reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    this.#starting = starting
    this.#fill()
    try {
      await starting.promise
    } finally {
      signal.removeEventListener('abort', abort)
      this.#starting = undefined
    }
  }

  run(call: Call, isWanted: () => boolean = always): Execution {
    const execution = new ChildExecution(call, isWanted, this.runtime.clock, ended => this.#released(ended))
    this.#running++
    this.#waiting.push(execution)
    if (this.#closed || this.#broken !== undefined) execution.end(NEVER_BEGUN)
    else this.#deal()
    execution.hasWaited = true
    return execution
  }

  async resize(size: number): Promise<void> {
    this.#size = Math.max(size, Math.min(this.#size, this.#begun()))
    this.#trim()
    this.#fill()
    if (this.#size > size) throw poolBusy()
  }

  restart(): Promise<void> {
    if (this.#restarting !== undefined) return this.#restarting.promise
    const restarting = deferred()
    this.#restarting = restarting
    for (const child of this.#children) {
      if (child.stays && child.isReady) child.serveOn()
      else if (child.stays) this.#dismiss(child)
    }
    this.#fill()
    return restarting.promise
  }

  stats(): PoolStats {
    const members = [...this.#children].filter(child => child.isReady)
    return {
      kind: this.kind,
      size: this.#size,
      initialSize: this.#options.size,
      running: this.#running,
      members: members.map(child => child.id),
      handed: members.map(child => child.handed),
      handedTotal: this.#handedTotal,
      maxTasksPerChild: this.#options.maxTasks,
      maxMemoryPerChild: this.#options.maxMemory,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.#close()
    await this.#allGone.promise
  }

  /** It is being killed: somebody else is to take its place at once. */
  condemned(child: Child): void {
    this.#forgetIdle(child)
    this.#fill()
  }

  heard(child: Child, message: FromChild): void {
    switch (message.kind) {
      case 'alive':
        child.waitsUntil(LOAD_LIMIT, () => this.#late(child, LOAD_LIMIT, 'loaded its modules'))
        return
      case 'ready':
        this.#ready(child)
        return
      case 'unfit':
        child.unfit = new ConfigError(message.code, message.message)
        return
      case 'outcome':
        this.#outcome(child, message)
        return
      case 'recalled':
        child.recalled(message.begun)
        return
      case 'state':
        void this.#store(child, message)
        return
      case 'event':
        this.#tell(child, message)
        return
      case 'log':
        this.#options.asks.log(message.level, message.message, message.fields)
        return
      default:
        message satisfies never
    }
  }

  garbled(child: Child, error: unknown): void {
    this.runtime.log.critical(
      `What child ${child.id} of the pool sends cannot be read; it is ended. ${String(error)}`,
      {
        error,
      },
    )
    child.destroy()
  }

  ended(child: Child, exit: string): void {
    this.#children.delete(child)
    this.#forgetIdle(child)
    child.execution?.lost(exit)
    if (this.#closed) this.#lastOneGone()
    else if (child.neverReady && child.stays) this.#startFailed(child.unfit ?? this.#noStart(child, exit), child.late)
    else if (child.stays) this.runtime.log.error(`Child ${child.id} of the pool ended by itself: ${exit}.`)
    this.#fill()
  }

  returned(child: Child, executions: readonly ChildExecution[]): void {
    this.#handedTotal -= executions.length
    this.#waiting.unshift(...executions.filter(execution => !execution.isEnded))
    if (this.#closed || this.#broken !== undefined) this.#endWaiting()
    if (child.takesCalls && !this.#idle.includes(child)) this.#idle.push(child)
    else if (child.isReady && child.execution === undefined && !child.takesCalls) child.leave(LEAVE_LIMIT)
    this.#deal()
  }

  /** As many children that stay as there are slots, a few at a time. */
  #fill(): void {
    if (this.#closed || this.#broken !== undefined || this.#pause !== undefined) return
    const atOnce = Math.max(2, this.runtime.host.cpus)
    let staying = 0
    let starting = 0
    for (const child of this.#children) {
      if (child.stays) staying++
      if (child.stays && child.neverReady) starting++
    }
    for (; staying < this.#size && starting < atOnce; staying++, starting++) {
      if (!this.#startOne()) return
    }
    if (starting === 0) this.#starting?.resolve()
  }

  #startOne(): boolean {
    const { start, boot, aliveTimeout } = this.#options
    try {
      const child = new Child(this, start)
      this.#children.add(child)
      child.waitsUntil(aliveTimeout, () => this.#late(child, aliveTimeout, 'said a word'))
      child.send({ kind: 'boot', boot })
      return true
    } catch (error) {
      this.#startFailed(this.#noStart(undefined, error instanceof Error ? error.message : String(error)))
      return false
    }
  }

  #ready(child: Child): void {
    this.#failures = 0
    child.ready()
    if (child.stays) {
      this.#relieve()
      this.#free(child)
    } else child.leave(LEAVE_LIMIT)
    this.#fill()
  }

  /** One who serves until there is somebody else may go. */
  #relieve(): void {
    const serving = [...this.#children].filter(child => child.servesOn)
    const relieved = serving.find(child => child.execution === undefined) ?? serving[0]
    if (relieved !== undefined) this.#dismiss(relieved)
    if (serving.length <= 1) this.#restarted(undefined)
  }

  #restarted(error: unknown): void {
    const restarting = this.#restarting
    this.#restarting = undefined
    if (error === undefined) restarting?.resolve()
    else restarting?.reject(error)
  }

  /** No more calls for it; it leaves when it has none. */
  #dismiss(child: Child): void {
    this.#forgetIdle(child)
    child.dismiss()
    if (child.neverReady) child.destroy()
    else if (child.execution === undefined) child.leave(LEAVE_LIMIT)
  }

  #free(child: Child): void {
    if (!child.takesCalls) return
    this.#idle.push(child)
    this.#deal()
  }

  /** Waiting calls to idle children, then ahead to those with the fewest. */
  #deal(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.hasWaited && !next.isWanted()) {
        next.end(NEVER_BEGUN)
        continue
      }
      const child = this.#idle.pop() ?? this.#lookAhead.childFor(next)
      if (child === undefined) return
      this.#waiting.shift()
      this.#give(child, next)
    }
  }

  /** Calls that a child has, and is to run now. */
  #begun(): number {
    let ahead = 0
    for (const child of this.#children) ahead += child.ahead
    return this.#running - ahead
  }

  #give(child: Child, execution: ChildExecution): void {
    const { maxTasks } = this.#options
    try {
      child.give(execution)
    } catch (error) {
      execution.end({ kind: 'failed', ...exceptionInfoOf(error), children: [], runtime: 0 })
      this.#free(child)
      return
    }
    this.#handedTotal++
    if (maxTasks === undefined || child.handed < maxTasks) return
    child.dismiss()
    this.#fill()
  }

  #outcome(child: Child, message: FromChild & { readonly kind: 'outcome' }): void {
    const { execution } = child
    if (execution === undefined || execution.number !== message.call) return
    const { maxMemory } = this.#options
    child.goesOn(message.leaves)
    if (message.leaves) {
      child.leaves(LEAVE_LIMIT)
      child.takeBack()
      this.#fill()
    } else if (child.stays && maxMemory !== undefined && (message.memory ?? 0) > maxMemory) {
      this.runtime.log.info(`Child ${child.id} of the pool takes ${message.memory} KiB and is replaced.`)
      child.serveOn()
      this.#fill()
    }
    if (child.takesCalls) this.#free(child)
    else if (child.execution === undefined && !message.leaves) child.leave(LEAVE_LIMIT)
    // Made by the same program (worker/child.ts).
    const outcome = unpackValue(message.outcome) as Outcome
    this.#lookAhead.took(outcome.runtime)
    execution.end(outcome)
  }

  async #store(child: Child, message: FromChild & { readonly kind: 'state' }): Promise<void> {
    const { call, ask, state, meta } = message
    const { execution } = child
    let error: string | undefined
    try {
      if (execution?.number !== call) throw new Error('The task has ended.')
      await this.#options.asks.storeState(execution.call, state, unpackValue(meta))
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause)
    }
    child.send({ kind: 'stored', ask, error })
  }

  #tell(child: Child, message: FromChild & { readonly kind: 'event' }): void {
    const { execution } = child
    if (execution?.number !== message.call) return
    const fields = unpackValue(message.fields) as Readonly<Record<string, unknown>> // packed from a record
    this.#options.asks.sendEvent(execution.call, message.type, fields)
  }

  #late(child: Child, limit: Ms, what: string): void {
    child.late = true
    child.unfit ??= new ConfigError(
      'LVG_POOL_CHILD',
      `A child of the ${this.kind} pool has not ${what} within ${limit / 1000} s.`,
    )
    child.destroy()
  }

  #noStart(child: Child | undefined, exit: string): ConfigError {
    const which = child === undefined ? 'A child' : `Child ${child.id}`
    return new ConfigError('LVG_POOL_CHILD', `${which} of the ${this.kind} pool ended before it was ready: ${exit}.`)
  }

  /** `late`: it may be the machine that is slow, so it is tried again, at the start as well. */
  #startFailed(error: unknown, late = false): void {
    this.#failures++
    if (this.#starting !== undefined && !(late && this.#failures < HOPELESS)) {
      this.#starting.reject(error)
      this.#broken = error
      return
    }
    if (this.#starting !== undefined) return
    if (this.#restarting !== undefined) {
      for (const child of this.#children) if (child.servesOn) child.stayOn()
      this.#restarted(error)
      this.#trim()
      return
    }
    const { log, clock, random } = this.runtime
    const able = [...this.#children].some(child => child.isReady)
    const text = error instanceof Error ? error.message : String(error)
    log.critical(`A child of the pool cannot be replaced (${this.#failures} failed starts): ${text}`, { error })
    if (!able && this.#failures >= HOPELESS) {
      this.#fail(error)
      return
    }
    this.#pause ??= clock.timer(backoff(this.#failures - 1, START_BACKOFF, random), () => {
      this.#pause = undefined
      this.#fill()
    })
  }

  #fail(error: unknown): void {
    this.#broken = error
    this.#endWaiting()
    this.#failed.resolve(error)
  }

  /** More stay than there are slots: those that have not begun go first, then idle ones. */
  #trim(): void {
    const staying = [...this.#children].filter(child => child.stays)
    const rank = (child: Child): number => (child.neverReady ? 0 : child.execution === undefined ? 1 : 2)
    const superfluous = staying.toSorted((a, b) => rank(a) - rank(b)).slice(0, Math.max(0, staying.length - this.#size))
    for (const child of superfluous) this.#dismiss(child)
  }

  #close(): void {
    this.#closed = true
    this.#pause?.[Symbol.dispose]()
    this.#lookAhead[Symbol.dispose]()
    this.#restarted(new ConfigError('LVG_POOL_CHILD', 'The pool was closed.'))
    this.#endWaiting()
    for (const child of [...this.#children]) {
      if (child.execution !== undefined || child.neverReady) child.destroy()
      else child.leave(LEAVE_LIMIT)
    }
    this.#lastOneGone()
  }

  #lastOneGone(): void {
    if (this.#children.size === 0) this.#allGone.resolve()
  }

  #endWaiting(): void {
    for (const execution of [...this.#waiting]) execution.end(NEVER_BEGUN)
  }

  #released(execution: ChildExecution): void {
    this.#running--
    const at = this.#waiting.indexOf(execution)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  #forgetIdle(child: Child): void {
    const at = this.#idle.indexOf(child)
    if (at >= 0) this.#idle.splice(at, 1)
  }
}

function always(): boolean {
  return true
}

/** It never began: a message that is still unacked goes back, uncounted. */
const NEVER_BEGUN: Outcome = Object.freeze({
  kind: 'cancelled',
  why: 'shutdown',
  signal: undefined,
  children: [],
  runtime: 0,
})
