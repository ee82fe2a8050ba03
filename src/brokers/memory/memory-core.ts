import type { Clock } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, QueueStats, Settled, Topology } from '../broker.js'
import { LimitBook } from '../limits/limit-book.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import type { Claimed, PushEntry, PushOutcome, Token, Verdict } from '../virtual/queue-store.js'
import { addTopology, bindingsOf, createRoutingTable, removeQueue, route, topologyParts } from '../virtual/routing.js'
import { type Entry, MemoryQueue, type Now } from './memory-queue.js'
import { PublishWindow } from './publish-window.js'
import { WaitingRoom } from './waiting-room.js'

/** One open session, as the store knows it. */
export interface Holder {
  readonly id: string
  readonly held: Map<Token, Entry>
  leaseEnds: SteadyMs
  serving: readonly QueueName[]
  /** Its lease ran out and a sweep took its messages back. It never lives again. */
  dead: boolean
}

export interface MemoryCoreOptions {
  readonly leaseMs: Ms
  readonly dedupeMs: Ms
  readonly maxPublishIds: number
  readonly lookAgainMs: Ms
}

/**
 * What all sessions of a memory store share: queues, routes, holders. Every method is one atomic step; time is the
 * store's own clock (D95).
 */
export class MemoryCore {
  readonly #clock: Clock
  readonly #leaseMs: Ms
  readonly #table = createRoutingTable()
  readonly #queues = new Map<QueueName, MemoryQueue>()
  readonly #holders = new Set<Holder>()
  readonly #published: PublishWindow
  readonly #waiting: WaitingRoom
  readonly #limits = new LimitBook()
  readonly #alive = new Set<string>()
  #entered = 0
  #ages = 0
  #claims = 0

  constructor(clock: Clock, options: MemoryCoreOptions) {
    this.#clock = clock
    this.#leaseMs = options.leaseMs
    this.#published = new PublishWindow({ length: options.dedupeMs, max: options.maxPublishIds, now: clock.steady() })
    this.#waiting = new WaitingRoom(options.lookAgainMs)
  }

  enter(): Holder {
    const id = String(++this.#entered)
    this.#alive.add(id)
    const holder: Holder = { id, held: new Map(), leaseEnds: this.#leaseEnd(), serving: [], dead: false }
    this.#holders.add(holder)
    return holder
  }

  /** A clean end: everything held goes back uncounted. */
  leave(holder: Holder): void {
    if (!this.#holders.has(holder)) return
    this.#end(holder, false)
  }

  /** A lease that runs out before its time: everything held goes back counted. */
  expire(holder: Holder): void {
    if (!this.#holders.has(holder)) return
    this.#end(holder, true)
  }

  /** False: too late, a sweep came first. */
  renew(holder: Holder): boolean {
    if (holder.dead) return false
    holder.leaseEnds = this.#leaseEnd()
    return true
  }

  /** Those whose lease has run out. Until somebody ends it each of them can still renew. */
  expired(): readonly Holder[] {
    return [...this.#holders].filter(holder => this.#isExpired(holder))
  }

  /** Takes back, counted, what it holds (D23, D26, D40). False: it has renewed meanwhile, or somebody else was faster. */
  takeBack(holder: Holder): boolean {
    if (holder.dead || !this.#isExpired(holder)) return false
    this.#end(holder, true)
    return true
  }

  declare(holder: Holder, topology: Topology): void {
    const parts = topologyParts(topology)
    addTopology(this.#table, parts)
    for (const queue of parts.queues) {
      if (!this.#queues.has(queue.name)) this.#queues.set(queue.name, new MemoryQueue(queue, holder))
    }
  }

  push(entries: readonly PushEntry[]): readonly PushOutcome[] {
    const now = this.#now()
    const touched = new Set<QueueName>()
    const outcomes = entries.map(entry => this.#pushOne(entry, now, touched))
    for (const queue of touched) this.#waiting.wake(queue)
    return outcomes
  }

  claim(holder: Holder, queues: readonly QueueName[], limit: number): readonly Claimed[] {
    const now = this.#now()
    const claimed: Claimed[] = []
    for (const name of queues) {
      const queue = this.#queues.get(name)
      if (queue === undefined) continue
      queue.promote(now)
      while (claimed.length < limit) {
        const entry = queue.take()
        if (entry === undefined) break
        claimed.push(this.#hold(holder, entry))
      }
      if (claimed.length === limit) break
    }
    return claimed
  }

  settle(holder: Holder, verdicts: readonly Verdict[]): readonly Settled[] {
    const touched = new Set<QueueName>()
    const settled = verdicts.map(verdict => this.#settleOne(holder, verdict, touched))
    for (const queue of touched) this.#waiting.wake(queue)
    return settled
  }

  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    const now = this.#now()
    let dueIn: Ms | undefined
    for (const name of queues) {
      const queue = this.#queues.get(name)
      if (queue === undefined) continue
      if (queue.ready > 0) return Promise.resolve()
      const wait = queue.dueIn(now)
      if (wait !== undefined) dueIn = Math.min(wait, dueIn ?? wait)
    }
    return this.#waiting.wait(queues, dueIn, this.#clock, signal)
  }

  dateChanged(): void {
    this.#waiting.wakeAll()
  }

  stats(name: QueueName): QueueStats {
    const queue = this.#queues.get(name)
    if (queue === undefined) return { queue: name, ready: 0, held: 0, delayed: 0, consumers: 0 }
    queue.promote(this.#now())
    return { queue: name, ready: queue.ready, held: queue.held, delayed: queue.delayed, consumers: queue.consumers }
  }

  list(): readonly QueueStats[] {
    return [...this.#queues.keys()].map(name => this.stats(name))
  }

  bindings(): readonly Binding[] {
    return bindingsOf(this.#table)
  }

  weigh(name: QueueName): number {
    const queue = this.#queues.get(name)
    queue?.promote(this.#now())
    return queue?.bytes ?? 0
  }

  purge(name: QueueName): number {
    return this.#queues.get(name)?.purge() ?? 0
  }

  limit({ id }: Holder, request: LimitRequest): readonly LimitAnswer[] {
    return this.#limits.decide(request, {
      now: this.#clock.steady(),
      holder: id,
      alive: holder => this.#alive.has(holder),
    })
  }

  /** An auto-delete queue goes with its last consumer. */
  serve(holder: Holder, queues: readonly QueueName[]): void {
    const before = holder.serving
    holder.serving = queues.filter(name => this.#queues.has(name))
    for (const name of holder.serving) this.#count(name, 1)
    for (const name of before) this.#count(name, -1)
    for (const name of before) this.#deleteUnused(name)
  }

  #pushOne(entry: PushEntry, now: Now, touched: Set<QueueName>): PushOutcome {
    if (this.#published.has(entry.publishId, now.steady)) return { kind: 'duplicate' }
    const names = route(this.#table, entry.to.exchange, entry.to.routingKey)
    if (names.length === 0) return { kind: 'unroutable' }
    this.#published.add(entry.publishId, now.steady)
    for (const name of names) {
      touched.add(name)
      // The table and the map are changed together, so what is routed to exists.
      this.#insert(this.#queues.get(name) as MemoryQueue, entry, now)
    }
    return { kind: 'accepted' }
  }

  #insert(queue: MemoryQueue, { message, to, notBefore }: PushEntry, now: Now): void {
    const entry: Entry = {
      queue,
      message,
      exchange: to.exchange,
      routingKey: to.routingKey,
      priority: queue.priorityOf(message),
      age: ++this.#ages,
      enqueuedAt: now.wall,
      redelivered: false,
      faults: 0,
      begun: false,
      hadBegun: false,
    }
    if (notBefore !== undefined && notBefore > now.wall) queue.delayUntil(entry, notBefore)
    else queue.push(entry)
  }

  #hold(holder: Holder, entry: Entry): Claimed {
    const claim = ++this.#claims
    const token = String(claim)
    const { message, exchange, routingKey, redelivered, faults, begun, enqueuedAt, queue } = entry
    holder.held.set(token, entry)
    queue.held++
    entry.redelivered = true
    entry.hadBegun = begun
    entry.begun = false
    return { token, message, queue: queue.name, exchange, routingKey, redelivered, faults, begun, claim, enqueuedAt }
  }

  #settleOne(holder: Holder, verdict: Verdict, touched: Set<QueueName>): Settled {
    const entry = holder.held.get(verdict.token)
    if (entry === undefined) return 'stale'
    if (verdict.kind === 'begin') {
      entry.begun = true
      return 'settled'
    }
    holder.held.delete(verdict.token)
    entry.queue.held--
    switch (verdict.kind) {
      case 'ack':
        break
      case 'requeue':
        entry.begun = verdict.counted || entry.hadBegun
        this.#putBack(entry, verdict.counted, verdict.delay)
        touched.add(entry.queue.name)
        break
      default:
        verdict satisfies never
    }
    return 'settled'
  }

  #putBack(entry: Entry, counted: boolean, delay: Ms | undefined): void {
    if (counted) entry.faults++
    if (entry.queue.deleted) return
    if (delay !== undefined && delay > 0) entry.queue.delayFor(entry, this.#clock.steady() + delay)
    else entry.queue.putBack(entry)
  }

  #end(holder: Holder, counted: boolean): void {
    holder.dead = true
    this.#holders.delete(holder)
    this.#alive.delete(holder.id)
    const touched = new Set<QueueName>()
    for (const entry of holder.held.values()) {
      entry.queue.held--
      const isFault = counted && (entry.faults === 0 || entry.begun)
      entry.begun = (counted && entry.begun) || entry.hadBegun
      this.#putBack(entry, isFault, undefined)
      touched.add(entry.queue.name)
    }
    holder.held.clear()
    this.serve(holder, [])
    this.#deleteOwned(holder)
    for (const queue of touched) this.#waiting.wake(queue)
  }

  #count(name: QueueName, by: 1 | -1): void {
    const queue = this.#queues.get(name)
    if (queue !== undefined) queue.consumers += by
  }

  #deleteUnused(name: QueueName): void {
    const queue = this.#queues.get(name)
    if (queue?.autoDelete === true && queue.consumers === 0) this.#delete(queue)
  }

  /** Its exclusive queues, and those that nobody has ever consumed. */
  #deleteOwned(holder: Holder): void {
    for (const queue of this.#queues.values()) {
      if (queue.owner !== holder) continue
      if (queue.exclusive || (queue.autoDelete && queue.consumers === 0)) this.#delete(queue)
    }
  }

  #delete(queue: MemoryQueue): void {
    queue.deleted = true
    this.#queues.delete(queue.name)
    removeQueue(this.#table, queue.name)
  }

  #isExpired({ leaseEnds }: Holder): boolean {
    return leaseEnds <= this.#clock.steady()
  }

  #leaseEnd(): SteadyMs {
    return this.#clock.steady() + this.#leaseMs
  }

  #now(): Now {
    return { wall: this.#clock.now(), steady: this.#clock.steady() }
  }
}
