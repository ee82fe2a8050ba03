import type { Clock, Random } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { Database } from './database.js'
import type { Processes } from './processes.js'

/*
 * What runs beside the connection. A store writes its verbs as a module that exports `operations`, an
 * `OperationsFactory`; host.ts runs that module on the connection's thread, or here and now for tests and simulation.
 *
 * - An operation is synchronous. Arguments and answers cross threads by structured clone: plain data, and bytes in
 *   buffers of their own (a view into a big buffer carries the whole buffer).
 * - Operations asked for together run in one transaction and are answered after its commit. When one throws, all are
 *   rolled back and run again one by one, so an operation may run twice and keeps no state of its own except through
 *   `afterCommit`; caches that it filled are dropped in `rolledBack`.
 * - `reads` change nothing. A batch of reads alone takes no write lock.
 */

/** `never` lets any argument type stand here; the host's `call` gives the operation's own. */
export type Operation = (args: never) => unknown

export interface Operations {
  readonly reads: Readonly<Record<string, Operation>>
  readonly writes: Readonly<Record<string, Operation>>
  /** Names of writes that may be lost with the power: a commit of nothing else does not wait for the disk. */
  readonly passing?: ReadonlySet<string>
  /** What the thread does by itself, whatever the user's thread is doing. */
  readonly chores?: readonly Chore[]
  /** Drops what was cached from rows that have just been rolled back because of `error`. */
  rolledBack?(error: unknown): void
  /** Runs in a last transaction before a clean close. */
  close?(): void
}

/** Runs outside a transaction and opens its own. A `SqliteError` is left to the next turn; any other error ends the host. */
export interface Chore {
  readonly name: string
  readonly everyMs: Ms
  /** Each turn is moved by up to this fraction of `everyMs`, either way. */
  readonly jitter: number
  run(): void
}

export interface OperationsContext {
  readonly clock: Clock
  readonly random: Random
  readonly processes: Processes
  /** The kernel's monotonic clock, whole milliseconds since boot: the same for every process of this machine. */
  monotonic(): Ms
  /** Runs `act` once the transaction at hand has committed; never when it is rolled back. */
  afterCommit(act: () => void): void
  /** Tells the owner of the host; structured clone. Outside of commits use it freely, inside use `afterCommit`. */
  emit(event: unknown): void
  /** Wakes every watcher of this file's wake signal, in all processes. */
  touch(): void
  /**
   * Calls `hint` after a touch or another process's commit, now and then without either, until disposed. One hint for one
   * commit: what it could not look at because the file refused, it throws (`SqliteError`), and is called again a second
   * later. The same goes for what the timers of `clock` ring.
   */
  watch(hint: () => void): Disposable
}

export type OperationsFactory<Config, Ops extends Operations> = (
  db: Database,
  context: OperationsContext,
  config: Config,
) => Ops

type Both<Ops extends Operations> = Ops['reads'] & Ops['writes']

export type OperationName<Ops extends Operations> = keyof Both<Ops> & string

export type Argument<Ops extends Operations, Name extends OperationName<Ops>> = Both<Ops>[Name] extends (
  args: infer A,
) => unknown
  ? A
  : never

export type Answer<Ops extends Operations, Name extends OperationName<Ops>> = Both<Ops>[Name] extends (
  args: never,
) => infer R
  ? R
  : never
