import type { Database } from '../../drivers/sqlite/database.js'
import type { OperationsContext } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import { uuid4 } from '../../lib/uuid.js'
import type { Statements } from './statements.js'
import type { StoreConfig } from './store-calls.js'
import type { TopologyTables } from './topology-tables.js'

type HolderRow = {
  readonly id: number
  readonly name: string
  readonly incarnation: string
  readonly boot: string
  readonly pid_namespace: string
  readonly pid: number
  readonly started: string
  readonly lease_ms: Ms
  readonly lease_end: Ms
}

/** Part of the lease after which its owner no longer trusts it (D25). */
const TRUSTED = 0.8
/** A lease end further ahead than any renewal could have put it was counted before the machine's clock began anew. */
const LEASE_SLACK: Ms = 5000

/**
 * Who holds messages, and who of them still lives (D22–D26, D3b).
 *
 * A session becomes a holder with its first claim, consumer, or queue of its own; a mere publisher never does. Its lease
 * ends on the kernel's monotonic clock and is renewed by the thread that owns the connection, whatever the user's
 * thread is doing. A holder is dead when its process is, or when its lease has ended and it is silent. Whoever sweeps first gives its
 * messages back, counted; a holder that finds itself swept is lost.
 */
export class Holders {
  readonly #db: Database
  readonly #sql: Statements
  readonly #context: OperationsContext
  readonly #config: StoreConfig
  readonly #topology: TopologyTables
  readonly #incarnation: string
  readonly #trust: BigInt64Array
  #id: number | undefined
  #committedId: number | undefined
  /** The last renewal failed. */
  #late = false
  #sweptAt: Ms | undefined
  /** Ids of those whose lease has ended, and since when the file is known to take writes all the same. */
  readonly #suspects = new Map<number, Ms>()
  #robbed = false

  constructor(parts: {
    readonly db: Database
    readonly sql: Statements
    readonly context: OperationsContext
    readonly config: StoreConfig
    readonly topology: TopologyTables
  }) {
    this.#db = parts.db
    this.#sql = parts.sql
    this.#context = parts.context
    this.#config = parts.config
    this.#topology = parts.topology
    this.#incarnation = uuid4(parts.context.random)
    this.#trust = new BigInt64Array(parts.config.trust)
  }

  /** Our id; enters us when we have none. Within a transaction. */
  self(): number {
    this.#id ??= this.#enter()
    return this.#id
  }

  /**
   * Before something is claimed, in its transaction: false when we were swept since we renewed last, because we stood still. What
   * we claimed then would be held by nobody, for ever.
   */
  mayHold(): boolean {
    const id = this.#id
    if (id === undefined || this.#committedId === undefined) return true
    if (this.#robbed) return false
    if (this.#db.get(this.#sql['is-holder'], id, this.#incarnation) !== undefined) return true
    this.#context.afterCommit(() => this.#lose())
    return false
  }

  rolledBack(): void {
    this.#id = this.#committedId
  }

  /** True when some process ended without handing back and none lives: the file's end may have been unclean (D3d). */
  onlyDead(): boolean {
    const now = this.#context.monotonic()
    const holders = this.#all()
    return holders.length > 0 && holders.every(holder => this.#isGone(holder, now) || holder.lease_end < now)
  }

  /** Ids of all who have not been found dead; our own among them. */
  living(): ReadonlySet<string> {
    return new Set(this.#all().map(({ id }) => String(id)))
  }

  /** Runs in a transaction of its own. */
  renew(): void {
    const id = this.#id
    if (id === undefined || this.#robbed) return
    const now = this.#context.monotonic()
    try {
      const changed = this.#db.run(this.#sql.renew, id, this.#incarnation, now + this.#config.leaseMs)
      this.#late = false
      if (changed === 0) this.#lose()
      else this.#trusted(now)
    } catch (error) {
      this.#late = true
      throw error
    }
  }

  /** Renews again before its time, when the last try failed. */
  renewIfLate(): void {
    if (this.#late) this.renew()
  }

  sweep(): void {
    const now = this.#context.monotonic()
    const { renewMs, sweepMs } = this.#config
    // If we stood still, so may have the others, and all of them renew as late as we do.
    if (this.#sweptAt === undefined || now - this.#sweptAt > renewMs + sweepMs) this.#suspects.clear()
    this.#sweptAt = now
    const others = this.#all().filter(({ id }) => id !== this.#id)
    for (const id of this.#suspects.keys()) if (!others.some(holder => holder.id === id)) this.#suspects.delete(id)
    const dead = others.filter(holder => this.#isGone(holder, now) || this.#isSilent(holder, now))
    if (dead.length > 0) this.#db.transaction(() => this.#bury(dead))
  }

  /** Tells how many consumers of ours serve each queue; queues that go with their last consumer go. Within a transaction. */
  serve(queues: readonly string[]): void {
    if (this.#id === undefined && queues.length === 0) return
    const id = this.self()
    const before = this.#consumed(id)
    this.#db.run(this.#sql['forget-consumers'], id)
    const counts = new Map<string, number>()
    for (const queue of queues) counts.set(queue, (counts.get(queue) ?? 0) + 1)
    for (const [queue, count] of counts) this.#db.run(this.#sql['add-consumers'], queue, id, count)
    this.#dropDeserted(before)
  }

  /** Hands back uncounted what we hold, and leaves. Within a transaction. */
  leave(): void {
    const id = this.#id
    if (id === undefined || this.#robbed) return
    const self = this.#all().find(holder => holder.id === id)
    if (self !== undefined) this.#remove(self, 0)
  }

  #all(): HolderRow[] {
    return this.#db.all<HolderRow>(this.#sql.holders)
  }

  #enter(): number {
    const { boot, pidNamespace, pid, started } = this.#context.processes.self
    const { name, leaseMs } = this.#config
    const now = this.#context.monotonic()
    const row = this.#db.get<{ readonly id: number }>(
      this.#sql['add-holder'],
      ...[name, this.#incarnation, boot, pidNamespace, pid, started, leaseMs, now + leaseMs],
    )
    // `INSERT … RETURNING` gives the row or throws.
    const { id } = row as { readonly id: number }
    this.#context.afterCommit(() => {
      this.#committedId = id
      this.#trusted(now)
    })
    return id
  }

  #trusted(renewedAt: Ms): void {
    Atomics.store(this.#trust, 0, BigInt(Math.floor(renewedAt + this.#config.leaseMs * TRUSTED)))
  }

  /** Its process is, or its lease was counted by a clock that has begun anew. */
  #isGone({ boot, pid_namespace: pidNamespace, pid, started, lease_end, lease_ms }: HolderRow, now: Ms): boolean {
    if (this.#context.processes.liveness({ boot, pidNamespace, pid, started }) === 'gone') return true
    return lease_end > now + lease_ms + LEASE_SLACK
  }

  /**
   * Its lease has ended, and it has not renewed since, although the file takes writes. While it took none nobody could renew: that is
   * no sign of death. So a write is tried first; those who live and are late have renewed by the time of our third look.
   */
  #isSilent({ id, lease_end }: HolderRow, now: Ms): boolean {
    if (lease_end >= now) {
      this.#suspects.delete(id)
      return false
    }
    const since = this.#suspects.get(id)
    if (since !== undefined) return now - since > 1.5 * this.#config.sweepMs
    this.#db.run(this.#sql['touch-holder'], id)
    this.#suspects.set(id, now)
    return false
  }

  #bury(dead: readonly HolderRow[]): void {
    for (const holder of dead) this.#remove(holder, 1)
  }

  #remove(holder: HolderRow, faults: 0 | 1): void {
    if (this.#db.run(this.#sql['remove-holder'], holder.id, holder.incarnation, holder.lease_end) === 0) return
    const before = this.#consumed(holder.id)
    this.#db.run(this.#sql['forget-consumers'], holder.id)
    this.#dropDeserted(before)
    this.#topology.drop(
      this.#db.all<{ readonly id: number }>(this.#sql['orphaned-queues'], holder.id).map(row => row.id),
    )
    const released = this.#db.run(this.#sql['release-held'], holder.id, faults)
    if (released > 0) this.#context.afterCommit(() => this.#context.touch())
  }

  #consumed(holder: number): readonly number[] {
    return this.#db.all<{ readonly queue_id: number }>(this.#sql['consumed-queues'], holder).map(row => row.queue_id)
  }

  #dropDeserted(queues: readonly number[]): void {
    this.#topology.drop(queues.filter(queue => this.#db.get(this.#sql['deserted-queue'], queue) !== undefined))
  }

  #lose(): void {
    this.#robbed = true
    Atomics.store(this.#trust, 0, 1n)
    this.#context.emit({ kind: 'robbed' })
  }
}
