import type { LovageError } from '../../lib/errors.js'
import type { Ms } from '../../lib/time.js'
import type { Durability } from './database.js'
import type { Answer, Argument, OperationName, Operations } from './operations.js'
import type { WakeName } from './sqlite-file.js'

/**
 * A SQLite file with operations beside it, seen from the outside: `openThreadHost` (thread-host.ts) keeps both on a
 * worker thread, `openLocalHost` (local-host.ts) in this one.
 *
 * `call` never blocks this thread. What one turn of the event loop asks for, or what gathers while the thread is busy,
 * is posted together and shares one transaction (group commit, D12); each promise settles after the commit that
 * carried it. An operation that throws rejects alone: `SqliteError`, or a `LovageError` with the code and message of
 * what was thrown.
 *
 * The process: a pending call keeps it alive; an idle host does not, unless `keepAlive(true)`. A process that ends
 * without closing leaves a sound file (its WAL is read back by the next opener).
 */
export interface SqliteHost<Ops extends Operations> extends AsyncDisposable {
  /** Settles once, never rejects. After it every call rejects with the reason. */
  readonly closed: Promise<HostEnd>
  call<Name extends OperationName<Ops>>(
    name: Name,
    args: Argument<Ops, Name>,
    options?: CallOptions,
  ): Promise<Answer<Ops, Name>>
  /** The clock that operations see as `monotonic`. */
  monotonic(): Ms
  /** Whether the host alone keeps the process alive. Off at first. */
  keepAlive(on: boolean): void
  /** Answers what is pending, runs the operations' `close`, closes the file. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>
}

export interface CallOptions {
  /** Posted at once instead of at the end of the turn: for what the thread can do while this turn goes on. */
  readonly urgent?: boolean
}

export type HostEnd =
  /** We closed it. */
  | { readonly kind: 'closed' }
  /** The thread died, the file was replaced or is damaged. */
  | { readonly kind: 'lost'; readonly error: LovageError }

export interface HostOptions<Config> {
  readonly path: string
  readonly durability: Durability
  /** Handed to the operations' factory; structured clone (a `SharedArrayBuffer` stays shared). */
  readonly config: Config
  /** Opens files on network file systems, too (D3e). Default: they are refused. */
  readonly allowNetworkFilesystem?: boolean
  /** The file is somebody else's: it must be there, is left as its owner has set it up, and is never put aside. Default false. */
  readonly guest?: boolean
  /** Ending of the wake signal's file name; stores that wake different sleepers differ here. Default `wake`. */
  readonly wakeName?: WakeName
  /** How long SQLite waits for other processes' locks before a batch is tried anew. Default 5,000 ms. */
  readonly busyTimeoutMs?: number
  /** Hears what operations `emit`. */
  onEvent?(event: unknown): void
}

export interface ThreadHostOptions<Config> extends HostOptions<Config> {
  /** The module that exports `operations`, an `OperationsFactory<Config, Ops>`. */
  readonly module: URL
}
