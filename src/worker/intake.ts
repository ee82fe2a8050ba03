import type { TaskPolicy } from '../app/task-options.js'
import type { Delivery } from '../brokers/broker.js'
import { BoundedMap } from '../lib/bounded-map.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { Call, Outcome, Pool } from '../pools/pool.js'
import type { Codec } from '../protocol/codec.js'
import type { DeadLetterReason } from '../protocol/dead-letter.js'
import { decodeTask } from '../protocol/decode-task.js'
import { exceptionInfoOf } from '../protocol/exception.js'
import type { TaskId, TaskName } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Admission, Discard } from './admission.js'
import { admit } from './admit.js'
import { Alarm } from './alarm.js'
import type { Effect } from './effect.js'
import { perform, type World, writeDeadLetter } from './perform.js'
import { resultRecord } from './result-record.js'
import { newRunning, type Running } from './running.js'
import { endRecord, settle, settleDiscard, settleSpooled, settleStored } from './settle.js'
import type { DeliveryFacts, SettleContext } from './settle-context.js'
import type { SpoolEntry } from './spool.js'
import { ackAll, anyCurrent, beginAll, requeueAll } from './verdicts.js'

export interface IntakeParts {
  readonly runtime: Runtime
  readonly codec: Codec
  readonly limits: Limits
  readonly pool: Pool
  readonly world: World
  /** Node name. */
  readonly worker: string
  readonly inheritPriority: boolean
  readonly unknownTask: 'hand-back' | 'reject'
  /** Limits that hold where neither message nor task has its own. */
  readonly softTimeLimit: Ms | undefined
  readonly timeLimit: Ms | undefined
  /** The broker keeps delayed messages itself. */
  readonly canPark: boolean
  /** Most messages held here for their eta (L11). */
  readonly maxHeld: number
  registered(task: TaskName): boolean
  /** Of registered tasks and of strangers. */
  policy(task: TaskName): TaskPolicy
  /** Is it an errback that wants to be called here (`errback: 'inline'`)? */
  inlineErrback(task: TaskName): boolean
  dateDone(now: EpochMs): string
  /** The number of held messages changed: the prefetch window follows. */
  heldChanged(held: number): void
  /** Keeps the end of an early-acked task that could not be told. */
  spool(entry: SpoolEntry): Promise<void>
}

/** What is remembered of attempts that ended here (D46), and of unknown tasks handed back. */
const FINISHED = Object.freeze({ max: 10_000, ttl: 3_600_000 })

/** What is remembered of revoked ids (L14). */
const REVOKED = Object.freeze({ max: 50_000, ttl: 10_800_000 })

/** Executions that run or whose effects are not confirmed: beyond so many per slot no new one is begun. */
const UNSETTLED_PER_SLOT = 11

/**
 * The way of a delivery through the worker, as its table of contents: decode, admit, then hold | queue, then pool,
 * settle, perform. Deliveries come in with `take`; everything else follows from free slots, due etas and outcomes.
 *
 * Modes: *open* takes and starts; after `close` nothing is started any more, what had not started has been handed back,
 * running executions go on until `drained` resolves.
 */
export class Intake implements Disposable {
  readonly #parts: IntakeParts
  readonly #running = new Map<string, Running>()
  readonly #finished: BoundedMap<string, true>
  readonly #handBacks: BoundedMap<string, number>
  readonly #revoked: BoundedMap<TaskId, true>
  readonly #held: Alarm<Running>
  readonly #limits: Alarm<() => void>
  readonly #holds = new Map<Running, Disposable>()
  #ready: Running[] = []
  #readyHead = 0
  #busy = 0
  #unsettled = 0
  #works = 0
  #closed = false
  #drained: Deferred<void> | undefined

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#finished = new BoundedMap(FINISHED)
    this.#handBacks = new BoundedMap(FINISHED)
    this.#revoked = new BoundedMap(REVOKED)
    this.#held = new Alarm(parts.runtime.clock, 'wall', running => this.#release(running))
    this.#limits = new Alarm(parts.runtime.clock, 'steady', ring => ring())
  }

  /** Executions under way. */
  get busy(): number {
    return this.#busy
  }

  /** Deliveries that hold a place in the prefetch window while they wait for their eta. */
  get held(): number {
    return this.#held.size
  }

  /** Deliveries this worker holds unacked or still works on. */
  get size(): number {
    return this.#running.size
  }

  take(delivery: Delivery): void {
    if (this.#closed) {
      this.#own(requeueAll([delivery], { counted: false }))
      return
    }
    const { codec, limits, runtime } = this.#parts
    const decoded = decodeTask(delivery.message, codec, { limits, now: runtime.clock.now() })
    if (decoded.kind === 'malformed') {
      this.#own(this.#bury(delivery, decoded.reason, decoded.detail, decoded.id))
      return
    }
    const { request } = decoded
    const running = newRunning(request, [delivery], this.#policy(request).acksLate)
    this.#obey(running, this.#admit(running, 'unasked'))
  }

  /** Nothing is started any more; what has not started goes back, uncounted, at once (D82). */
  close(): void {
    this.#closed = true
    const waiting = [...this.#takeReady(), ...this.#takeHeld()]
    for (const running of waiting) this.#own(this.#giveBack(running))
    this.#parts.heldChanged(0)
  }

  /** Resolves when nothing runs and every effect is confirmed or given up. */
  async drained(): Promise<void> {
    if (this.#idle()) return
    this.#drained ??= deferred()
    await this.#drained.promise
  }

  /** Ends every timer of its own. After `drained`, or instead of it. */
  [Symbol.dispose](): void {
    this.#held[Symbol.dispose]()
    this.#limits[Symbol.dispose]()
  }

  /** Interrupts every execution (cold shutdown). */
  interruptAll(): void {
    for (const running of this.#running.values()) running.execution?.interrupt({ kind: 'shutdown' })
  }

  killAll(): void {
    for (const running of this.#running.values()) running.execution?.kill('SIGKILL')
  }

  /** The connection is gone: what has not started comes again by itself; running executions adopt their redelivery (D84). */
  connectionLost(cancelLongRunning: boolean): void {
    for (const running of [...this.#takeReady(), ...this.#takeHeld()]) this.#running.delete(running.key)
    this.#parts.heldChanged(0)
    if (!cancelLongRunning) return
    for (const running of this.#running.values()) {
      if (running.late) running.execution?.interrupt({ kind: 'connection-lost' })
    }
  }

  /** D25: leases may have run out. Executions whose every token is lost are told to end. */
  async checkLeases(): Promise<void> {
    for (const running of [...this.#running.values()]) {
      if (!running.late || running.execution === undefined) continue
      if (await anyCurrent(running.deliveries)) continue
      running.robbed = true
      running.execution.interrupt({ kind: 'lease-lost' })
    }
  }

  /** Ids that must not start here; with `signal`, those that run are ended as well: by their AbortSignal, after `grace` for good. */
  revoke(ids: readonly TaskId[], terminate: { readonly signal: string; readonly grace: Ms } | undefined): void {
    const now = this.#parts.runtime.clock.steady()
    for (const id of ids) this.#revoked.set(id, true, now)
    this.#discardWaiting(new Set(ids))
    if (terminate === undefined) return
    for (const running of this.#running.values()) {
      const { execution } = running
      if (execution === undefined || !ids.includes(running.request.id)) continue
      execution.interrupt({ kind: 'terminated', signal: terminate.signal })
      this.#limits.set(now + terminate.grace, () => execution.kill(terminate.signal))
    }
  }

  #admit(running: Running, stored: ResultMeta | undefined | 'unasked'): Admission {
    const { request } = running
    const { runtime, world, maxHeld } = this.#parts
    const steady = runtime.clock.steady()
    const delivery = running.deliveries[0] as Delivery
    const policy = this.#policy(request)
    const keepsState = world.backend !== undefined && !(request.ignoreResult ?? policy.ignoreResult)
    return admit({
      request,
      redelivered: delivery.redelivered,
      faults: delivery.faults,
      begun: delivery.begun,
      maxDeliveries: policy.maxDeliveries,
      here: this.#here(running, steady),
      registered: this.#parts.registered(request.task),
      revoked: this.#revoked.get(request.id, steady) === true,
      stored: keepsState ? stored : 'unkept',
      unknownTask: this.#parts.unknownTask,
      handBacks: this.#handBacks.get(running.key, steady) ?? 0,
      now: runtime.clock.now(),
      canPark: this.#parts.canPark,
      full: this.#held.size >= maxHeld,
    })
  }

  #here(running: Running, now: number): 'running' | 'finished' | 'unknown' {
    const present = this.#running.get(running.key)
    if (present !== undefined && present !== running) return 'running'
    return this.#finished.get(running.key, now) === true ? 'finished' : 'unknown'
  }

  #obey(running: Running, admission: Admission): void {
    switch (admission.kind) {
      case 'run':
        this.#enqueue(running)
        return
      case 'hold':
        this.#hold(running, admission.until)
        return
      case 'park':
        this.#own(this.#giveBack(running, admission.delay))
        return
      case 'consult':
        this.#own(this.#consult(running))
        return
      case 'replay':
        this.#own(this.#finish(running, context => settleStored(admission.stored, context)))
        return
      case 'discard':
        this.#own(this.#discard(running, admission.why))
        return
      case 'adopt':
        this.#own(this.#adopt(running))
        return
      case 'finished':
        this.#own(this.#finish(running, () => [{ kind: 'ack' }]))
        return
      case 'hand-back':
        this.#own(this.#handBack(running, admission.delay))
        return
      default:
        admission satisfies never
    }
  }

  #enqueue(running: Running): void {
    this.#running.set(running.key, running)
    this.#parts.world.emit({ type: 'task-received', eta: undefined }, running)
    this.#ready.push(running)
    this.#pump()
  }

  #hold(running: Running, until: EpochMs): void {
    this.#running.set(running.key, running)
    this.#parts.world.emit({ type: 'task-received', eta: until }, running)
    this.#holds.set(running, this.#held.set(until, running))
    this.#parts.heldChanged(this.#held.size)
  }

  /** What is revoked while it waits need not wait: its place is free at once. */
  #discardWaiting(ids: ReadonlySet<TaskId>): void {
    const revoked = (running: Running): boolean => ids.has(running.request.id)
    const ready = this.#takeReady()
    const held = [...this.#holds.keys()].filter(revoked)
    this.#ready = ready.filter(running => !revoked(running))
    for (const running of held) {
      this.#holds.get(running)?.[Symbol.dispose]()
      this.#holds.delete(running)
    }
    if (held.length > 0) this.#parts.heldChanged(this.#held.size)
    for (const running of [...ready.filter(revoked), ...held]) {
      this.#own(this.#finish(running, context => settleDiscard({ kind: 'revoked' }, context)))
    }
  }

  /** An eta has come: the facts are looked at anew, since it may have expired or been revoked meanwhile. */
  #release(running: Running): void {
    this.#holds.delete(running)
    this.#parts.heldChanged(this.#held.size)
    this.#ready.push(running)
    this.#pump()
  }

  /** D44: what is stored decides; while the backend is asked, a further delivery of the same attempt is adopted. */
  async #consult(running: Running): Promise<void> {
    this.#running.set(running.key, running)
    let stored: ResultMeta | undefined
    try {
      stored = await this.#parts.world.backend?.fetch(running.request.id)
    } catch (error) {
      // Not knowing is no reason to run twice: it comes back when the backend may answer again.
      this.#parts.runtime.log.warning(`State of redelivered task ${running.request.id} is unknown: ${text(error)}`)
      await this.#giveBack(running, CONSULT_AGAIN)
      return
    }
    if (this.#closed) return this.#giveBack(running)
    this.#obey(running, this.#admit(running, stored))
  }

  async #adopt(newcomer: Running): Promise<void> {
    const delivery = newcomer.deliveries[0] as Delivery
    const present = this.#running.get(newcomer.key)
    if (present === undefined) return this.#obey(newcomer, this.#admit(newcomer, 'unasked'))
    present.deliveries.push(delivery)
    if (present.verdict === 'ack') await ackAll([delivery])
    else if (present.verdict === 'requeue') await requeueAll([delivery], { counted: false })
  }

  async #handBack(running: Running, delay: Ms): Promise<void> {
    const { clock, log } = this.#parts.runtime
    const before = this.#handBacks.get(running.key, clock.steady()) ?? 0
    this.#handBacks.set(running.key, before + 1, clock.steady())
    if (before === 0) log.error(unregistered(running.request), { taskId: running.request.id })
    await this.#giveBack(running, delay)
  }

  /** Back to the queue uncounted: nothing was begun. */
  async #giveBack(running: Running, delay?: Ms): Promise<void> {
    running.verdict = 'requeue'
    this.#forget(running)
    await requeueAll(running.deliveries, { counted: false, delay })
  }

  #pump(): void {
    const { pool } = this.#parts
    while (!this.#closed && this.#busy < pool.size && this.#unsettled < pool.size * UNSETTLED_PER_SLOT) {
      const next = this.#ready[this.#readyHead]
      if (next === undefined) break
      this.#readyHead++
      this.#own(this.#start(next))
    }
    if (this.#readyHead === this.#ready.length) this.#takeReady()
  }

  async #start(running: Running): Promise<void> {
    const refusal = this.#refusal(running)
    if (refusal !== undefined) return this.#discard(running, refusal)
    this.#unsettled++
    try {
      const outcome = await this.#run(running)
      if (outcome !== undefined) await this.#settle(running, outcome)
    } finally {
      this.#forget(running)
      this.#unsettled--
      this.#pump()
    }
  }

  /** It waited for a slot or its eta: it may have expired or been revoked meanwhile; and its past was not looked at yet. */
  #refusal({ request, deliveries }: Running): Discard | undefined {
    const { clock } = this.#parts.runtime
    if (this.#revoked.get(request.id, clock.steady()) === true) return { kind: 'revoked' }
    if (request.expires !== undefined && clock.now() > request.expires) return { kind: 'expired' }
    const { faults = 0, begun = false } = deliveries[0] ?? {}
    return begun && faults >= this.#policy(request).maxDeliveries ? { kind: 'poison', faults } : undefined
  }

  /** Undefined when it is not run here: an early ack found the message gone, or it expired or was revoked during that. */
  async #run(running: Running): Promise<Outcome | undefined> {
    this.#busy++
    try {
      const policy = this.#policy(running.request)
      if (!running.late && !(await this.#ackEarly(running))) return undefined
      if (running.late && hasPast(running, policy) && !(await this.#begin(running))) return undefined
      if (policy.trackStarted && !(await this.#storeStarted(running))) return undefined
      const refusal = this.#refusal(running)
      if (refusal !== undefined) {
        await this.#discard(running, refusal)
        return undefined
      }
      const call = this.#call(running, policy)
      const execution = this.#parts.pool.run(call)
      running.execution = execution
      const timers = this.#setLimits(running, call)
      this.#parts.world.emit({ type: 'task-started', pid: this.#parts.runtime.host.pid }, running)
      const outcome = await execution.outcome
      for (const timer of timers) timer[Symbol.dispose]()
      return outcome
    } finally {
      this.#busy--
      this.#pump()
    }
  }

  /**
   * A message that may become poison says so before it runs, so that the death of this process counts against it and not
   * against those that only waited beside it (D40, D60). Most messages have no past and need no mark.
   */
  async #begin({ deliveries }: Running): Promise<boolean> {
    const begun = await beginAll(deliveries)
    return begun.includes('settled')
  }

  /** The ack is answered before user code is entered; false = the message is somebody else's. */
  async #ackEarly(running: Running): Promise<boolean> {
    running.verdict = 'ack'
    const settled = await ackAll(running.deliveries)
    return settled.includes('settled')
  }

  /** False: a later attempt has written already, or the message went back because nothing can be stored: not run here. */
  async #storeStarted(running: Running): Promise<boolean> {
    const { runtime, worker, world } = this.#parts
    const context = this.#context(running)
    const result = { pid: runtime.host.pid, hostname: worker }
    const meta = { ...resultRecord('STARTED', { result }, context), children: undefined }
    const performed = await perform(
      [{ kind: 'store', meta, ttl: context.policy.resultExpires, own: true }],
      running,
      context,
      world,
    )
    if (performed.kind === 'stale' || performed.kind === 'handed-back') return false
    // Late acks: a verdict by now means that the stored end of a later attempt was told instead.
    return !running.late || running.verdict === undefined
  }

  #call(running: Running, policy: TaskPolicy): Call {
    const delivery = running.deliveries.at(-1) as Delivery
    const { request } = running
    return {
      request,
      faults: delivery.faults,
      queue: delivery.queue,
      exchange: delivery.exchange,
      routingKey: delivery.routingKey,
      redelivered: delivery.redelivered,
      claim: delivery.claim,
      hostname: this.#parts.worker,
      softTimeLimit: request.softTimeLimit ?? policy.softTimeLimit ?? this.#parts.softTimeLimit,
      timeLimit: request.timeLimit ?? policy.timeLimit ?? this.#parts.timeLimit,
    }
  }

  #setLimits({ execution }: Running, call: Call): readonly Disposable[] {
    if (execution === undefined || (call.softTimeLimit === undefined && call.timeLimit === undefined)) return NO_TIMERS
    const now = this.#parts.runtime.clock.steady()
    const timers: Disposable[] = []
    const { softTimeLimit, timeLimit } = call
    if (softTimeLimit !== undefined) {
      const soft = (): void => execution.interrupt({ kind: 'soft-time-limit', limit: softTimeLimit })
      timers.push(this.#limits.set(now + softTimeLimit, soft))
    }
    if (timeLimit !== undefined) {
      const hard = (): void => {
        execution.interrupt({ kind: 'hard-time-limit', limit: timeLimit })
        execution.kill('SIGKILL')
      }
      timers.push(this.#limits.set(now + timeLimit, hard))
    }
    return timers
  }

  /** A worker that dies while it refuses a poison message must not make it look as if it had only waited there. */
  async #discard(running: Running, why: Discard): Promise<void> {
    this.#running.set(running.key, running)
    if (why.kind === 'poison' && !(await this.#begin(running))) {
      this.#forget(running)
      return
    }
    await this.#finish(running, context => settleDiscard(why, context))
  }

  #settle(running: Running, outcome: Outcome): Promise<void> {
    return this.#finish(running, context => settle(outcome, context), outcome)
  }

  /** Performs what was decided; a value that cannot be stored becomes a failure that says so. */
  async #finish(
    running: Running,
    decide: (context: SettleContext) => readonly Effect[],
    outcome?: Outcome,
  ): Promise<void> {
    this.#running.set(running.key, running)
    const context = this.#context(running)
    try {
      const performed = await perform(decide(context), running, context, this.#parts.world)
      if (performed.kind === 'unstorable') return await this.#settleFailure(running, performed.error)
      if (performed.kind === 'untold' && outcome !== undefined) await this.#spool(outcome, context)
      if (performed.kind === 'done' && running.verdict === 'ack') {
        this.#finished.set(running.key, true, this.#parts.runtime.clock.steady())
      }
    } finally {
      // An end without a verdict: what was adopted meanwhile would be held by nobody for ever.
      if (running.verdict === undefined) await this.#giveBack(running)
      else this.#forget(running)
    }
  }

  /** D47: acked early and not told in time. */
  async #spool(outcome: Outcome, context: SettleContext): Promise<void> {
    const meta = endRecord(outcome, context)
    if (meta === undefined) return
    const { message, id } = context.request
    const { log } = this.#parts.runtime
    try {
      await this.#parts.spool({ message, delivery: context.delivery, meta })
      log.warning(`The end of task ${id} could not be told; it is kept in the spool.`)
    } catch (error) {
      log.critical(`The end of task ${id} is lost: it could neither be told nor kept in the spool. ${text(error)}`)
    }
  }

  /** Tells an end from the spool; rejects when it is still not possible. */
  async redo({ message, delivery, meta }: SpoolEntry): Promise<void> {
    const { codec, limits, runtime, world } = this.#parts
    const decoded = decodeTask(message, codec, { limits, now: runtime.clock.now() })
    if (decoded.kind === 'malformed') throw new TypeError(`its message cannot be read: ${decoded.detail}`)
    const running = newRunning(decoded.request, [], false)
    running.verdict = 'ack'
    const context = this.#contextOf(running, delivery)
    const atOnce: World = { ...world, writeTimeout: () => 0 }
    const performed = await perform(settleSpooled(meta, context), running, context, atOnce)
    if (performed.kind === 'untold') throw new Error('backend or broker is away')
  }

  #settleFailure(running: Running, error: unknown): Promise<void> {
    return this.#settle(running, { kind: 'failed', ...exceptionInfoOf(error), children: [], runtime: 0 })
  }

  #forget(running: Running): void {
    if (this.#running.get(running.key) === running) this.#running.delete(running.key)
  }

  /** What cannot become a request goes to the dead-letter place as it is; the ack waits for that (M-table, DL). */
  async #bury(delivery: Delivery, reason: DeadLetterReason, detail: string, id: TaskId | undefined): Promise<void> {
    const { runtime, world, worker } = this.#parts
    const { queue, exchange, routingKey, faults, enqueuedAt } = delivery
    const place = `${queue}, ${delivery.message.body.byteLength} bytes`
    runtime.log.warning(`Dead letter (${reason}) ${id ?? 'without id'} from ${place}: ${detail}`, { reason, queue })
    const record = {
      reason,
      detail,
      queue,
      exchange,
      routingKey,
      deliveries: faults,
      firstSeen: enqueuedAt,
      diedAt: runtime.clock.now(),
      worker,
    }
    const publishId = `dead:${queue}:${delivery.claim}`
    const written = await writeDeadLetter(delivery.message, record, publishId, world)
    if (written === 'written') await ackAll([delivery])
    else await requeueAll([delivery], { counted: false, delay: CONSULT_AGAIN })
  }

  #context(running: Running): SettleContext {
    return this.#contextOf(running, running.deliveries.at(-1) as Delivery)
  }

  #contextOf(running: Running, delivery: DeliveryFacts): SettleContext {
    const { runtime, worker, world, inheritPriority } = this.#parts
    const now = runtime.clock.now()
    return {
      request: running.request,
      policy: this.#policy(running.request),
      late: running.late,
      keepsResults: world.backend !== undefined,
      delivery,
      worker,
      now,
      dateDone: world.backend === undefined ? '' : this.#parts.dateDone(now),
      random: runtime.random.next(),
      inheritPriority,
      inlineErrback: task => this.#parts.inlineErrback(task),
    }
  }

  #policy(request: TaskRequest): TaskPolicy {
    return this.#parts.policy(request.task)
  }

  #takeHeld(): readonly Running[] {
    this.#holds.clear()
    return this.#held.clear()
  }

  #takeReady(): Running[] {
    const waiting = this.#ready.slice(this.#readyHead)
    this.#ready = []
    this.#readyHead = 0
    return waiting
  }

  #idle(): boolean {
    return this.#works === 0
  }

  /** Every promise has an owner: counted here, waited for by `drained`; what still goes wrong is our own bug, and said. */
  #own(work: Promise<unknown>): void {
    this.#works++
    work.then(
      () => this.#disown(),
      error => {
        this.#parts.runtime.log.critical(`Internal error while handling a delivery: ${text(error)}`, { error })
        this.#disown()
      },
    )
  }

  #disown(): void {
    this.#works--
    if (this.#idle()) this.#drained?.resolve()
  }
}

const NO_TIMERS: readonly Disposable[] = []

/** How soon a message comes back that could not be judged because the backend or the dead-letter place did not answer. */
const CONSULT_AGAIN: Ms = 5000

function text(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/** A fault before, or a task that may have none at all. */
function hasPast({ deliveries }: Running, policy: TaskPolicy): boolean {
  return policy.maxDeliveries === 1 || deliveries.some(delivery => delivery.faults > 0)
}

function unregistered({ task, id }: TaskRequest): string {
  return `Received unregistered task of type '${task}' [${id}]. It goes back to its queue for a worker that knows it. Is its module imported here?`
}
