import { deferred } from '../../lib/deferred.js'
import type { Clock, Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../broker.js'
import { BrokerError } from '../errors.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import type { Claimed, PushEntry, PushOutcome, StoreSession, Token, Verdict } from '../virtual/queue-store.js'
import { connectionClosed, notSent } from '../virtual/trouble.js'
import type { Holder, MemoryCore } from './memory-core.js'

export interface MemorySessionOptions {
  readonly name: string
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly sweep: Sweep
}

/** The two steps of a sweep. Between them others may sweep, and a holder may renew. */
export type Sweepable = Pick<MemoryCore, 'expired' | 'takeBack'>

/** How a session sweeps, by its own clock. */
export type Sweep = (store: Sweepable, clock: Clock) => void

/** Part of the lease after which its owner no longer trusts it (D25). */
const TRUSTED = 0.8

/**
 * One process at a memory store. Keeps its lease by its own clock: renews every `renewMs`, less up to a fifth of
 * jitter, and sweeps dead holders on the way (D23, D26). When it finds its own messages swept it is lost, and says so:
 * whoever stands above connects again (D28).
 */
export class MemorySession implements StoreSession {
  readonly name: string
  readonly #core: MemoryCore
  readonly #runtime: Pick<Runtime, 'clock' | 'random'>
  readonly #options: MemorySessionOptions
  readonly #holder: Holder
  readonly #closed = deferred<CloseReason>()
  #state: 'open' | 'closed' = 'open'
  #frozen = false
  #renewedAt: SteadyMs
  #dueAt: SteadyMs
  #timer: Disposable | undefined

  constructor(core: MemoryCore, runtime: Pick<Runtime, 'clock' | 'random'>, options: MemorySessionOptions) {
    this.name = options.name
    this.#core = core
    this.#runtime = runtime
    this.#options = options
    this.#holder = core.enter()
    this.#renewedAt = runtime.clock.steady()
    this.#dueAt = this.#renewedAt
    this.#wind()
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  async declare(topology: Topology): Promise<void> {
    this.#check('declaring')
    this.#core.declare(this.#holder, topology)
  }

  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    if (!this.#alive()) throw notSent(connectionClosed('publishing'))
    return this.#core.push(entries)
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    this.#check('claiming messages')
    return this.#core.claim(this.#holder, queues, limit)
  }

  async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    return this.#core.settle(this.#holder, verdicts)
  }

  async current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return tokens.map(token => this.#holder.held.has(token))
  }

  async wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    this.#check('waiting for messages')
    await this.#core.wake(queues, signal)
  }

  trustedUntil(): SteadyMs {
    return this.#renewedAt + this.#options.leaseMs * TRUSTED
  }

  async stats(queue: QueueName): Promise<QueueStats> {
    this.#check('looking at a queue')
    return this.#core.stats(queue)
  }

  async list(): Promise<readonly QueueStats[]> {
    this.#check('listing queues')
    return this.#core.list()
  }

  async bindings(): Promise<readonly Binding[]> {
    this.#check('listing bindings')
    return this.#core.bindings()
  }

  async weigh(queue: QueueName): Promise<number> {
    this.#check('weighing a queue')
    return this.#core.weigh(queue)
  }

  async purge(queue: QueueName): Promise<number> {
    this.#check('purging a queue')
    return this.#core.purge(queue)
  }

  async limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    this.#check('asking for turns')
    return this.#core.limit(this.#holder, request)
  }

  async consuming(queues: readonly QueueName[]): Promise<void> {
    this.#check('consuming')
    this.#core.serve(this.#holder, queues)
  }

  /** As if the process were stopped: the lease is no longer kept. */
  freeze(): void {
    this.#frozen = true
    this.#timer?.[Symbol.dispose]()
  }

  /** As if it ran again. */
  thaw(): void {
    if (!this.#frozen) return
    this.#frozen = false
    if (this.#state === 'open') this.#tick()
  }

  /** As if the lease had run out and a sweep had come. Nobody is told: what is done with the session next fails. */
  expire(): void {
    this.freeze()
    this.#core.expire(this.#holder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close({ kind: 'closed' })
  }

  #wind(): void {
    if (this.#frozen || this.#state !== 'open') return
    const wait = this.#options.renewMs * (1 - this.#runtime.random.next() / 5)
    this.#dueAt = this.#runtime.clock.steady() + wait
    this.#timer = this.#runtime.clock.timer(wait, () => this.#tick())
  }

  #tick(): void {
    const now = this.#runtime.clock.steady()
    if (!this.#core.renew(this.#holder)) {
      this.#lose()
      return
    }
    this.#renewedAt = now
    // After a standstill of this process other sessions in it had no chance to renew either (D24): next time.
    if (now - this.#dueAt < this.#options.renewMs) this.#options.sweep(this.#core, this.#runtime.clock)
    this.#wind()
  }

  #check(doing: string): void {
    if (!this.#alive()) throw connectionClosed(doing)
  }

  #alive(): boolean {
    if (this.#state === 'open' && this.#holder.dead) this.#lose()
    return this.#state === 'open'
  }

  #lose(): void {
    const message =
      `The lease of '${this.name}' ran out because it was not renewed for ${this.#options.leaseMs} ms; ` +
      'its messages went back to their queues. Connect again.'
    this.#close({ kind: 'lost', error: new BrokerError('LVG_LEASE_LOST', message, { transient: true }) })
  }

  #close(reason: CloseReason): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#timer?.[Symbol.dispose]()
    this.#core.leave(this.#holder)
    this.#closed.resolve(reason)
  }
}
