import type { OperationsContext } from '../../drivers/sqlite/operations.js'
import type { SqlRunner } from '../../drivers/sqlite/user-database.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Settled } from '../broker.js'
import { bodyAt, packBodies } from '../virtual/message-columns.js'
import type { Holders } from './holders.js'
import { DELAYED_BY_MONOTONIC, DELAYED_BY_WALL } from './sleepers.js'
import type { Statements } from './statements.js'
import type {
  ClaimArgs,
  ClaimColumns,
  DelayedColumns,
  PushColumns,
  PushKind,
  StoredRequeue,
  TokenColumns,
  VerdictColumns,
} from './store-calls.js'
import type { Known, StoredQueue, TopologyTables } from './topology-tables.js'

const READY = 0

/** A generation of publish ids lasts this long; an id is known for one to two of them (D05). */
const GENERATION_MS: Ms = 60_000
/** Ids forgotten per push: more than arrive, so old generations shrink away, and few enough to stay unnoticed. */
const FORGET_SHARE = 2

type ClaimedRow = {
  readonly id: number
  readonly deliveries: number
  readonly faults: number
  readonly begun: number
  readonly enqueued_at: number
  readonly exchange: string
  readonly routing_key: string
  readonly properties: string
  readonly headers: string
  readonly body: Uint8Array
}

/** What messages need of the world around their connection. */
type MessageContext = Pick<OperationsContext, 'clock' | 'monotonic' | 'afterCommit' | 'touch'>

/** What is the same for all messages of one push. */
interface PushMoment {
  readonly known: Known
  readonly generation: number
  readonly now: number
}

/** Messages from their push to their ack. Every method runs within a transaction. */
export class MessageRows {
  readonly #db: SqlRunner
  readonly #sql: Statements
  readonly #context: MessageContext
  readonly #topology: TopologyTables
  readonly #holders: Pick<Holders, 'self' | 'mayHold'>

  constructor(parts: {
    readonly db: SqlRunner
    readonly sql: Statements
    readonly context: MessageContext
    readonly topology: TopologyTables
    readonly holders: Pick<Holders, 'self' | 'mayHold'>
  }) {
    this.#db = parts.db
    this.#sql = parts.sql
    this.#context = parts.context
    this.#topology = parts.topology
    this.#holders = parts.holders
  }

  push(columns: PushColumns): readonly PushKind[] {
    const generation = this.#generation()
    const now = this.#context.clock.now()
    const known = this.#topology.current()
    const kinds = columns.publishIds.map((_, index) => this.#pushOne(columns, index, { known, generation, now }))
    this.#db.run(this.#sql['forget-publishes'], generation, kinds.length * FORGET_SHARE)
    if (kinds.includes('accepted')) this.#wakeAfterCommit()
    return kinds
  }

  /** Queues in the order given, within a queue by priority, then age. */
  claim({ queues, limit }: ClaimArgs): ClaimColumns {
    this.#ripen()
    const known = this.#topology.current()
    const first = this.#topology.store().claims + 1
    const rows: { readonly row: ClaimedRow; readonly queue: QueueName }[] = []
    for (const name of queues) {
      const queue = known.byName.get(name)
      if (queue === undefined) continue
      for (const row of this.#claimFrom(queue, first, limit - rows.length)) rows.push({ row, queue: name })
      if (rows.length >= limit) break
    }
    return this.#columns(rows, first)
  }

  /** What is not due yet, in the order in which it would be. */
  claimDelayed(name: QueueName, limit: number): DelayedColumns {
    const queue = this.#topology.current().byName.get(name)
    const first = this.#topology.store().claims + 1
    type DelayedRow = ClaimedRow & { readonly state: number; readonly due: number }
    const found =
      queue === undefined || !this.#holders.mayHold()
        ? []
        : this.#db.all<DelayedRow>(this.#sql['next-delayed'], queue.id, Math.min(limit, 1000))
    if (found.length > 0) {
      this.#db.run(this.#sql.claim, this.#holders.self(), first, JSON.stringify(found.map(row => row.id)))
      this.#db.run(this.#sql['undelay-held'])
    }
    const late = this.#context.clock.now() - this.#context.monotonic()
    return {
      columns: this.#columns(
        found.map(row => ({ row, queue: name })),
        first,
      ),
      dues: found.map(({ state, due }) => (state === DELAYED_BY_WALL ? due : due + late)),
    }
  }

  #columns(rows: readonly { readonly row: ClaimedRow; readonly queue: QueueName }[], first: number): ClaimColumns {
    if (rows.length > 0) this.#db.run(this.#sql['take-claims'], rows.length)
    return {
      ids: rows.map(({ row }) => row.id),
      rowClaims: rows.map(() => first),
      claims: rows.map((_, index) => first + index),
      queues: rows.map(({ queue }) => queue),
      exchanges: rows.map(({ row }) => row.exchange),
      routingKeys: rows.map(({ row }) => row.routing_key),
      deliveries: rows.map(({ row }) => row.deliveries),
      faults: rows.map(({ row }) => row.faults),
      begun: rows.map(({ row }) => row.begun === 1),
      enqueuedAt: rows.map(({ row }) => row.enqueued_at),
      properties: rows.map(({ row }) => row.properties),
      headers: rows.map(({ row }) => row.headers),
      ...packBodies(rows.map(({ row }) => row.body)),
    }
  }

  settle({ ids, claims, others }: VerdictColumns): readonly Settled[] {
    if (others === undefined && this.#ackAll(ids, claims)) return ids.map(() => 'settled')
    let returned = false
    const settled = ids.map((id, index): Settled => {
      // Columns are equally long.
      const claim = claims[index] as number
      const other = others?.[index]
      if (this.#settleOne(id, claim, other) === 0) return 'stale'
      returned ||= typeof other === 'object'
      return 'settled'
    })
    if (returned) this.#wakeAfterCommit()
    return settled
  }

  current({ ids, claims }: TokenColumns): readonly boolean[] {
    return ids.map((id, index) => this.#db.get(this.#sql['is-current'], id, claims[index] as number) !== undefined)
  }

  #pushOne(columns: PushColumns, index: number, { known, generation, now }: PushMoment): PushKind {
    const exchange = columns.exchanges[index] as string
    const routingKey = columns.routingKeys[index] as string
    const queues = this.#topology.destinations(known, exchange, routingKey)
    if (queues.length === 0) return 'unroutable'
    const publishId = columns.publishIds[index] as string
    if (this.#db.run(this.#sql['remember-publish'], generation, publishId) === 0) return 'duplicate'
    const due = columns.notBefore[index]
    const delayed = due !== undefined && due > now
    for (const queue of queues) {
      this.#db.run(
        this.#sql.push,
        queue.id,
        Math.min(columns.priorities[index] as number, queue.maxPriority),
        delayed ? DELAYED_BY_WALL : READY,
        delayed ? Math.ceil(due) : null,
        Math.floor(now),
        exchange,
        routingKey,
        columns.properties[index] as string,
        columns.headers[index] as string,
        bodyAt(columns, index),
      )
    }
    return 'accepted'
  }

  /** Read, then marked all at once: `UPDATE … RETURNING` copies every row, body and all, into a table of its own first. */
  #claimFrom(queue: StoredQueue, claim: number, limit: number): readonly ClaimedRow[] {
    const rows = this.#db.all<ClaimedRow>(this.#sql['next-ready'], queue.id, limit)
    // Entering ourselves is a write; an empty queue costs none.
    if (rows.length === 0) return rows
    if (!this.#holders.mayHold()) return []
    const ids = JSON.stringify(rows.map(row => row.id))
    this.#db.run(this.#sql.claim, this.#holders.self(), claim, ids)
    return rows
  }

  /**
   * All acks by one statement per claim: half the cost of one each (bench row `sqlite-os`). False, and nothing done, when
   * any of them is stale, or named twice: then each is to be asked for itself.
   */
  #ackAll(ids: readonly number[], claims: readonly number[]): boolean {
    const byClaim = new Map<number, number[]>()
    ids.forEach((id, index) => {
      // Columns are equally long.
      const claim = claims[index] as number
      const together = byClaim.get(claim)
      if (together === undefined) byClaim.set(claim, [id])
      else together.push(id)
    })
    const groups = Array.from(byClaim, ([claim, group]) => ({ claim, size: group.length, text: JSON.stringify(group) }))
    for (const { claim, size, text } of groups) {
      if (this.#db.get<{ readonly n: number }>(this.#sql['count-current'], claim, text)?.n !== size) return false
    }
    for (const { claim, text } of groups) this.#db.run(this.#sql['ack-many'], claim, text)
    return true
  }

  /** How many rows it changed. */
  #settleOne(id: number, claim: number, other: StoredRequeue | 'begin' | undefined): number {
    if (other === undefined) return this.#db.run(this.#sql.ack, id, claim)
    return other === 'begin' ? this.#db.run(this.#sql.begin, id, claim) : this.#requeue(id, claim, other)
  }

  #requeue(id: number, claim: number, { counted, delay }: StoredRequeue): number {
    const delayed = delay !== undefined && delay > 0
    return this.#db.run(
      this.#sql.requeue,
      id,
      claim,
      delayed ? DELAYED_BY_MONOTONIC : READY,
      delayed ? Math.ceil(this.#context.monotonic() + delay) : null,
      Number(counted),
    )
  }

  /** What is due becomes ready, at its old place. */
  #ripen(): void {
    this.#db.run(this.#sql.ripen, DELAYED_BY_WALL, Math.floor(this.#context.clock.now()))
    this.#db.run(this.#sql.ripen, DELAYED_BY_MONOTONIC, this.#context.monotonic())
  }

  #generation(): number {
    const store = this.#topology.store()
    const now = this.#context.monotonic()
    if (now - store.generation_since < GENERATION_MS) return store.generation
    this.#db.run(this.#sql['next-generation'], now)
    return store.generation + 1
  }

  #wakeAfterCommit(): void {
    this.#context.afterCommit(() => this.#context.touch())
  }
}
