import type { Database } from '../../drivers/sqlite/database.js'
import type { OperationsContext } from '../../drivers/sqlite/operations.js'
import type { Ms } from '../../lib/time.js'
import type { QueueName } from '../../protocol/ids.js'
import type { Statements } from './statements.js'
import type { SleepArgs } from './store-calls.js'
import type { TopologyTables } from './topology-tables.js'

/** A due instant is looked at again after this at the latest: the wall clock may have been set meanwhile. */
const LONGEST_NAP: Ms = 1000
/** After a failed write nobody is woken for so long: a claim could not succeed, and would be tried in a hot loop. */
const UNWRITABLE_PAUSE: Ms = 1000

/** Kinds of delay, as rows have them in `state`. */
export const DELAYED_BY_WALL = 2
export const DELAYED_BY_MONOTONIC = 3

/** What everybody waits for at least. */
interface Wait {
  /** The file has refused a write a moment ago. */
  readonly paused: boolean
  /** Until the next look; undefined: nothing is delayed. */
  readonly ms: Ms | undefined
}

/**
 * Consumers that found nothing to claim. Each is woken when one of its queues has something, which is looked up when it
 * lies down and after every hint (commit of anybody, due instant); so a wake cannot be missed.
 */
export class Sleepers {
  readonly #db: Database
  readonly #sql: Statements
  readonly #context: OperationsContext
  readonly #topology: TopologyTables
  readonly #asleep = new Map<number, readonly QueueName[]>()
  #watch: Disposable | undefined
  #alarm: Disposable | undefined
  #pausedUntil: Ms = 0

  constructor(parts: {
    readonly db: Database
    readonly sql: Statements
    readonly context: OperationsContext
    readonly topology: TopologyTables
  }) {
    this.#db = parts.db
    this.#sql = parts.sql
    this.#context = parts.context
    this.#topology = parts.topology
  }

  /** True: something is claimable now, nobody lies down. */
  sleep({ ticket, queues }: SleepArgs): boolean {
    const wait = this.#wait()
    if (this.#isClaimable(queues, wait)) return true
    this.#asleep.set(ticket, queues)
    this.#watch ??= this.#context.watch(() => this.#look())
    this.#arm(wait)
    return false
  }

  rise(ticket: number): void {
    this.#asleep.delete(ticket)
    if (this.#asleep.size === 0) this.close()
  }

  /** The file has just refused a write. */
  pause(): void {
    this.#pausedUntil = this.#context.monotonic() + UNWRITABLE_PAUSE
  }

  close(): void {
    this.#watch?.[Symbol.dispose]()
    this.#watch = undefined
    this.#alarm?.[Symbol.dispose]()
    this.#alarm = undefined
  }

  #look(): void {
    const wait = this.#wait()
    for (const [ticket, queues] of [...this.#asleep]) {
      if (!this.#isClaimable(queues, wait)) continue
      this.#asleep.delete(ticket)
      this.#context.emit({ kind: 'awake', ticket })
    }
    if (this.#asleep.size === 0) this.close()
    else this.#arm(wait)
  }

  #isPaused(): boolean {
    return this.#context.monotonic() < this.#pausedUntil
  }

  #isClaimable(queues: readonly QueueName[], wait: Wait): boolean {
    if (wait.paused) return false
    // A claim makes ready whatever is due, in any queue.
    if (wait.ms === 0) return true
    const known = this.#topology.current()
    return queues.some(name => {
      const queue = known.byName.get(name)
      return queue !== undefined && this.#db.get(this.#sql['is-ready'], queue.id) !== undefined
    })
  }

  #arm({ ms }: Wait): void {
    this.#alarm?.[Symbol.dispose]()
    this.#alarm =
      ms === undefined ? undefined : this.#context.clock.timer(Math.min(ms, LONGEST_NAP), () => this.#look())
  }

  /** Found out once for all who sleep: looking costs two reads. */
  #wait(): Wait {
    return this.#isPaused() ? { paused: true, ms: UNWRITABLE_PAUSE } : { paused: false, ms: this.#dueIn() }
  }

  /** Until the next delayed message is due; undefined when there is none. */
  #dueIn(): Ms | undefined {
    const byWall = this.#nextDue(DELAYED_BY_WALL)
    const byMonotonic = this.#nextDue(DELAYED_BY_MONOTONIC)
    const waits: Ms[] = []
    if (byWall !== undefined) waits.push(byWall - this.#context.clock.now())
    if (byMonotonic !== undefined) waits.push(byMonotonic - this.#context.monotonic())
    return waits.length === 0 ? undefined : Math.max(0, Math.min(...waits))
  }

  #nextDue(kind: number): number | undefined {
    return this.#db.get<{ readonly due: number }>(this.#sql['next-due'], kind)?.due
  }
}
