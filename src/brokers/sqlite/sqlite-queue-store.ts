import type { Durability } from '../../drivers/sqlite/database.js'
import type { HostOptions } from '../../drivers/sqlite/host.js'
import { openLocalHost } from '../../drivers/sqlite/local-host.js'
import type { Processes } from '../../drivers/sqlite/processes.js'
import { openThreadHost } from '../../drivers/sqlite/thread-host.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueStore, StoreSession } from '../virtual/queue-store.js'
import { operations, type StoreOperations } from './operations.js'
import { SqliteSession, type StoreHost } from './sqlite-session.js'
import { sqliteTrouble } from './sqlite-trouble.js'
import type { StoreConfig, StoreEvent } from './store-calls.js'
import { Tickets } from './tickets.js'

export interface SqliteQueueStoreOptions {
  readonly path: string
  readonly runtime: Runtime
  /** Default `full`. */
  readonly durability?: Durability
  readonly allowNetworkFilesystem?: boolean
  /** Length of a holder's lease. Default 20 s (D23). */
  readonly leaseMs?: Ms
  /** How often it is renewed. Default 5 s. */
  readonly renewMs?: Ms
  /** How often each session looks for dead holders. Default 1 s. */
  readonly sweepMs?: Ms
  /** How long SQLite waits for other processes' locks before a batch is tried anew. Default 5 s. */
  readonly busyTimeoutMs?: Ms
  /** Keeps the connection in this thread, with these processes, on the runtime's clock: for tests and simulation. */
  readonly local?: Processes
}

const LEASE_MS: Ms = 20_000
const RENEW_MS: Ms = 5_000
const SWEEP_MS: Ms = 1_000

/** Queues in a SQLite file. Each session has a connection, and a thread, of its own. */
export class SqliteQueueStore implements QueueStore {
  readonly #options: SqliteQueueStoreOptions
  readonly #sessions = new Set<SqliteSession>()

  constructor(options: SqliteQueueStoreOptions) {
    this.#options = options
  }

  /** Rejects with `ConfigError` (path, foreign file, network file system, newer schema) or `BrokerError`. */
  async open(holder: { readonly name: string }, signal?: AbortSignal): Promise<StoreSession> {
    signal?.throwIfAborted()
    const session = await this.#open(holder.name)
    this.#sessions.add(session)
    void session.closed.then(() => this.#sessions.delete(session))
    if (!signal?.aborted) return session
    await session[Symbol.asyncDispose]()
    throw signal.reason
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map(session => session[Symbol.asyncDispose]()))
  }

  async #open(name: string): Promise<SqliteSession> {
    const { path, runtime, leaseMs = LEASE_MS, renewMs = RENEW_MS, sweepMs = SWEEP_MS } = this.#options
    const trust = new SharedArrayBuffer(8)
    const tickets = new Tickets()
    // Events may come before the session exists only if nobody has asked for any yet.
    let session: SqliteSession | undefined
    const host = await this.#openHost({ name, leaseMs, renewMs, sweepMs, trust }, event => session?.hear(event))
    session = new SqliteSession(host, tickets, { path, leaseMs, trust, runtime })
    return session
  }

  async #openHost(config: StoreConfig, onEvent: (event: StoreEvent) => void): Promise<StoreHost> {
    const { path, runtime, local, durability = 'full', allowNetworkFilesystem = false, busyTimeoutMs } = this.#options
    const options: HostOptions<StoreConfig> = {
      path,
      durability,
      config,
      allowNetworkFilesystem,
      ...(busyTimeoutMs !== undefined && { busyTimeoutMs }),
      // Operations emit nothing but store events.
      onEvent: event => onEvent(event as StoreEvent),
    }
    try {
      if (local !== undefined) {
        return openLocalHost<StoreConfig, StoreOperations>({ ...options, operations, runtime, processes: local })
      }
      const module = new URL('./operations.js', import.meta.url)
      return await openThreadHost<StoreConfig, StoreOperations>({ ...options, module })
    } catch (error) {
      throw sqliteTrouble('opening', path, error)
    }
  }
}
