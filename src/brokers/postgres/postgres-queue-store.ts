import { kernelMonotonic } from '../../drivers/kernel-clock.js'
import { PostgresConnection, securityWarning } from '../../drivers/postgres/connection.js'
import { migrate } from '../../drivers/postgres/migrate.js'
import type { PostgresTarget } from '../../drivers/postgres/postgres-url.js'
import { ServiceThread } from '../../drivers/service-thread.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { QueueStore } from '../virtual/queue-store.js'
import { type KeeperConfig, type KeeperEvent, service } from './keeper.js'
import { PostgresSession } from './postgres-session.js'
import { postgresTrouble } from './postgres-trouble.js'
import { brokerSchema, loadStatements, type Statements } from './statements.js'

export interface PostgresQueueStoreOptions {
  readonly target: PostgresTarget
  readonly runtime: Runtime
  /** Default `lovage`. */
  readonly schema?: string
  /** Length of a holder's lease. Default 20 s (D23). */
  readonly leaseMs?: Ms
  /** How often it is renewed. Default 5 s. */
  readonly renewMs?: Ms
  /** How often each session looks for dead holders. Default 2 s. */
  readonly sweepMs?: Ms
  /** A statement without an answer for this long ends the session (D86). Default 10 s. */
  readonly answerMs?: Ms
  /** Keeps leases in this thread, on the runtime's clock: for tests. */
  readonly local?: boolean
}

const LEASE_MS: Ms = 20_000
const RENEW_MS: Ms = 5_000
const SWEEP_MS: Ms = 2_000

/** Queues in a PostgreSQL schema. */
export class PostgresQueueStore implements QueueStore {
  readonly #options: PostgresQueueStoreOptions
  readonly #schema: string
  readonly #sql: Statements
  readonly #sessions = new Set<PostgresSession>()
  #warned = false

  constructor(options: PostgresQueueStoreOptions) {
    this.#options = options
    this.#schema = options.schema ?? 'lovage'
    this.#sql = loadStatements(this.#schema)
  }

  /** Rejects with `ConfigError` (newer schema, missing package) or `BrokerError`. */
  async open(holder: { readonly name: string }, signal?: AbortSignal): Promise<PostgresSession> {
    const connection = await this.#connect(holder.name, signal)
    const session = this.#session(connection, holder.name)
    this.#sessions.add(session)
    void session.closed.then(() => this.#sessions.delete(session))
    if (!signal?.aborted) return session
    await session[Symbol.asyncDispose]()
    throw signal.reason
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map(session => session[Symbol.asyncDispose]()))
  }

  async #connect(name: string, signal: AbortSignal | undefined): Promise<PostgresConnection> {
    const { target, runtime, answerMs } = this.#options
    this.#warn()
    try {
      const options = { target, name, clock: runtime.clock, ...(answerMs !== undefined && { answerMs }) }
      const connection = await PostgresConnection.open(options, signal)
      try {
        await migrate(connection, brokerSchema(this.#schema))
        return connection
      } catch (error) {
        await connection[Symbol.asyncDispose]()
        throw error
      }
    } catch (error) {
      throw postgresTrouble('connecting', target.shown, error)
    }
  }

  #session(connection: PostgresConnection, name: string): PostgresSession {
    const { target, runtime, leaseMs = LEASE_MS, renewMs = RENEW_MS, sweepMs = SWEEP_MS, local } = this.#options
    const { clock } = runtime
    return new PostgresSession(connection, {
      name,
      schema: this.#schema,
      leaseMs,
      sweepMs,
      runtime,
      sql: this.#sql,
      monotonic: local === true ? () => Math.floor(clock.steady()) : kernelMonotonic,
      keep: (holder, trust, onEvent) =>
        this.#keep({ target, schema: this.#schema, name, holder, leaseMs, renewMs, sweepMs, trust }, onEvent),
    })
  }

  #keep(config: KeeperConfig, onEvent: (event: KeeperEvent) => void): AsyncDisposable {
    const { runtime, local } = this.#options
    // The keeper emits nothing but these.
    const hear = (event: unknown): void => onEvent(event as KeeperEvent)
    if (local === true) {
      const { clock, random } = runtime
      return service(config, { clock, random, monotonic: () => Math.floor(clock.steady()), emit: hear })
    }
    return new ServiceThread<KeeperConfig>({
      module: new URL('./keeper.js', import.meta.url),
      config,
      name: 'lovage-postgres',
      onEvent: hear,
      onDeath: cause => onEvent({ kind: 'dead', why: cause instanceof Error ? cause.message : String(cause) }),
    })
  }

  #warn(): void {
    const warning = this.#warned ? undefined : securityWarning(this.#options.target)
    this.#warned = true
    if (warning !== undefined) this.#options.runtime.log.warning(warning)
  }
}
