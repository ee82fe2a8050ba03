import type { TaskPolicy } from '../app/task-options.js'
import type { Delivery } from '../brokers/broker.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Call, Outcome, Pool, Where } from '../pools/pool.js'
import type { TaskId } from '../protocol/ids.js'
import type { TaskRequest } from '../protocol/request.js'
import type { Discard } from './admission.js'
import type { Custody } from './custody.js'
import { LimitTimers } from './limit-timers.js'
import { ReadyLine } from './ready-line.js'
import type { Revocations } from './revocations.js'
import { latestClaim, type Running } from './running.js'
import { settle } from './settle.js'
import type { Teller } from './teller.js'
import { Terminations } from './terminations.js'
import type { Throttle } from './throttle.js'
import { ackAll, anyCurrent, beginAll } from './verdicts.js'
import type { World } from './world.js'

export interface ExecutionsParts {
  readonly runtime: Runtime
  readonly pool: Pool
  readonly world: Pick<World, 'acked' | 'emit'>
  readonly teller: Pick<Teller, 'tellStart'>
  readonly custody: Custody
  readonly throttle: Pick<Throttle, 'asked' | 'ended' | 'look' | 'size'>
  readonly revocations: Pick<Revocations, 'has'>
  /** Node name. */
  readonly worker: string
  /** Limits that hold where neither message nor task has its own. */
  readonly softTimeLimit: Ms | undefined
  readonly timeLimit: Ms | undefined
  /** Between a terminated task's AbortSignal, its signal, and its end by force. */
  readonly terminateGrace: Ms
  /** False with `workerDisablePrefetch`. */
  readonly prefetches: boolean
  policy(request: TaskRequest): TaskPolicy
  /** The prefetch window has to follow: waiting messages widen it. */
  windowChanged(): void
  /** Something waits for a slot. */
  slotsWanted(): void
  own(work: Promise<unknown>): void
  /** A copy was long on its way: if its end has been told by now, tells what follows it, and says so. */
  toldMeanwhile(running: Running): Promise<boolean>
}

/** Executions that run or whose effects are not confirmed: beyond so many per slot no new one is begun. */
const UNSETTLED_PER_SLOT = 11

/** What waits for a slot, and what runs: begun, limited, ended, settled. */
export class Executions implements Disposable {
  readonly #parts: ExecutionsParts
  readonly #ready = new ReadyLine()
  readonly #limits: LimitTimers
  readonly #terminations: Terminations
  #busy = 0
  #unsettled = 0
  #left = 0
  #acked = 0
  #closed = false
  /** A cold shutdown has begun. */
  #interrupted = false

  constructor(parts: ExecutionsParts) {
    this.#parts = parts
    this.#limits = new LimitTimers(parts.runtime.clock)
    this.#terminations = new Terminations(parts.runtime.clock, parts.terminateGrace)
  }

  /** Those under way. */
  get busy(): number {
    return this.#busy
  }

  /** Those under way, and deliveries that wait for nothing but a slot. */
  get reserved(): number {
    return this.#busy + this.#ready.size
  }

  /** Those begun before the connection was lost. */
  get left(): number {
    return this.#left
  }

  /** Those whose messages were acked early: they hold no place in the prefetch window. */
  get acked(): number {
    return this.#acked
  }

  /** It waits for nothing but a slot. */
  enter(running: Running): void {
    this.#ready.push(running)
    this.pump()
  }

  /** Nothing is begun any more; those that waited. */
  close(): readonly Running[] {
    this.#closed = true
    return this.#ready.clear()
  }

  /** Those that wait and are meant leave. */
  drop(meant: (running: Running) => boolean): readonly Running[] {
    return this.#ready.drop(meant)
  }

  /** Interrupts every one, and what is about to begin (cold shutdown). */
  interruptAll(): void {
    this.#interrupted = true
    for (const running of this.#parts.custody.values()) running.execution?.interrupt({ kind: 'shutdown' })
  }

  killAll(): void {
    for (const running of this.#parts.custody.values()) running.execution?.kill('SIGKILL')
  }

  /** The connection is gone: what has not begun comes again by itself; what runs adopts its redelivery (D84). */
  connectionLost(cancelLongRunning: boolean): void {
    const { custody } = this.#parts
    for (const running of this.#ready.clear()) custody.forget(running)
    for (const running of custody.values()) {
      if (!running.active || running.left) continue
      running.left = true
      this.#left++
    }
    this.#parts.windowChanged()
    if (!cancelLongRunning) return
    for (const running of custody.values()) {
      if (running.late) running.execution?.interrupt({ kind: 'connection-lost' })
    }
  }

  /** D25: leases may have run out. Those whose every token is lost are told to end. */
  async checkLeases(): Promise<void> {
    for (const running of [...this.#parts.custody.values()]) {
      if (!running.late || running.execution === undefined) continue
      if (await anyCurrent(running.deliveries)) continue
      running.robbed = true
      running.execution.interrupt({ kind: 'lease-lost' })
    }
  }

  /** Ends those that are meant and run; those that are held and revoked never begin. Answers the ids that are held. */
  terminate(meant: (request: TaskRequest) => boolean, signal: string): readonly TaskId[] {
    const found = new Set<TaskId>()
    for (const running of this.#parts.custody.values()) {
      if (!meant(running.request)) continue
      found.add(running.request.id)
      this.#terminations.begin(running, signal)
    }
    return [...found]
  }

  /** Ends every timer of its own. */
  [Symbol.dispose](): void {
    this.#limits[Symbol.dispose]()
    this.#terminations[Symbol.dispose]()
  }

  /** Begins what there is room for. */
  pump(): void {
    const { pool, throttle } = this.#parts
    while (!this.#closed && this.#unsettled < (pool.size + pool.ahead) * UNSETTLED_PER_SLOT) {
      const next = this.#ready.first
      if (next === undefined || this.#endangers(next)) break
      if (!this.#isRoomFor(next)) break
      this.#ready.shift()
      this.#parts.own(this.#start(next))
    }
    if (this.#ready.size > 0 && !this.#closed) this.#parts.slotsWanted()
    if (throttle.size > 0) throttle.look()
  }

  /** In a slot, or ahead of its turn. */
  #isRoomFor(running: Running): boolean {
    const { size, ahead } = this.#parts.pool
    const taken = this.#busy + this.#parts.throttle.asked
    return taken < size || (taken < size + ahead && this.#mayComeBack(running))
  }

  /**
   * May it be handed to a child ahead of its turn, and come back from there? Early acks belong to the start itself, and so do
   * marks and states that tell of it.
   */
  #mayComeBack(running: Running): boolean {
    const policy = this.#parts.policy(running.request)
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
      this.#parts.throttle.ended(running)
      return this.#parts.custody.discard(running, refusal)
    }
    this.#unsettled++
    try {
      const outcome = await this.#run(running)
      if (outcome !== undefined) await this.#parts.custody.finish(running, context => settle(outcome, context), outcome)
    } finally {
      this.#parts.custody.forget(running)
      this.#unsettled--
      this.pump()
    }
  }

  /**
   * It waited for a slot or its eta: it may have expired or been revoked meanwhile, and its past was not looked at yet, nor that
   * of what it has adopted.
   */
  #refusal({ request, deliveries }: Running): Discard | undefined {
    if (this.#parts.revocations.has(request)) return { kind: 'revoked' }
    if (request.expires !== undefined && this.#parts.runtime.clock.now() > request.expires) return { kind: 'expired' }
    const { maxDeliveries } = this.#parts.policy(request)
    const poison = deliveries.find(({ begun, faults }) => begun && faults >= maxDeliveries)
    return poison === undefined ? undefined : { kind: 'poison', faults: poison.faults }
  }

  /** Undefined when it is not run here: an early ack found the message gone, or it expired or was revoked during that. */
  async #run(running: Running): Promise<Outcome | undefined> {
    this.#busy++
    running.active = true
    if (!running.late) this.#acked++
    // Before its ack makes room for another one, which could not run.
    if (!(running.late || this.#parts.prefetches)) this.#parts.windowChanged()
    try {
      const policy = this.#parts.policy(running.request)
      if (!running.late && !(await this.#ackEarly(running))) return undefined
      if (running.late && hasPast(running, policy) && !(await this.#begin(running))) return undefined
      if (tracksStart(running, policy) && !(await this.#parts.teller.tellStart(running))) {
        // What was adopted meanwhile would be held by nobody for ever.
        if (running.verdict === undefined) await this.#parts.custody.giveBack(running)
        return undefined
      }
      const refusal = this.#refusal(running)
      if (refusal !== undefined) {
        await this.#parts.custody.discard(running, refusal)
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
        await this.#parts.custody.discard(running, refused)
        return undefined
      }
      return this.#terminations.outcome(running, outcome)
    } finally {
      this.#busy--
      this.#leaveWindow(running)
      this.#parts.throttle.ended(running)
      this.pump()
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
    // Where the mark travels with a copy of the message, the copy may come and be adopted before the answer does: from its
    // publisher, or from another worker that has died of it meanwhile.
    for (let asked = 0; asked < deliveries.length; ) {
      const next = deliveries.slice(asked)
      const copied = asked > 0
      const refusal = copied ? this.#refusal(running) : undefined
      if (refusal !== undefined) {
        await this.#parts.custody.discard(running, refusal)
        return false
      }
      asked = deliveries.length
      if ((await beginAll(next)).includes('settled')) return !copied || !(await this.#parts.toldMeanwhile(running))
    }
    return false
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
}

/** What a cold shutdown makes of a task that was about to begin. */
const NOT_BEGUN: Outcome = Object.freeze({
  kind: 'cancelled',
  why: 'shutdown',
  signal: undefined,
  children: [],
  runtime: 0,
})

/** An ignored result has no states on the way either. Source: celery/app/trace.py. */
function tracksStart({ request }: Running, policy: TaskPolicy): boolean {
  return policy.trackStarted && !(request.ignoreResult ?? policy.ignoreResult)
}

/** A fault before, or a task that may have none at all. */
function hasPast({ deliveries }: Running, policy: TaskPolicy): boolean {
  return policy.maxDeliveries === 1 || deliveries.some(delivery => delivery.faults > 0)
}
