import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import { uuid4 } from '../../lib/uuid.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../broker.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import type { Claimed, PushEntry, PushOutcome, StoreSession, Token, Verdict } from '../virtual/queue-store.js'
import { Consumers } from './consumers.js'
import { HeardMessages } from './heard-messages.js'
import { Holder } from './holder.js'
import type { LeaseConfig } from './lease-keeper.js'
import { QueueCounts } from './queue-counts.js'
import { RedisClaimer } from './redis-claimer.js'
import { RedisFanout } from './redis-fanout.js'
import type { RedisKeys } from './redis-keys.js'
import { redisLimits } from './redis-limits.js'
import { RedisPusher } from './redis-pusher.js'
import { RedisSettler } from './redis-settler.js'
import { RedisTopology } from './redis-topology.js'
import { brokerTrouble, lossTrouble } from './redis-trouble.js'
import { RedisWakes } from './redis-wakes.js'
import type { Replicas } from './replication.js'
import { Restorer } from './restorer.js'
import type { Scripts } from './scripts.js'

export interface RedisSessionOptions {
  readonly url: string
  readonly runtime: Pick<Runtime, 'clock' | 'random' | 'log'>
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly visibilityMs: Ms
  /** Whether `notBefore` is kept. */
  readonly delays: boolean
  readonly replicas: Replicas | undefined
  /** The clock of the lease keeper, ms. */
  monotonic(): Ms
  /** Another connection to the same place; `what` names it in the server's list. */
  open(what: string): Promise<RedisConnection>
  /** Starts the lease keeper; `lost` is told when it cannot go on. */
  startKeeper(config: LeaseConfig, lost: (error: Error) => void): AsyncDisposable
  /** Called when the session becomes a holder, once. */
  holding(): void
}

/**
 * One session at a Redis. Publishing needs its connection only. With the first claim or consumer it becomes a holder: a
 * lease keeper starts on a thread of its own (D24), and a connection for peeking. Any of these lost, it is lost.
 */
export class RedisSession implements StoreSession {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  readonly #options: RedisSessionOptions
  readonly #topology: RedisTopology
  readonly #consumers: Consumers
  readonly #counts: QueueCounts
  readonly #wakes: RedisWakes
  readonly #fanout: RedisFanout
  readonly #holder: Holder
  readonly #pusher: RedisPusher
  readonly #claimer: RedisClaimer
  readonly #settler: RedisSettler
  readonly #limits: (request: LimitRequest) => Promise<readonly LimitAnswer[]>
  readonly #closed = deferred<CloseReason>()
  #serving: readonly QueueName[] = []
  #lost = false
  #disposed: Promise<void> | undefined

  constructor(connection: RedisConnection, keys: RedisKeys, scripts: Scripts, options: RedisSessionOptions) {
    const { runtime, url, leaseMs, renewMs, visibilityMs, delays, replicas } = options
    const topology = new RedisTopology(connection, keys)
    const parts = { connection, keys, scripts, topology }
    this.#connection = connection
    this.#keys = keys
    this.#options = options
    this.#topology = topology
    this.#consumers = new Consumers(parts)
    this.#counts = new QueueCounts({ ...parts, consumers: this.#consumers })
    this.#wakes = new RedisWakes({
      connection,
      keys,
      scripts,
      clock: runtime.clock,
      openPeek: () => options.open('peek'),
    })
    this.#fanout = new RedisFanout({
      open: () => options.open('subscriptions'),
      arrived: queue => this.#wakes.ring(keys.lists(queue)),
      lost: error => this.#lose(error),
    })
    const holder = new Holder({
      name: `${uuid4(runtime.random)}:`,
      leaseMs,
      renewMs,
      visibilityMs,
      startKeeper: (config, lost) => options.startKeeper(config, lost),
      begun: () => options.holding(),
      // Who leaves is forgotten on purpose.
      lost: error => this.#disposed === undefined && this.#lose(error),
    })
    const heard = new HeardMessages(this.#fanout)
    this.#holder = holder
    this.#limits = redisLimits({ connection, keys, scripts, holder: holder.name, leaseMs })
    this.#pusher = new RedisPusher({
      ...parts,
      runtime,
      url,
      delays,
      replicas,
      // What is consumed here is claimed with the next command, without waiting to be told that it is there.
      sent: reached => this.#wakes.ring(keys.listsOf(this.#serving.filter(reached))),
    })
    this.#claimer = new RedisClaimer({
      ...parts,
      fanout: this.#fanout,
      heard,
      holder,
      wakes: this.#wakes,
      log: runtime.log,
      url,
      leaseMs,
    })
    this.#settler = new RedisSettler({ connection, keys, scripts, restorer: new Restorer(parts), holder, heard })
    connection.keepAlive(false)
    void connection.closed.then(error => this.#lose(error))
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  declare(topology: Topology): Promise<void> {
    return this.#ask(() => this.#topology.declare(topology))
  }

  push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    return this.#pusher.push(entries)
  }

  claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    return this.#ask(() => this.#claimer.claim(queues, limit))
  }

  settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    return this.#ask(() => this.#settler.settle(verdicts))
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#ask(() => this.#settler.current(tokens))
  }

  wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (queues.some(queue => this.#fanout.waiting(queue) > 0)) return Promise.resolve()
    const lists = this.#keys.listsOf(queues)
    if (this.#claimer.areHeard(queues)) return this.#ask(() => this.#wakes.waitForRing(lists, signal))
    return this.#ask(() => this.#wakes.wait(lists, signal))
  }

  trustedUntil(): SteadyMs {
    const { until } = this.#holder.trust
    if (until === 0) return Number.POSITIVE_INFINITY
    return this.#options.runtime.clock.steady() + until - this.#options.monotonic()
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#ask(() => this.#counts.of(queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#ask(() => this.#counts.all())
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#ask(() => this.#topology.bindings())
  }

  weigh(queue: QueueName): Promise<number | undefined> {
    return this.#ask(() => this.#counts.weigh(queue))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#ask(async () => this.#fanout.purge(queue) + (await this.#counts.purge(queue)))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#ask(() => {
      this.#holder.begin()
      return this.#limits(request)
    })
  }

  consuming(queues: readonly QueueName[]): Promise<void> {
    return this.#ask(() => this.#consuming(queues))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    await this.#disposed
  }

  async #ask<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw brokerTrouble(error)
    }
  }

  async #consuming(queues: readonly QueueName[]): Promise<void> {
    const before = this.#serving
    this.#serving = queues
    if (queues.length > 0) this.#holder.begin()
    const served = new Set(queues)
    for (const queue of served) {
      const subscriptions = this.#topology.subscriptions(queue)
      if (subscriptions.length > 0) await this.#fanout.listen(queue, subscriptions)
    }
    await this.#fanout.keep(served)
    await this.#tellConsumers(queues)
    await this.#consumers.dropDeserted([...new Set(before)].filter(queue => !served.has(queue)))
  }

  async #tellConsumers(queues: readonly QueueName[]): Promise<void> {
    const { name, trust } = this.#holder
    if (queues.length === 0) {
      trust.entered = false
      await this.#consumers.withdraw(name)
      return
    }
    await this.#consumers.enter(name, queues, this.#options.leaseMs)
    trust.entered = true
  }

  #lose(error: Error | undefined): void {
    const reason: CloseReason = error === undefined ? { kind: 'closed' } : { kind: 'lost', error: lossTrouble(error) }
    this.#lost = error !== undefined
    this.#closed.resolve(reason)
    void this[Symbol.asyncDispose]()
  }

  /** Hands back what is held. When the session was lost, tasks of it may still run: the lease decides. */
  async #dispose(): Promise<void> {
    await this.#wakes.end()
    if (this.#connection.open && !this.#lost) await this.#leave().catch(() => {})
    await this.#holder[Symbol.asyncDispose]()
    await this.#fanout[Symbol.asyncDispose]()
    await this.#connection[Symbol.asyncDispose]()
    this.#closed.resolve({ kind: 'closed' })
  }

  async #leave(): Promise<void> {
    await this.#settler.giveAllBack()
    if (this.#holder.present) await this.#consumers.leave(this.#holder.name)
    await this.#consumers.dropDeserted(this.#topology.ownTransient)
  }
}
