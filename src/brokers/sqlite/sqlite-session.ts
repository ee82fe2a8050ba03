import type { SqliteHost } from '../../drivers/sqlite/host.js'
import { deferred } from '../../lib/deferred.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Binding, CloseReason, QueueStats, Settled, Topology } from '../broker.js'
import { BrokerError } from '../errors.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import { unpackMessage } from '../virtual/message-columns.js'
import type {
  Claimed,
  ClaimedDelayed,
  PushEntry,
  PushOutcome,
  StoreSession,
  Token,
  Verdict,
} from '../virtual/queue-store.js'
import type { StoreOperations } from './operations.js'
import { pushColumns } from './push-columns.js'
import { isRefusal, pushTrouble, sqliteTrouble } from './sqlite-trouble.js'
import type { ClaimColumns, StoredRequeue, StoreEvent, TokenColumns, VerdictColumns } from './store-calls.js'
import type { Tickets } from './tickets.js'

/** Refused verdicts are tried again after this, doubling, up to the longest. */
const RETRY_FIRST: Ms = 100
const RETRY_LAST: Ms = 1000

/** The next messages are claimed while the last ones run. */
const URGENT = { urgent: true } as const

export type StoreHost = SqliteHost<StoreOperations>

export interface SqliteSessionOptions {
  readonly path: string
  readonly leaseMs: Ms
  /** Shared with the thread: see `StoreConfig.trust`. */
  readonly trust: SharedArrayBuffer
  readonly runtime: Pick<Runtime, 'clock' | 'log'>
}

/**
 * One session at a SQLite store: packs what is asked, and translates what the file answers.
 *
 * While the file takes no writes (D3c) pushes are rejected, claims find nothing, and verdicts wait and are tried again
 * until they are stored; nobody has to restart anything. The layer above holds at most one batch of verdicts under way
 * and no more unsettled deliveries than its windows, which bounds what waits.
 */
export class SqliteSession implements StoreSession {
  readonly #host: StoreHost
  readonly #options: SqliteSessionOptions
  readonly #trust: BigInt64Array
  readonly #tickets: Tickets
  readonly #closed = deferred<CloseReason>()
  readonly #gone = new AbortController()
  /** Why it ends, once that is decided. */
  #fate: CloseReason | undefined
  #refusing = false
  #disposed: Promise<void> | undefined

  constructor(host: StoreHost, tickets: Tickets, options: SqliteSessionOptions) {
    this.#host = host
    this.#tickets = tickets
    this.#options = options
    this.#trust = new BigInt64Array(options.trust)
    void host.closed.then(end => {
      if (end.kind === 'closed') this.#end({ kind: 'closed' })
      else this.#end({ kind: 'lost', error: this.#brokerError('working', end.error) })
    })
  }

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  /** The operations tell something unasked. */
  hear(event: StoreEvent): void {
    switch (event.kind) {
      case 'awake':
        this.#tickets.ring(event.ticket)
        break
      case 'robbed':
        this.#robbed()
        break
      default:
        event satisfies never
    }
  }

  declare(topology: Topology): Promise<void> {
    return this.#ask('declaring queues', () => this.#host.call('declare', topology))
  }

  async push(entries: readonly PushEntry[]): Promise<readonly PushOutcome[]> {
    try {
      const kinds = await this.#host.call('push', pushColumns(entries))
      this.#accepts()
      return kinds.map(kind => ({ kind }))
    } catch (error) {
      if (isRefusal(error)) this.#refuses(error)
      throw pushTrouble(this.#options.path, error)
    }
  }

  async claim(queues: readonly QueueName[], limit: number): Promise<readonly Claimed[]> {
    try {
      const columns = await this.#host.call('claim', { queues, limit }, URGENT)
      this.#accepts()
      return columns.ids.map((_, index) => claimedAt(columns, index))
    } catch (error) {
      if (!isRefusal(error)) throw sqliteTrouble('claiming messages', this.#options.path, error)
      this.#refuses(error)
      return []
    }
  }

  claimDelayed(queue: QueueName, limit: number): Promise<readonly ClaimedDelayed[]> {
    return this.#ask('claiming delayed messages', async () => {
      const { columns, dues } = await this.#host.call('claimDelayed', { queue, limit })
      // Columns are equally long.
      return dues.map((notBefore, index) => ({ claimed: claimedAt(columns, index), notBefore }))
    })
  }

  async settle(verdicts: readonly Verdict[]): Promise<readonly Settled[]> {
    const columns = verdictColumns(verdicts)
    for (let pause = RETRY_FIRST; ; pause = Math.min(pause * 2, RETRY_LAST)) {
      try {
        const settled = await this.#host.call('settle', columns)
        this.#accepts()
        return settled
      } catch (error) {
        if (!isRefusal(error)) throw sqliteTrouble('settling deliveries', this.#options.path, error)
        this.#refuses(error)
        await this.#options.runtime.clock.sleep(pause, this.#gone.signal)
      }
    }
  }

  current(tokens: readonly Token[]): Promise<readonly boolean[]> {
    return this.#ask('asking for tokens', () => this.#host.call('current', tokenColumns(tokens)))
  }

  /** A session that waits for work keeps its process alive. */
  async wake(queues: readonly QueueName[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { ticket, rung } = this.#tickets.draw()
    const giveUp = (): void => this.#tickets.ring(ticket)
    signal.addEventListener('abort', giveUp, { once: true })
    this.#host.keepAlive(true)
    try {
      const claimable = await this.#ask('waiting for messages', () => this.#host.call('sleep', { ticket, queues }))
      if (!claimable) await Promise.race([rung, this.#closed.promise])
    } finally {
      signal.removeEventListener('abort', giveUp)
      this.#tickets.ring(ticket)
      if (this.#tickets.waiting === 0) this.#host.keepAlive(false)
      if (signal.aborted) await this.#host.call('rise', ticket).catch(() => undefined)
    }
  }

  trustedUntil(): SteadyMs {
    const until = Number(Atomics.load(this.#trust, 0))
    if (until === 0) return Number.POSITIVE_INFINITY
    return this.#options.runtime.clock.steady() + until - this.#host.monotonic()
  }

  stats(queue: QueueName): Promise<QueueStats> {
    return this.#ask('counting', () => this.#host.call('stats', queue))
  }

  list(): Promise<readonly QueueStats[]> {
    return this.#ask('listing queues', () => this.#host.call('list', undefined))
  }

  bindings(): Promise<readonly Binding[]> {
    return this.#ask('listing bindings', () => this.#host.call('bindings', undefined))
  }

  weigh(queue: QueueName): Promise<number> {
    return this.#ask('weighing', () => this.#host.call('weigh', queue))
  }

  purge(queue: QueueName): Promise<number> {
    return this.#ask('purging', () => this.#host.call('purge', queue))
  }

  limit(request: LimitRequest): Promise<readonly LimitAnswer[]> {
    return this.#ask('asking for turns', () => this.#host.call('limit', request, URGENT))
  }

  consuming(queues: readonly QueueName[]): Promise<void> {
    return this.#ask('telling what is consumed', () => this.#host.call('consuming', queues))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close()
    await this.#disposed
  }

  async #close(): Promise<void> {
    await this.#host[Symbol.asyncDispose]()
    this.#end({ kind: 'closed' })
  }

  async #ask<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw sqliteTrouble(doing, this.#options.path, error)
    }
  }

  #brokerError(doing: string, error: unknown): BrokerError {
    const trouble = sqliteTrouble(doing, this.#options.path, error)
    if (trouble instanceof BrokerError) return trouble
    return new BrokerError('LVG_SQLITE_ERROR', String(trouble), { cause: trouble, transient: true })
  }

  #robbed(): void {
    const message =
      `The lease on ${this.#options.path} ran out because it was not renewed for ${this.#options.leaseMs} ms; ` +
      'its messages went back to their queues. Connect again.'
    // What is under way is still answered, so that late acks hear that they are stale.
    this.#fate ??= { kind: 'lost', error: new BrokerError('LVG_LEASE_LOST', message, { transient: true }) }
    void this[Symbol.asyncDispose]()
  }

  #end(end: CloseReason): void {
    const reason = this.#fate ?? end
    this.#fate = reason
    this.#closed.resolve(reason)
    this.#gone.abort(reason.kind === 'lost' ? reason.error : closedError(this.#options.path))
  }

  #refuses(error: { readonly message: string; readonly code: string }): void {
    if (this.#refusing) return
    this.#refusing = true
    const message = `${this.#options.path} takes no writes: ${error.message} Publishing is rejected, claiming pauses, acks wait.`
    this.#options.runtime.log.error(message, { code: error.code })
  }

  #accepts(): void {
    if (!this.#refusing) return
    this.#refusing = false
    this.#options.runtime.log.info(`${this.#options.path} takes writes again.`)
  }
}

function closedError(path: string): BrokerError {
  return new BrokerError('LVG_CONNECTION_CLOSED', `The session on ${path} is closed. Connect again.`, {
    transient: true,
  })
}

function claimedAt(columns: ClaimColumns, index: number): Claimed {
  // Columns are equally long.
  return {
    token: `${columns.ids[index]}.${columns.rowClaims[index]}`,
    message: unpackMessage(columns, index),
    queue: columns.queues[index] as QueueName,
    exchange: columns.exchanges[index] as string,
    routingKey: columns.routingKeys[index] as string,
    redelivered: (columns.deliveries[index] as number) > 1,
    faults: columns.faults[index] as number,
    begun: columns.begun[index] as boolean,
    claim: columns.claims[index] as number,
    enqueuedAt: columns.enqueuedAt[index] as number,
  }
}

function verdictColumns(verdicts: readonly Verdict[]): VerdictColumns {
  return {
    ...tokenColumns(verdicts.map(verdict => verdict.token)),
    others: verdicts.every(verdict => verdict.kind === 'ack') ? undefined : verdicts.map(otherThanAck),
  }
}

function otherThanAck(verdict: Verdict): StoredRequeue | 'begin' | undefined {
  switch (verdict.kind) {
    case 'ack':
      return undefined
    case 'begin':
      return 'begin'
    case 'requeue':
      return { counted: verdict.counted, delay: verdict.delay }
    default:
      return verdict satisfies never
  }
}

function tokenColumns(tokens: readonly Token[]): TokenColumns {
  const ids: number[] = []
  const claims: number[] = []
  for (const token of tokens) {
    const dot = token.indexOf('.')
    ids.push(Number(token.slice(0, dot)))
    claims.push(Number(token.slice(dot + 1)))
  }
  return { ids, claims }
}
