import { numbersParam } from '../../drivers/postgres/arrays.js'
import type { PostgresConnection } from '../../drivers/postgres/connection.js'
import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import { tryAgain } from '../../drivers/postgres/try-again.js'
import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../broker.js'
import { BrokerError } from '../errors.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import type {
  Claimed,
  ClaimedDelayed,
  PushEntry,
  PushOutcome,
  StoreSession,
  Token,
  Verdict,
} from '../virtual/queue-store.js'
import { topologyParts } from '../virtual/routing.js'
import { Fullness } from './fullness.js'
import { Hints } from './hints.js'
import { Holder } from './holder.js'
import type { KeeperEvent } from './keeper.js'
import { PostgresClaimer } from './postgres-claimer.js'
import { postgresLimits } from './postgres-limits.js'
import { PostgresPusher } from './postgres-pusher.js'
import { PostgresSettler } from './postgres-settler.js'
import { PostgresTopology } from './postgres-topology.js'
import { postgresTrouble } from './postgres-trouble.js'
import { QueueCounts } from './queue-counts.js'
import { type Ask, type Statements, wakeChannel } from './statements.js'

export interface PostgresSessionOptions {
  /** For the holder, shown by `lovage` and in pg_stat_activity. */
  readonly name: string
  readonly schema: string
  readonly leaseMs: Ms
  readonly sweepMs: Ms
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly sql: Statements
  /** The clock of the lease. */
  monotonic(): Ms
  /** Keeps the lease of a holder, which has just been entered. */
  keep(holder: number, trust: SharedArrayBuffer, onEvent: (event: KeeperEvent) => void): AsyncDisposable
}

/**
 * One session at a PostgreSQL store: one connection for its verbs, and from its first claim on a lease, which the keeper
 * renews on a thread and a connection of its own.
 *
 * Every verb is one statement, and so one transaction, whatever its batch. Routing is decided here from the topology as
 * it was last read; a push names that version and does nothing when it is not the newest, so it is routed anew.
 */
export class PostgresSession implements StoreSession {
  readonly #connection: PostgresConnection
  readonly #options: PostgresSessionOptions
  readonly #sql: Statements
  readonly #ask: Ask
  readonly #channel: string
  readonly #hints: Hints
  readonly #topology: PostgresTopology
  readonly #holder: Holder
  readonly #pusher: PostgresPusher
  readonly #claimer: PostgresClaimer
  readonly #settler: PostgresSettler
  readonly #counts: QueueCounts
  readonly #closed = deferred<CloseReason>()
  readonly #gone = new AbortController()
  #listening: Promise<void> | undefined
  #consuming = false
  /** Why it ends, once that is decided. */
  #fate: CloseReason | undefined
  #disposed: Promise<void> | undefined

  constructor(connection: PostgresConnection, options: PostgresSessionOptions) {
    const { runtime, sql, name, leaseMs, sweepMs } = options
    const { clock, log } = runtime
    const { shown } = connection.target
    const channel = wakeChannel(options.schema)
    const gone = this.#gone.signal
    const ask: Ask = (statement, params = []) => {
      return tryAgain(runtime, gone, () => connection.query(statement, params))
    }
    const hints = new Hints(clock)
    const topology = new PostgresTopology({ ask, sql, shown })
    const fullness = new Fullness({ runtime, shown, gone })
    const holder = new Holder({
      connection,
      ask,
      sql,
      channel,
      log,
      name,
      leaseMs,
      monotonic: () => options.monotonic(),
      keep: (id, trust, onEvent) => options.keep(id, trust, onEvent),
      lasts: () => this.#fate === undefined,
      // What is under way is still answered, so that late acks hear that they are stale.
      robbed: error => this.#lose(error),
    })
    const parts = { ask, sql, topology, holder, hints, fullness, clock, channel, shown }
    this.#connection = connection
    this.#options = options
    this.#sql = sql
    this.#ask = ask
    this.#channel = channel
    this.#hints = hints
    this.#topology = topology
    this.#holder = holder
    this.#pusher = new PostgresPusher(parts)
    this.#claimer = new PostgresClaimer(parts)
    this.#settler = new PostgresSettler(parts)
    this.#counts = new QueueCounts({ ...parts, sweepMs })
    connection.onNotice((_, payload) => hints.hint(payload === '' ? undefined : [Number(payload)]))
    void connection.closed.then(error => {
      if (error !== undefined) this.#lose(this.#brokerError('working', error))
    })
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  async declare(topology: Topology): Promise<void> {
    const parts = topologyParts(topology)
    await this.#do('declaring queues', async () => {
      const owned = parts.queues.some(queue => queue.autoDelete === true || queue.exclusive === true)
      await this.#topology.declare(parts, owned ? await this.#holder.id() : null)
    })
  }

  push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    return this.#pusher.push(entries)
  }

  claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    return this.#claimer.claim(queues, limit)
  }

  claimDelayed(queue: QueueName, limit: number): Promise<readonly ClaimedDelayed[]> {
    return this.#do('claiming delayed messages', () => this.#claimer.claimDelayed(queue, limit))
  }

  settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    return this.#do('settling deliveries', () => this.#settler.settle(verdicts))
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#do('asking for tokens', () => this.#settler.current(tokens))
  }

  async wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    if (this.#listening === undefined) {
      // What was told before we heard is not heard: the caller looks once more.
      this.#listening = this.#listen()
      return await this.#listening
    }
    const known = await this.#do('waiting for messages', () => this.#topology.known())
    const ids = queues.flatMap(name => known.byName.get(name)?.id ?? [])
    await this.#hints.wait(ids, AbortSignal.any([signal, this.#gone.signal]))
  }

  trustedUntil(): SteadyMs {
    const until = this.#holder.trustedUntil
    if (until === 0) return Number.POSITIVE_INFINITY
    return this.#options.runtime.clock.steady() + until - this.#options.monotonic()
  }

  /** Tells this store from every other one. */
  storeId(): Promise<string> {
    return this.#do('asking which store it is', async () => (await this.#topology.known()).uuid)
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#do('counting', () => this.#counts.of(queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#do('listing queues', () => this.#counts.all())
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#do('listing bindings', async () => (await this.#topology.read()).bindings)
  }

  weigh(queue: QueueName): Promise<number> {
    return this.#do('weighing', () => this.#counts.weigh(queue))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#do('purging', () => this.#counts.purge(queue))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#do('asking for turns', async () => {
      const holder = String(await this.#holder.id())
      return postgresLimits(request, holder, this.#sql, this.#ask)
    })
  }

  async consuming(queues: readonly QueueName[]): Promise<void> {
    if (queues.length === 0 && !this.#consuming) return
    this.#consuming = true
    await this.#do('telling what is consumed', async () => {
      const known = await this.#topology.read()
      const counts = new Map<number, number>()
      for (const name of queues) {
        const id = known.byName.get(name)?.id
        if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      const ids = numbersParam([...counts.keys()])
      await this.#ask(this.#sql.serve, [await this.#holder.id(), ids, numbersParam([...counts.values()])])
      // A statement of its own, so that of two who leave at a time the second sees that the first has gone.
      await this.#ask(this.#sql['drop-deserted'])
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close()
    await this.#disposed
  }

  async #close(): Promise<void> {
    if (this.#fate === undefined) await this.#holder.leave()
    this.#fate ??= { kind: 'closed' }
    this.#closed.resolve(this.#fate)
    this.#gone.abort(this.#fate.kind === 'lost' ? this.#fate.error : closedError(this.#shown))
    this.#hints.end()
    // It hands back what a broken connection could not.
    await this.#holder[Symbol.asyncDispose]()
    await this.#connection[Symbol.asyncDispose]()
  }

  get #shown(): string {
    return this.#connection.target.shown
  }

  #lose(error: BrokerError): void {
    this.#fate ??= { kind: 'lost', error }
    void this[Symbol.asyncDispose]()
  }

  #listen(): Promise<void> {
    return this.#do('listening', async () => {
      // Some poolers refuse it; polling does without.
      await this.#connection.script(`LISTEN "${this.#channel}"`).catch(error => {
        if (error instanceof PostgresError && error.ends) throw error
      })
    })
  }

  async #do<T>(doing: string, act: () => Promise<T>): Promise<T> {
    if (this.#fate !== undefined) throw this.#fate.kind === 'lost' ? this.#fate.error : closedError(this.#shown)
    try {
      return await act()
    } catch (error) {
      throw postgresTrouble(doing, this.#shown, error)
    }
  }

  #brokerError(doing: string, error: unknown): BrokerError {
    const trouble = postgresTrouble(doing, this.#shown, error)
    if (trouble instanceof BrokerError) return trouble
    return new BrokerError('LVG_BROKER_FAILED', String(trouble), { cause: trouble, transient: true })
  }
}

function closedError(shown: string): BrokerError {
  return new BrokerError('LVG_CONNECTION_CLOSED', `The session on ${shown} is closed. Connect again.`, {
    transient: true,
  })
}
