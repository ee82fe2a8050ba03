import { numbersParam } from '../../drivers/postgres/arrays.js'
import type { PostgresConnection, Row } from '../../drivers/postgres/connection.js'
import type { Sql } from '../../drivers/postgres/load-sql.js'
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
import { addTopology, topologyParts } from '../virtual/routing.js'
import { claimedOf, tokenParts } from './claimed-rows.js'
import { declareParams, isDeclared } from './declare-params.js'
import { Hints } from './hints.js'
import { type KeeperEvent, TRUSTED } from './keeper.js'
import { KnownTopology } from './known-topology.js'
import { postgresLimits } from './postgres-limits.js'
import { postgresTrouble, pushTrouble } from './postgres-trouble.js'
import { pushParams, type RoutedEntry, routeBatch, rowEntries } from './push-params.js'
import { settleParams, settleRounds } from './settle-rounds.js'
import { type Statements, wakeChannel } from './statements.js'

/** A declaration that others undo is made again so often. */
const DECLARE_TRIES = 5
/** While the server has no room claims find nothing, and verdicts are tried again, after this. */
const FULL_PAUSE: Ms = 1000
/** Delayed messages that ripen in one stroke. */
const RIPEN_AT_ONCE = 1000
/** NOTIFY holds every other NOTIFY up, so each queue is told of at most once in this (D3g). */
const WAKE_PAUSE: Ms = 50
/** Who sleeps longest looks again within this, so a delay beyond it need not be told. */
const TELL_AHEAD: Ms = 1000

export interface PostgresSessionOptions {
  /** For the holder, shown by `lovage` and in pg_stat_activity. */
  readonly name: string
  readonly schema: string
  readonly leaseMs: Ms
  readonly sweepMs: Ms
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'random'>
  readonly sql: Statements
  /** The clock of `trust`. */
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
  readonly #hints: Hints
  readonly #trust = new SharedArrayBuffer(8)
  readonly #closed = deferred<CloseReason>()
  readonly #gone = new AbortController()
  readonly #toldAt = new Map<number, SteadyMs>()
  #topology: Promise<KnownTopology> | undefined
  #holder: Promise<number> | undefined
  #keeper: AsyncDisposable | undefined
  #listening: Promise<void> | undefined
  #consuming = false
  /** Why it ends, once that is decided. */
  #fate: CloseReason | undefined
  #full = false
  #sweptAt: SteadyMs = Number.NEGATIVE_INFINITY
  #disposed: Promise<void> | undefined

  constructor(connection: PostgresConnection, options: PostgresSessionOptions) {
    this.#connection = connection
    this.#options = options
    this.#sql = options.sql
    this.#hints = new Hints(options.runtime.clock)
    connection.onNotice((_, payload) => this.#hints.hint(payload === '' ? undefined : [Number(payload)]))
    void connection.closed.then(error => {
      if (error === undefined) return
      this.#fate ??= { kind: 'lost', error: this.#brokerError('working', error) }
      void this[Symbol.asyncDispose]()
    })
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  async declare(topology: Topology): Promise<void> {
    const parts = topologyParts(topology)
    await this.#do('declaring queues', async () => {
      const owned = parts.queues.some(queue => queue.autoDelete === true || queue.exclusive === true)
      const owner = owned ? await this.#self() : null
      for (let tries = 0; tries < DECLARE_TRIES; tries++) {
        const known = await this.#readTopology()
        if (isDeclared(parts, known)) return
        // Checks for conflicts before anything is written; the answer is thrown away with what it was added to.
        addTopology(known.table, parts)
        this.#topology = undefined
        await this.#ask(this.#sql.declare, declareParams(parts, owner))
      }
      throw new BrokerError(
        'LVG_BROKER_FAILED',
        `Queues were declared and vanished again at ${this.#shown}, ${DECLARE_TRIES} times. Find out who drops them.`,
        { transient: true },
      )
    })
  }

  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    try {
      for (;;) {
        const known = await this.#known()
        const { outcomes, sent } = routeBatch(entries, known)
        // What reaches nothing may be bound by now.
        const answer = await (sent.length === entries.length ? this.#send(known, sent) : this.#sendSome(known, sent))
        if (answer === undefined) {
          this.#topology = undefined
          continue
        }
        for (const { at } of sent) outcomes[at] = { kind: 'accepted' }
        const owners = answer.length === 0 ? [] : rowEntries(sent)
        for (const n of answer) outcomes[(owners[n - 1] as RoutedEntry).at] = { kind: 'duplicate' }
        // Every entry was either refused by its route or is among those sent.
        return outcomes as PushOutcome[]
      }
    } catch (error) {
      if (error instanceof PostgresError && error.trouble === 'FULL') this.#refuses(error)
      throw pushTrouble(this.#shown, error)
    }
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    try {
      const holder = await this.#self()
      for (;;) {
        const known = await this.#known()
        const names = queues.filter(name => known.byName.has(name))
        // The map has just said so.
        const ids = names.map(name => (known.byName.get(name) as { readonly id: number }).id)
        this.#hints.claiming(ids)
        const rows = await this.#ask(this.#sql.claim, [numbersParam(ids), limit, holder])
        const [version, dueIn] = rows[0] as Row
        const stale = version !== known.version
        if (stale) this.#topology = undefined
        this.#hints.due((dueIn as number | null) ?? undefined)
        const taken = rows.filter(row => row[4] !== null)
        if (taken.length > 0) return this.#took(taken, names, ids, limit)
        if (dueIn !== null && (dueIn as number) <= 0) await this.#ripen()
        else if (!stale) return []
      }
    } catch (error) {
      return await this.#noClaims(error)
    }
  }

  claimDelayed(queue: QueueName, limit: number): Promise<readonly ClaimedDelayed[]> {
    return this.#do('claiming delayed messages', async () => {
      const id = (await this.#readTopology()).byName.get(queue)?.id
      if (id === undefined) return []
      const rows = await this.#ask(this.#sql['claim-delayed'], [id, limit, await this.#self()])
      return rows.map(row => ({ claimed: claimedOf(row, [queue]), notBefore: row[15] as number }))
    })
  }

  async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const holder = await this.#do('settling deliveries', () => this.#self())
    const settled: Settled[] = new Array(verdicts.length).fill('stale')
    for (const round of settleRounds(verdicts)) {
      const answered = await this.#settleRound(
        round.map(({ verdict }) => verdict),
        holder,
      )
      for (const { at, verdict } of round) {
        if (answered.has(tokenParts(verdict.token).id)) settled[at] = 'settled'
      }
    }
    return settled
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#do('asking for tokens', async () => {
      const parts = tokens.map(tokenParts)
      const ids = numbersParam(parts.map(part => part.id))
      const claims = numbersParam(parts.map(part => part.claim))
      const rows = await this.#ask(this.#sql.current, [ids, claims, await this.#self()])
      const ours = new Set(rows.map(row => row[0]))
      return parts.map(part => ours.has(part.id))
    })
  }

  async wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    if (this.#listening === undefined) {
      // What was told before we heard is not heard: the caller looks once more.
      this.#listening = this.#listen()
      return await this.#listening
    }
    const known = await this.#do('waiting for messages', () => this.#known())
    const ids = queues.flatMap(name => known.byName.get(name)?.id ?? [])
    await this.#hints.wait(ids, AbortSignal.any([signal, this.#gone.signal]))
  }

  trustedUntil(): SteadyMs {
    const until = Number(Atomics.load(new BigInt64Array(this.#trust), 0))
    if (until === 0) return Number.POSITIVE_INFINITY
    return this.#options.runtime.clock.steady() + until - this.#options.monotonic()
  }

  /** Tells this store from every other one. */
  storeId(): Promise<string> {
    return this.#do('asking which store it is', async () => (await this.#known()).uuid)
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#do('counting', async () => {
      await this.#sweepAlone()
      const [row] = await this.#ask(this.#sql.stats, [queue])
      return row === undefined ? { queue, ready: 0, held: 0, delayed: 0, consumers: 0 } : statsOf(row)
    })
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#do('listing queues', async () => {
      await this.#sweepAlone()
      return (await this.#ask(this.#sql.stats, [null])).map(statsOf)
    })
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#do('listing bindings', async () => (await this.#readTopology()).bindings)
  }

  weigh(queue: QueueName): Promise<number> {
    return this.#do('weighing', async () => Number((await this.#ask(this.#sql.weigh, [queue]))[0]?.[0]))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#do('purging', async () => {
      const known = await this.#readTopology()
      const id = known.byName.get(queue)?.id
      if (id === undefined) return 0
      const [row] = await this.#ask(this.#sql.purge, [id])
      return Number(row?.[0])
    })
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#do('asking for turns', async () => {
      const holder = String(await this.#self())
      return postgresLimits(request, holder, this.#sql, (sql, params) => this.#ask(sql, params))
    })
  }

  async consuming(queues: readonly QueueName[]): Promise<void> {
    if (queues.length === 0 && !this.#consuming) return
    this.#consuming = true
    await this.#do('telling what is consumed', async () => {
      const known = await this.#readTopology()
      const counts = new Map<number, number>()
      for (const name of queues) {
        const id = known.byName.get(name)?.id
        if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      const ids = numbersParam([...counts.keys()])
      await this.#ask(this.#sql.serve, [await this.#self(), ids, numbersParam([...counts.values()])])
      // A statement of its own, so that of two who leave at a time the second sees that the first has gone.
      await this.#ask(this.#sql['drop-deserted'])
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close()
    await this.#disposed
  }

  async #close(): Promise<void> {
    if (this.#fate === undefined) await this.#leave()
    this.#fate ??= { kind: 'closed' }
    this.#closed.resolve(this.#fate)
    this.#gone.abort(this.#fate.kind === 'lost' ? this.#fate.error : closedError(this.#shown))
    this.#hints.end()
    // It hands back what a broken connection could not.
    await this.#keeper?.[Symbol.asyncDispose]()
    await this.#connection[Symbol.asyncDispose]()
  }

  /** What cannot be handed back now is handed back by the keeper, or comes back when the lease ends. */
  async #leave(): Promise<void> {
    try {
      const holder = await this.#holder
      if (holder === undefined) return
      await this.#connection.query(this.#sql.leave, [holder, this.#channel])
      await this.#connection.query(this.#sql['drop-deserted'])
    } catch {}
  }

  get #shown(): string {
    return this.#connection.target.shown
  }

  get #channel(): string {
    return wakeChannel(this.#options.schema)
  }

  /** Our id as a holder; enters us when we have none. */
  #self(): Promise<number> {
    this.#holder ??= this.#enter()
    return this.#holder
  }

  async #enter(): Promise<number> {
    const { name, leaseMs } = this.#options
    const asked = this.#options.monotonic()
    try {
      const [row] = await this.#ask(this.#sql.enter, [name, leaseMs])
      const holder = Number(row?.[0])
      Atomics.store(new BigInt64Array(this.#trust), 0, BigInt(Math.floor(asked + leaseMs * TRUSTED)))
      if (this.#fate === undefined) {
        this.#keeper = this.#options.keep(holder, this.#trust, event => this.#hear(event))
      }
      return holder
    } catch (error) {
      this.#holder = undefined
      throw error
    }
  }

  #hear(event: KeeperEvent): void {
    switch (event.kind) {
      case 'robbed':
        this.#robbed()
        break
      case 'bloat':
        this.#options.runtime.log.warning(bloatText(this.#shown, event))
        break
      case 'dead':
        this.#connection.abandon(new PostgresError('LOST', `The thread that keeps the lease died: ${event.why}.`))
        break
      default:
        event satisfies never
    }
  }

  #robbed(): void {
    const message =
      `The lease on ${this.#shown} ran out because it was not renewed for ${this.#options.leaseMs} ms; ` +
      'its messages went back to their queues. Connect again.'
    // What is under way is still answered, so that late acks hear that they are stale.
    this.#fate ??= { kind: 'lost', error: new BrokerError('LVG_LEASE_LOST', message, { transient: true }) }
    void this[Symbol.asyncDispose]()
  }

  #known(): Promise<KnownTopology> {
    return this.#topology ?? this.#readTopology()
  }

  #readTopology(): Promise<KnownTopology> {
    const reading = this.#ask(this.#sql.topology).then(([row]) => new KnownTopology(row as Row))
    this.#topology = reading
    reading.catch(() => {
      if (this.#topology === reading) this.#topology = undefined
    })
    return reading
  }

  /** Before anybody hears that a message reaches nothing, the newest topology must have said so. */
  async #sendSome(known: KnownTopology, sent: readonly RoutedEntry[]): Promise<readonly number[] | undefined> {
    if (sent.length > 0) return await this.#send(known, sent)
    const [row] = await this.#ask(this.#sql.store)
    return row?.[0] === known.version ? [] : undefined
  }

  /** Numbers of rows that were duplicates; undefined: the topology is another one by now, and nothing happened. */
  async #send(known: KnownTopology, sent: readonly RoutedEntry[]): Promise<readonly number[] | undefined> {
    const now = this.#options.runtime.clock.now()
    const concerned = new Set<number>()
    for (const { entry, queues } of sent) {
      if (entry.notBefore !== undefined && entry.notBefore > now + TELL_AHEAD) continue
      for (const queue of queues) concerned.add(queue.id)
    }
    const queues = [...concerned]
    const wake = { queues: this.#untold(queues), channel: this.#channel }
    const [row] = await this.#ask(this.#sql.push, pushParams(known.version, sent, wake))
    this.#accepts()
    if (row?.[0] !== known.version) return undefined
    this.#hints.active(queues)
    this.#hints.hint(queues)
    return row[1] === null ? [] : (JSON.parse(String(row[1])) as readonly number[])
  }

  #untold(queues: readonly number[]): readonly number[] {
    const now = this.#options.runtime.clock.steady()
    const untold = queues.filter(queue => now - (this.#toldAt.get(queue) ?? Number.NEGATIVE_INFINITY) >= WAKE_PAUSE)
    for (const queue of untold) this.#toldAt.set(queue, now)
    return untold
  }

  #took(rows: readonly Row[], names: readonly QueueName[], ids: readonly number[], limit: number): readonly Claimed[] {
    this.#accepts()
    this.#hints.active(ids)
    // It may have left messages behind that another consumer of this session has not seen.
    if (rows.length >= limit) this.#hints.hint(ids)
    return rows.map(row => claimedOf(row, names))
  }

  async #ripen(): Promise<void> {
    const rows = await this.#ask(this.#sql.ripen, [RIPEN_AT_ONCE])
    this.#hints.hint(rows.map(row => row[0] as number))
  }

  async #noClaims(error: unknown): Promise<readonly Claimed[]> {
    if (!(error instanceof PostgresError) || error.trouble !== 'FULL') {
      throw postgresTrouble('claiming messages', this.#shown, error)
    }
    this.#refuses(error)
    await this.#options.runtime.clock.sleep(FULL_PAUSE, this.#gone.signal)
    return []
  }

  async #settleRound(verdicts: readonly Verdict[], holder: number): Promise<ReadonlySet<number>> {
    for (;;) {
      try {
        return await this.#settleOnce(verdicts, holder)
      } catch (error) {
        if (!(error instanceof PostgresError) || error.trouble !== 'FULL') {
          throw postgresTrouble('settling deliveries', this.#shown, error)
        }
        this.#refuses(error)
        await this.#options.runtime.clock.sleep(FULL_PAUSE, this.#gone.signal)
      }
    }
  }

  async #settleOnce(verdicts: readonly Verdict[], holder: number): Promise<ReadonlySet<number>> {
    const { columns, acksOnly } = settleParams(verdicts)
    const rows = acksOnly
      ? await this.#ask(this.#sql.ack, [columns[0], columns[1], holder])
      : await this.#ask(this.#sql.settle, [...columns, holder, this.#channel])
    this.#accepts()
    const back = rows.flatMap(row => (row.length > 1 && row[0] !== 0 && row[1] !== 0 ? [row[1] as number] : []))
    if (back.length > 0) this.#hints.hint(back)
    return new Set(rows.map(row => row[0] as number))
  }

  /** A session that is no holder has no keeper to sweep for it; where nobody else is, its counts would be wrong for ever. */
  async #sweepAlone(): Promise<void> {
    const now = this.#options.runtime.clock.steady()
    if (this.#keeper !== undefined || now - this.#sweptAt < this.#options.sweepMs) return
    this.#sweptAt = now
    await this.#ask(this.#sql.sweep, [this.#channel])
    await this.#ask(this.#sql['drop-deserted'])
  }

  #listen(): Promise<void> {
    return this.#do('listening', async () => {
      // Some poolers refuse it; polling does without.
      await this.#connection.script(`LISTEN "${this.#channel}"`).catch(error => {
        if (error instanceof PostgresError && error.ends) throw error
      })
    })
  }

  #ask(sql: Sql, params: readonly unknown[] = []): Promise<readonly Row[]> {
    return tryAgain(this.#options.runtime, this.#gone.signal, () => this.#connection.query(sql, params))
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

  #refuses(error: PostgresError): void {
    if (this.#full) return
    this.#full = true
    const message = `${this.#shown} takes no writes: ${error.message} Publishing is rejected, claiming pauses, acks wait.`
    this.#options.runtime.log.error(message, { code: error.code })
  }

  #accepts(): void {
    if (!this.#full) return
    this.#full = false
    this.#options.runtime.log.info(`${this.#shown} takes writes again.`)
  }
}

function closedError(shown: string): BrokerError {
  return new BrokerError('LVG_CONNECTION_CLOSED', `The session on ${shown} is closed. Connect again.`, {
    transient: true,
  })
}

/** A row of stats.sql. */
function statsOf(row: Row): QueueStats {
  const [queue, ready, held, delayed, consumers] = row
  return {
    queue: queue as QueueName,
    ready: Number(ready),
    held: Number(held),
    delayed: Number(delayed),
    consumers: Number(consumers),
  }
}

function bloatText(shown: string, { dead, transaction }: KeeperEvent & { readonly kind: 'bloat' }): string {
  const { pid, user, application, state, seconds } = transaction
  return (
    `${shown}: ${dead} dead rows cannot be removed because a transaction has been open for ${Math.round(seconds)} s ` +
    `(pid ${pid}, user ${user}, application ${application}, ${state}). Claims get slower until it ends; ` +
    `SELECT pg_terminate_backend(${pid}) ends it.`
  )
}
