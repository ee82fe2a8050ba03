import type { TaskPolicy } from '../app/task-options.js'
import type { Delivery } from '../brokers/broker.js'
import type { LimitAnswer, LimitRequest } from '../brokers/limits/limit-store.js'
import { BoundedMap } from '../lib/bounded-map.js'
import { type Deferred, deferred } from '../lib/deferred.js'
import { errorText } from '../lib/error-text.js'
import type { Runtime } from '../lib/runtime.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { Call, Outcome, Pool, Where } from '../pools/pool.js'
import type { Codec } from '../protocol/codec.js'
import type { DecodedTask } from '../protocol/decode-task.js'
import type { TaskId, TaskName } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Admission, Discard } from './admission.js'
import { admit, takeTurn } from './admit.js'
import { DeliveryReader } from './delivery-reader.js'
import { Holds } from './holds.js'
import { LimitTimers } from './limit-timers.js'
import { ReadyLine } from './ready-line.js'
import type { Revocations } from './revocations.js'
import { latestClaim, newRunning, type Running } from './running.js'
import { settle, settleDiscard, settleStored } from './settle.js'
import type { SpoolEntry } from './spool.js'
import { CONSULT_AGAIN, type Decide, type Teller } from './teller.js'
import { Terminations } from './terminations.js'
import { type Rates, Throttle } from './throttle.js'
import { ackAll, anyCurrent, beginAll, condemnAll, requeueAll } from './verdicts.js'
import type { World } from './world.js'

export interface IntakeParts {
  readonly runtime: Runtime
  readonly codec: Codec
  readonly limits: Limits
  readonly pool: Pool
  readonly world: World
  readonly teller: Teller
  /** Node name. */
  readonly worker: string
  readonly unknownTask: 'hand-back' | 'reject'
  readonly rates: Rates
  /** Limits that this worker counts by itself, and those that the cluster counts. */
  readonly ownLimits: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  readonly clusterLimits: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  /** Longest wait here for a place under a limit. */
  readonly waitMost: Ms
  /** Slots; with autoscale the most there may be. */
  capacity(): number
  /** Limits that hold where neither message nor task has its own. */
  readonly softTimeLimit: Ms | undefined
  readonly timeLimit: Ms | undefined
  /** The broker keeps delayed messages itself. */
  readonly canPark: boolean
  /** Most messages held here for their eta (L11). */
  readonly maxHeld: number
  readonly revocations: Revocations
  /** Between a terminated task's AbortSignal, its signal, and its end by force. */
  readonly terminateGrace: Ms
  registered(task: TaskName): boolean
  /** Of registered tasks and of strangers. */
  policy(task: TaskName): TaskPolicy
  /** False with `workerDisablePrefetch`. */
  readonly prefetches: boolean
  /** The prefetch window has to follow: waiting messages widen it. */
  windowChanged(): void
  /** Something waits for a slot. */
  slotsWanted(): void
}

/** What is remembered of attempts that ended here (D46), and of unknown tasks handed back. */
const FINISHED = Object.freeze({ max: 10_000, ttl: 3_600_000 })

/** What came to be revoked while it waits leaves so soon: many revokes of one moment are one look at all that waits. */
const DISCARD_DELAY: Ms = 10

/** What a held task does; the words are those of `inspect query_task`. */
export type WorkState = 'active' | 'reserved' | 'scheduled' | 'ready'

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
  /** With the name of the message that was run, where it had one. */
  readonly #finished: BoundedMap<string, string | null>
  readonly #handBacks: BoundedMap<string, number>
  readonly #terminations: Terminations
  readonly #holds: Holds
  readonly #throttle: Throttle
  readonly #limits: LimitTimers
  readonly #reader: DeliveryReader
  readonly #ready = new ReadyLine()
  readonly #disown = (): void => {
    this.#works--
    if (this.#idle()) this.#drained?.resolve()
  }
  readonly #disownFailed = (error: unknown): void => {
    this.#parts.runtime.log.critical(`Internal error while handling a delivery: ${errorText(error)}`, { error })
    this.#disown()
  }
  #discarding: Disposable | undefined
  #busy = 0
  #unsettled = 0
  #left = 0
  #acked = 0
  #works = 0
  #closed = false
  #drained: Deferred<void> | undefined
  /** A cold shutdown has begun. */
  #interrupted = false

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#finished = new BoundedMap(FINISHED)
    this.#handBacks = new BoundedMap(FINISHED)
    this.#terminations = new Terminations(parts.runtime.clock, parts.terminateGrace)
    this.#holds = new Holds(parts.runtime.clock, running => this.#release(running))
    this.#throttle = new Throttle({
      runtime: parts.runtime,
      rates: parts.rates,
      own: parts.ownLimits,
      cluster: parts.clusterLimits,
      waitMost: parts.waitMost,
      policy: request => this.#policy(request),
      free: () => parts.capacity() - this.reserved - this.#throttle.asked,
      pass: running => this.#pass(running),
      far: (running, wait) => this.#sendAway(running, wait),
    })
    this.#limits = new LimitTimers(parts.runtime.clock)
    this.#reader = new DeliveryReader({
      clock: parts.runtime.clock,
      codec: parts.codec,
      limits: parts.limits,
      taken: (delivery, decoded) => this.#takeDecoded(delivery, decoded),
      own: work => this.#own(work),
    })
  }

  /** Executions under way. */
  get busy(): number {
    return this.#busy
  }

  /** Deliveries that hold a place in the prefetch window while they wait for their eta or their turn. */
  get held(): number {
    return this.#holds.size + this.#throttle.size
  }

  /** Deliveries that wait for nothing but a slot, and those that run. */
  get reserved(): number {
    return this.#busy + this.#ready.size
  }

  /** Executions begun before the connection was lost. */
  get left(): number {
    return this.#left
  }

  /** Executions whose messages were acked early: they hold no place in the prefetch window. */
  get acked(): number {
    return this.#acked
  }

  /** Deliveries this worker holds unacked or still works on. */
  get size(): number {
    return this.#running.size
  }

  /** The pool has other slots than before. */
  poolResized(): void {
    this.#pump()
  }

  take(delivery: Delivery): void {
    if (this.#closed && !this.#reader.isReading) this.#own(requeueAll([delivery], { counted: false }))
    else this.#reader.take(delivery)
  }

  #takeDecoded(delivery: Delivery, decoded: DecodedTask): void {
    if (decoded.kind === 'malformed') {
      this.#own(this.#parts.teller.bury(delivery, decoded.reason, decoded.detail, decoded.id))
      return
    }
    const { request } = decoded
    const running = newRunning(request, [delivery], this.#policy(request).acksLate)
    this.#obey(running, this.#admit(running, 'unasked'))
  }

  /** Nothing is started any more; what has not started goes back, uncounted, at once (D82). */
  close(): void {
    this.#closed = true
    const waiting = [...this.#ready.clear(), ...this.#takeWaiting()]
    for (const running of waiting) this.#own(this.#giveBack(running))
    const unread = this.#reader.drop()
    if (unread.length > 0) this.#own(requeueAll(unread, { counted: false }))
    this.#parts.windowChanged()
  }

  /** Resolves when nothing runs and every effect is confirmed or given up. */
  async drained(): Promise<void> {
    if (this.#idle()) return
    this.#drained ??= deferred()
    await this.#drained.promise
  }

  /** Ends every timer of its own. After `drained`, or instead of it. */
  [Symbol.dispose](): void {
    this.#holds[Symbol.dispose]()
    this.#throttle[Symbol.dispose]()
    this.#limits[Symbol.dispose]()
    this.#terminations[Symbol.dispose]()
    this.#discarding?.[Symbol.dispose]()
  }

  /** Interrupts every execution, and what is about to begin (cold shutdown). */
  interruptAll(): void {
    this.#interrupted = true
    for (const running of this.#running.values()) running.execution?.interrupt({ kind: 'shutdown' })
  }

  killAll(): void {
    for (const running of this.#running.values()) running.execution?.kill('SIGKILL')
  }

  /** The connection is gone: what has not started comes again by itself; running executions adopt their redelivery (D84). */
  connectionLost(cancelLongRunning: boolean): void {
    this.#reader.drop()
    for (const running of [...this.#ready.clear(), ...this.#takeWaiting()]) this.#forget(running)
    for (const running of this.#running.values()) {
      if (!running.active || running.left) continue
      running.left = true
      this.#left++
    }
    this.#parts.windowChanged()
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

  /** Everything held, whatever it waits for or does. */
  *work(): Iterable<{ readonly running: Running; readonly state: WorkState }> {
    for (const running of this.#running.values()) yield { running, state: this.#stateOf(running) }
  }

  /** There is another session at the store that keeps the limits of the cluster. */
  limitsResumed(): void {
    this.#throttle.resumed()
  }

  /** Something was revoked: what waits here and is meant by it leaves within a moment, its place free, its message acked (H59). */
  discardRevoked(): void {
    this.#discarding ??= this.#parts.runtime.clock.timer(DISCARD_DELAY, () => {
      this.#discarding = undefined
      this.#discardWaiting()
    })
  }

  /** Ends those that are meant and run; those that are held and revoked never begin. Answers the ids that are held. */
  terminate(meant: (request: TaskRequest) => boolean, signal: string): readonly TaskId[] {
    const found = new Set<TaskId>()
    for (const running of this.#running.values()) {
      if (!meant(running.request)) continue
      found.add(running.request.id)
      this.#terminations.begin(running, signal)
    }
    return [...found]
  }

  /** The next deliveries of this task wait by its new rate. */
  rateChanged(task: string): void {
    this.#throttle.rateChanged(task)
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
      revoked: this.#parts.revocations.has(request),
      stored: keepsState ? stored : 'unkept',
      unknownTask: this.#parts.unknownTask,
      handBacks: this.#handBacks.get(running.key, steady) ?? 0,
      now: runtime.clock.now(),
      canPark: this.#parts.canPark,
      full: this.held >= maxHeld,
      turn: this.#throttle.turn(request, policy, delivery.redelivered),
    })
  }

  #here(running: Running, now: number): 'running' | 'finished' | 'unknown' {
    const present = this.#running.get(running.key)
    if (present !== undefined && present !== running) return 'running'
    const finished = this.#finished.get(running.key, now)
    if (finished === undefined) return 'unknown'
    // Somebody uses an id again: another message, no second copy of the one that was run. Without a name nobody can tell.
    const own = messageIdOf(running)
    return own === undefined || own === finished ? 'finished' : 'unknown'
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
      case 'throttle':
        this.#enterThrottle(running)
        return
      case 'postpone':
        this.#postpone(running, admission.delay)
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
    this.#holds.enter(running, until)
    this.#parts.windowChanged()
  }

  #enterThrottle(running: Running): void {
    this.#running.set(running.key, running)
    this.#parts.world.emit({ type: 'task-received', eta: undefined }, running)
    this.#takeTurn(running)
  }

  /** It may pass at once. */
  #takeTurn(running: Running): void {
    this.#throttle.enter(running, this.#policy(running.request))
    if (this.#throttle.size > 0) this.#parts.windowChanged()
  }

  #postpone(running: Running, delay: Ms): void {
    this.#throttle.sentAway(running.request, this.#policy(running.request), delay)
    this.#own(this.#giveBack(running, delay))
  }

  /** It waits for its turn, and that has turned out to be far off. */
  #sendAway(running: Running, wait: Ms): boolean {
    const { canPark, maxHeld } = this.#parts
    const redelivered = running.deliveries[0]?.redelivered ?? false
    const admission = takeTurn(wait, { canPark, full: this.held >= maxHeld, redelivered })
    if (admission.kind !== 'postpone') return false
    this.#postpone(running, admission.delay)
    this.#parts.windowChanged()
    return true
  }

  /** What is revoked while it waits need not wait: its place is free at once. */
  #discardWaiting(): void {
    const revoked = ({ request }: Running): boolean => this.#parts.revocations.has(request)
    const ready = this.#ready.drop(revoked)
    const held = [...this.#holds.waiting, ...this.#throttle.waiting].filter(revoked)
    for (const running of held) {
      this.#holds.leave(running)
      this.#throttle.leave(running)
    }
    if (held.length > 0) this.#parts.windowChanged()
    for (const running of [...ready, ...held]) {
      this.#own(this.#finish(running, context => settleDiscard({ kind: 'revoked' }, context)))
    }
  }

  #stateOf(running: Running): WorkState {
    if (running.execution !== undefined) return running.execution.where === undefined ? 'reserved' : 'active'
    if (this.#holds.has(running)) return 'scheduled'
    if (this.#throttle.has(running)) return 'ready'
    return running.verdict === undefined || running.verdict === 'ack' ? 'reserved' : 'ready'
  }

  /** An eta has come: now it waits for its turn, if its task has a limit, then for a slot. */
  #release(running: Running): void {
    const { request, deliveries } = running
    const redelivered = deliveries[0]?.redelivered ?? false
    const turn = this.#throttle.turn(request, this.#policy(request), redelivered)
    this.#parts.windowChanged()
    if (turn === undefined) {
      this.#pass(running)
      return
    }
    const { canPark, maxHeld } = this.#parts
    const admission = takeTurn(turn, { canPark, full: this.held >= maxHeld, redelivered })
    if (admission.kind === 'postpone') this.#postpone(running, admission.delay)
    else this.#takeTurn(running)
  }

  /** It waits for nothing but a slot. */
  #pass(running: Running): void {
    this.#parts.windowChanged()
    this.#ready.push(running)
    this.#pump()
  }

  /** D44: what is stored decides; while the backend is asked, a further delivery of the same attempt is adopted. */
  async #consult(running: Running): Promise<void> {
    this.#running.set(running.key, running)
    const stored = await this.#stored(running)
    if (stored === 'unknown') return
    if (this.#closed) return this.#giveBack(running)
    this.#obey(running, this.#admit(running, stored))
  }

  /** `unknown`: not knowing is no reason to run twice, so it was given back, and comes when the backend may answer again. */
  async #stored(running: Running): Promise<ResultMeta | undefined | 'unknown'> {
    try {
      return await this.#parts.world.backend?.fetch(running.request.id)
    } catch (error) {
      this.#parts.runtime.log.warning(`State of redelivered task ${running.request.id} is unknown: ${errorText(error)}`)
      await this.#giveBack(running, CONSULT_AGAIN)
      return 'unknown'
    }
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
    while (!this.#closed && this.#unsettled < (pool.size + pool.ahead) * UNSETTLED_PER_SLOT) {
      const next = this.#ready.first
      if (next === undefined || this.#endangers(next)) break
      if (!this.#isRoomFor(next)) break
      this.#ready.shift()
      this.#own(this.#start(next))
    }
    if (this.#ready.size > 0 && !this.#closed) this.#parts.slotsWanted()
    if (this.#throttle.size > 0) this.#throttle.look()
  }

  /** In a slot, or ahead of its turn. */
  #isRoomFor(running: Running): boolean {
    const { size, ahead } = this.#parts.pool
    const taken = this.#busy + this.#throttle.asked
    return taken < size || (taken < size + ahead && this.#mayComeBack(running))
  }

  /**
   * May it be handed to a child ahead of its turn, and come back from there? Early acks belong to the start itself, and so do
   * marks and states that tell of it.
   */
  #mayComeBack(running: Running): boolean {
    const policy = this.#policy(running.request)
    return running.late && !hasPast(running, policy) && !tracksStart(running, policy)
  }

  /**
   * What may have taken a process along waits until the effects of all that has ended here are confirmed: they would have
   * begun, and be taken for its accomplices, if this process died too (D60).
   */
  #endangers({ deliveries }: Running): boolean {
    return this.#unsettled > this.#busy && deliveries.some(({ faults }) => faults > 0)
  }

  async #start(running: Running): Promise<void> {
    const refusal = this.#refusal(running)
    if (refusal !== undefined) {
      this.#throttle.ended(running)
      return this.#discard(running, refusal)
    }
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
    if (this.#parts.revocations.has(request)) return { kind: 'revoked' }
    if (request.expires !== undefined && this.#parts.runtime.clock.now() > request.expires) return { kind: 'expired' }
    const { faults = 0, begun = false } = deliveries[0] ?? {}
    return begun && faults >= this.#policy(request).maxDeliveries ? { kind: 'poison', faults } : undefined
  }

  /** Undefined when it is not run here: an early ack found the message gone, or it expired or was revoked during that. */
  async #run(running: Running): Promise<Outcome | undefined> {
    this.#busy++
    running.active = true
    if (!running.late) this.#acked++
    // Before its ack makes room for another one, which could not run.
    if (!(running.late || this.#parts.prefetches)) this.#parts.windowChanged()
    try {
      const policy = this.#policy(running.request)
      if (!running.late && !(await this.#ackEarly(running))) return undefined
      if (running.late && hasPast(running, policy) && !(await this.#begin(running))) return undefined
      if (tracksStart(running, policy) && !(await this.#parts.teller.tellStart(running))) {
        // What was adopted meanwhile would be held by nobody for ever.
        if (running.verdict === undefined) await this.#giveBack(running)
        return undefined
      }
      const refusal = this.#refusal(running)
      if (refusal !== undefined) {
        await this.#discard(running, refusal)
        return undefined
      }
      // While its early ack or its mark was under way, everything that ran was interrupted.
      if (this.#interrupted) return NOT_BEGUN
      let refused = undefined as Discard | undefined
      const isWanted = (): boolean => {
        refused = this.#refusal(running)
        return refused === undefined
      }
      const call = this.#call(running, policy)
      running.begunUnder = latestClaim(running)
      const execution = this.#parts.pool.run(call, isWanted)
      running.execution = execution
      let timers: readonly Disposable[] = []
      const begun = ({ pid }: Where): void => {
        timers = this.#limits.set(execution, call)
        this.#parts.world.emit({ type: 'task-started', pid }, running)
      }
      if (execution.where === undefined) void execution.accepted.then(begun)
      else begun(execution.where)
      const outcome = await execution.outcome
      for (const timer of timers) timer[Symbol.dispose]()
      if (refused !== undefined) {
        await this.#discard(running, refused)
        return undefined
      }
      return this.#terminations.outcome(running, outcome)
    } finally {
      this.#busy--
      this.#leaveWindow(running)
      this.#throttle.ended(running)
      this.#pump()
    }
  }

  #leaveWindow(running: Running): void {
    running.active = false
    if (running.left) this.#left--
    if (!running.late) this.#acked--
    if (running.left || !(running.late || this.#parts.prefetches)) this.#parts.windowChanged()
  }

  /**
   * A message that may become poison says so before it runs, so that the death of this process counts against it and not
   * against those that only waited beside it (D40, D60). Most messages have no past and need no mark.
   */
  async #begin(running: Running): Promise<boolean> {
    const { deliveries } = running
    // Where the mark travels with a copy of the message, the copy may come and be adopted before the answer does.
    for (let asked = 0; asked < deliveries.length; ) {
      const next = deliveries.slice(asked)
      const copied = asked > 0
      asked = deliveries.length
      if ((await beginAll(next)).includes('settled')) return !copied || !(await this.#toldMeanwhile(running))
    }
    return false
  }

  /** D44: a copy may be long on its way, and whoever ran the message before may have told its end by now. */
  async #toldMeanwhile(running: Running): Promise<boolean> {
    const stored = await this.#stored(running)
    if (stored === 'unknown') return true
    const admission = this.#admit(running, stored)
    if (admission.kind !== 'replay') return false
    await this.#finish(running, context => settleStored(admission.stored, context))
    return true
  }

  /** The ack is answered before user code is entered; false = the message is somebody else's. */
  async #ackEarly(running: Running): Promise<boolean> {
    running.verdict = 'ack'
    const settled = await ackAll(running.deliveries)
    for (const answer of settled) this.#parts.world.acked(answer)
    return settled.includes('settled')
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

  /** A worker that dies while it refuses a poison message must not make it look as if it had only waited there. */
  async #discard(running: Running, why: Discard): Promise<void> {
    this.#running.set(running.key, running)
    if (why.kind === 'poison' && !(await condemnAll(running.deliveries)).includes('settled')) {
      this.#forget(running)
      return
    }
    await this.#finish(running, context => settleDiscard(why, context))
  }

  #settle(running: Running, outcome: Outcome): Promise<void> {
    return this.#finish(running, context => settle(outcome, context), outcome)
  }

  /** Performs what was decided about a delivery, and what becomes of it then. */
  async #finish(running: Running, decide: Decide, outcome?: Outcome): Promise<void> {
    this.#running.set(running.key, running)
    try {
      const performed = await this.#parts.teller.tell(running, decide, outcome)
      if (performed.kind === 'done' && running.verdict === 'ack') {
        this.#finished.set(running.key, messageIdOf(running) ?? null, this.#parts.runtime.clock.steady())
      }
    } finally {
      // An end without a verdict: what was adopted meanwhile would be held by nobody for ever.
      if (running.verdict === undefined) await this.#giveBack(running)
      else this.#forget(running)
    }
  }

  /** Tells an end from the spool; resolves to what is still left of it. Rejects when its message cannot be read. */
  async redo(entry: SpoolEntry): Promise<SpoolEntry | undefined> {
    const decoded = await this.#reader.read(entry.message)
    if (decoded.kind === 'malformed') throw new TypeError(`its message cannot be read: ${decoded.detail}`)
    return this.#parts.teller.tellSpooled(entry, decoded.request)
  }

  #forget(running: Running): void {
    this.#throttle.ended(running)
    if (this.#running.get(running.key) === running) this.#running.delete(running.key)
  }

  #policy(request: TaskRequest): TaskPolicy {
    return this.#parts.policy(request.task)
  }

  /** Those who wait for their eta or their turn. */
  #takeWaiting(): readonly Running[] {
    return [...this.#holds.clear(), ...this.#throttle.clear()]
  }

  #idle(): boolean {
    return this.#works === 0
  }

  /** Every promise has an owner: counted here, waited for by `drained`; what still goes wrong is our own bug, and said. */
  #own(work: Promise<unknown>): void {
    this.#works++
    work.then(this.#disown, this.#disownFailed)
  }
}

/** What a cold shutdown makes of a task that was about to begin. */
const NOT_BEGUN: Outcome = Object.freeze({
  kind: 'cancelled',
  why: 'shutdown',
  signal: undefined,
  children: [],
  runtime: 0,
})

function messageIdOf({ request }: Running): string | undefined {
  return request.message.properties.messageId
}

/** An ignored result has no states on the way either. Source: celery/app/trace.py. */
function tracksStart({ request }: Running, policy: TaskPolicy): boolean {
  return policy.trackStarted && !(request.ignoreResult ?? policy.ignoreResult)
}

/** A fault before, or a task that may have none at all. */
function hasPast({ deliveries }: Running, policy: TaskPolicy): boolean {
  return policy.maxDeliveries === 1 || deliveries.some(delivery => delivery.faults > 0)
}

function unregistered({ task, id }: TaskRequest): string {
  return `Received unregistered task of type '${task}' [${id}]. It goes back to its queue for a worker that knows it. Is its module imported here?`
}
