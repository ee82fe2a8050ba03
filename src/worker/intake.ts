import type { TaskPolicy } from '../app/task-options.js'
import type { Delivery } from '../brokers/broker.js'
import type { LimitAnswer, LimitRequest } from '../brokers/limits/limit-store.js'
import { BoundedMap } from '../lib/bounded-map.js'
import { errorText } from '../lib/error-text.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { Codec } from '../protocol/codec.js'
import type { DecodedTask } from '../protocol/decode-task.js'
import type { TaskName } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { TaskRequest } from '../protocol/request.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import type { Admission } from './admission.js'
import { admit, takeTurn } from './admit.js'
import { Custody } from './custody.js'
import { DeliveryReader } from './delivery-reader.js'
import { Executions, type ExecutionsParts } from './executions.js'
import { Holds } from './holds.js'
import { OwnedWork } from './owned-work.js'
import { newRunning, type Running } from './running.js'
import { settleDiscard, settleStored } from './settle.js'
import type { SpoolEntry } from './spool.js'
import { CONSULT_AGAIN, type Teller } from './teller.js'
import { type Rates, Throttle } from './throttle.js'
import { ackAll, requeueAll } from './verdicts.js'
import type { World } from './world.js'

export interface IntakeParts
  extends Omit<ExecutionsParts, 'custody' | 'own' | 'policy' | 'teller' | 'throttle' | 'toldMeanwhile' | 'world'> {
  readonly codec: Codec
  readonly limits: Limits
  readonly world: World
  readonly teller: Teller
  readonly unknownTask: 'hand-back' | 'reject'
  readonly rates: Rates
  /** Limits that this worker counts by itself, and those that the cluster counts. */
  readonly ownLimits: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  readonly clusterLimits: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  /** Longest wait here for a place under a limit. */
  readonly waitMost: Ms
  /** Slots; with autoscale the most there may be. */
  capacity(): number
  /** The broker keeps delayed messages itself. */
  readonly canPark: boolean
  /** Most messages held here for their eta (L11). */
  readonly maxHeld: number
  registered(task: TaskName): boolean
  /** Of registered tasks and of strangers. */
  policy(task: TaskName): TaskPolicy
}

/** What is remembered of unknown tasks handed back. */
const HAND_BACKS = Object.freeze({ max: 10_000, ttl: 3_600_000 })

/** What came to be revoked while it waits leaves so soon: many revokes of one moment are one look at all that waits. */
const DISCARD_DELAY: Ms = 10

/** What a held task does; the words are those of `inspect query_task`. */
export type WorkState = 'active' | 'reserved' | 'scheduled' | 'ready'

/**
 * The way of a delivery through the worker, as its table of contents: decode, admit, then hold | queue, then pool,
 * settle, perform. Deliveries come in with `take`; everything else follows from free slots, due etas and outcomes.
 *
 * Modes: *open* takes and starts; after `close` nothing is started any more, what had not started has been handed back,
 * running executions go on until `drained` resolves.
 */
export class Intake implements Disposable {
  /** What waits for a slot, and what runs. */
  readonly executions: Executions
  readonly #parts: IntakeParts
  readonly #custody: Custody
  readonly #handBacks: BoundedMap<string, number>
  readonly #holds: Holds
  readonly #throttle: Throttle
  readonly #reader: DeliveryReader
  readonly #works: OwnedWork
  #discarding: Disposable | undefined
  #closed = false

  constructor(parts: IntakeParts) {
    this.#parts = parts
    const { runtime, teller } = parts
    this.#works = new OwnedWork(runtime.log)
    this.#custody = new Custody({ clock: runtime.clock, teller, left: running => this.#throttle.ended(running) })
    this.#handBacks = new BoundedMap(HAND_BACKS)
    this.#holds = new Holds(runtime.clock, running => this.#release(running))
    this.#throttle = new Throttle({
      runtime,
      rates: parts.rates,
      own: parts.ownLimits,
      cluster: parts.clusterLimits,
      waitMost: parts.waitMost,
      policy: request => this.#policy(request),
      free: () => parts.capacity() - this.executions.reserved - this.#throttle.asked,
      pass: running => this.#pass(running),
      far: (running, wait) => this.#sendAway(running, wait),
    })
    this.executions = new Executions({
      ...parts,
      custody: this.#custody,
      throttle: this.#throttle,
      policy: request => this.#policy(request),
      own: work => this.#works.own(work),
      toldMeanwhile: running => this.#toldMeanwhile(running),
    })
    this.#reader = new DeliveryReader({
      clock: runtime.clock,
      codec: parts.codec,
      limits: parts.limits,
      taken: (delivery, decoded) => this.#takeDecoded(delivery, decoded),
      own: work => this.#works.own(work),
    })
  }

  /** Deliveries that hold a place in the prefetch window while they wait for their eta or their turn. */
  get held(): number {
    return this.#holds.size + this.#throttle.size
  }

  /** Deliveries this worker holds unacked or still works on. */
  get size(): number {
    return this.#custody.size
  }

  /** Anything is held, or is still being read. */
  get holding(): boolean {
    return this.#custody.size > 0 || this.#works.size > 0
  }

  take(delivery: Delivery): void {
    if (this.#closed && !this.#reader.isReading) this.#works.own(requeueAll([delivery], { counted: false }))
    else this.#reader.take(delivery)
  }

  #takeDecoded(delivery: Delivery, decoded: DecodedTask): void {
    if (decoded.kind === 'malformed') {
      this.#works.own(this.#parts.teller.bury(delivery, decoded.reason, decoded.detail, decoded.id))
      return
    }
    const { request } = decoded
    const running = newRunning(request, [delivery], this.#policy(request).acksLate)
    this.#obey(running, this.#admit(running, 'unasked'))
  }

  /** Nothing is started any more; what has not started goes back, uncounted, at once (D82). */
  close(): void {
    this.#closed = true
    const waiting = [...this.executions.close(), ...this.#takeWaiting()]
    for (const running of waiting) this.#works.own(this.#custody.giveBack(running))
    const unread = this.#reader.drop()
    if (unread.length > 0) this.#works.own(requeueAll(unread, { counted: false }))
    this.#parts.windowChanged()
  }

  /** Resolves when nothing runs and every effect is confirmed or given up. */
  drained(): Promise<void> {
    return this.#works.drained()
  }

  /** Ends every timer of its own. After `drained`, or instead of it. */
  [Symbol.dispose](): void {
    this.#holds[Symbol.dispose]()
    this.#throttle[Symbol.dispose]()
    this.executions[Symbol.dispose]()
    this.#discarding?.[Symbol.dispose]()
  }

  /** The connection is gone: what has not begun comes again by itself; what runs adopts its redelivery (D84). */
  connectionLost(cancelLongRunning: boolean): void {
    this.#reader.drop()
    for (const running of this.#takeWaiting()) this.#custody.forget(running)
    this.executions.connectionLost(cancelLongRunning)
  }

  /** Everything held, whatever it waits for or does. */
  *work(): Iterable<{ readonly running: Running; readonly state: WorkState }> {
    for (const running of this.#custody.values()) yield { running, state: this.#stateOf(running) }
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
      here: this.#custody.knows(running),
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

  #obey(running: Running, admission: Admission): void {
    switch (admission.kind) {
      case 'run':
        this.#enqueue(running)
        return
      case 'hold':
        this.#hold(running, admission.until)
        return
      case 'park':
        this.#works.own(this.#custody.giveBack(running, admission.delay))
        return
      case 'throttle':
        this.#enterThrottle(running)
        return
      case 'postpone':
        this.#postpone(running, admission.delay)
        return
      case 'consult':
        this.#works.own(this.#consult(running))
        return
      case 'replay':
        this.#works.own(this.#custody.finish(running, context => settleStored(admission.stored, context)))
        return
      case 'discard':
        this.#works.own(this.#custody.discard(running, admission.why))
        return
      case 'adopt':
        this.#works.own(this.#adopt(running))
        return
      case 'finished':
        this.#works.own(this.#custody.finish(running, () => [{ kind: 'ack' }]))
        return
      case 'hand-back':
        this.#works.own(this.#handBack(running, admission.delay))
        return
      default:
        admission satisfies never
    }
  }

  #enqueue(running: Running): void {
    this.#custody.enter(running)
    this.#parts.world.emit({ type: 'task-received', eta: undefined }, running)
    this.executions.enter(running)
  }

  #hold(running: Running, until: EpochMs): void {
    this.#custody.enter(running)
    this.#parts.world.emit({ type: 'task-received', eta: until }, running)
    this.#holds.enter(running, until)
    this.#parts.windowChanged()
  }

  #enterThrottle(running: Running): void {
    this.#custody.enter(running)
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
    this.#works.own(this.#custody.giveBack(running, delay))
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
    const ready = this.executions.drop(revoked)
    const held = [...this.#holds.waiting, ...this.#throttle.waiting].filter(revoked)
    for (const running of held) {
      this.#holds.leave(running)
      this.#throttle.leave(running)
    }
    if (held.length > 0) this.#parts.windowChanged()
    for (const running of [...ready, ...held]) {
      this.#works.own(this.#custody.finish(running, context => settleDiscard({ kind: 'revoked' }, context)))
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
    this.executions.enter(running)
  }

  /** D44: what is stored decides; while the backend is asked, a further delivery of the same attempt is adopted. */
  async #consult(running: Running): Promise<void> {
    this.#custody.enter(running)
    const stored = await this.#stored(running)
    if (stored === 'unknown') return
    if (this.#closed) return this.#custody.giveBack(running)
    this.#obey(running, this.#admit(running, stored))
  }

  /** `unknown`: not knowing is no reason to run twice, so it was given back, and comes when the backend may answer again. */
  async #stored(running: Running): Promise<ResultMeta | undefined | 'unknown'> {
    try {
      return await this.#parts.world.backend?.fetch(running.request.id)
    } catch (error) {
      this.#parts.runtime.log.warning(`State of redelivered task ${running.request.id} is unknown: ${errorText(error)}`)
      await this.#custody.giveBack(running, CONSULT_AGAIN)
      return 'unknown'
    }
  }

  /** D44: a copy may be long on its way, and whoever ran the message before may have told its end by now. */
  async #toldMeanwhile(running: Running): Promise<boolean> {
    const stored = await this.#stored(running)
    if (stored === 'unknown') return true
    const admission = this.#admit(running, stored)
    if (admission.kind !== 'replay') return false
    await this.#custody.finish(running, context => settleStored(admission.stored, context))
    return true
  }

  async #adopt(newcomer: Running): Promise<void> {
    const delivery = newcomer.deliveries[0] as Delivery
    const present = this.#custody.find(newcomer.key)
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
    await this.#custody.giveBack(running, delay)
  }

  /** Tells an end from the spool; resolves to what is still left of it. Rejects when its message cannot be read. */
  async redo(entry: SpoolEntry): Promise<SpoolEntry | undefined> {
    const decoded = await this.#reader.read(entry.message)
    if (decoded.kind === 'malformed') throw new TypeError(`its message cannot be read: ${decoded.detail}`)
    return this.#parts.teller.tellSpooled(entry, decoded.request)
  }

  #policy(request: TaskRequest): TaskPolicy {
    return this.#parts.policy(request.task)
  }

  /** Those who wait for their eta or their turn. */
  #takeWaiting(): readonly Running[] {
    return [...this.#holds.clear(), ...this.#throttle.clear()]
  }
}

function unregistered({ task, id }: TaskRequest): string {
  return `Received unregistered task of type '${task}' [${id}]. It goes back to its queue for a worker that knows it. Is its module imported here?`
}
