import { PostgresConnection } from '../../drivers/postgres/connection.js'
import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import type { PostgresTarget } from '../../drivers/postgres/postgres-url.js'
import type { ServiceFactory, ServiceWorld } from '../../drivers/service-thread.js'
import type { Ms } from '../../lib/time.js'
import { loadStatements, type Statements, wakeChannel } from './statements.js'

export interface KeeperConfig {
  readonly target: PostgresTarget
  readonly schema: string
  readonly name: string
  readonly holder: number
  readonly leaseMs: Ms
  readonly renewMs: Ms
  readonly sweepMs: Ms
  /** One 64-bit integer: kernel monotonic ms up to which our tokens are certainly ours; 0 = none held yet (D25). */
  readonly trust: SharedArrayBuffer
}

export type KeeperEvent =
  /** A sweep of another session took our messages back (D23). */
  | { readonly kind: 'robbed' }
  /** A transaction of somebody else's keeps dead rows from being removed (D3i). */
  | { readonly kind: 'bloat'; readonly dead: number; readonly transaction: OldTransaction }
  /** Its thread has ended of itself. */
  | { readonly kind: 'dead'; readonly why: string }

export interface OldTransaction {
  readonly pid: number
  readonly user: string
  readonly application: string
  readonly state: string
  readonly seconds: number
}

/** Part of the lease after which its owner no longer trusts it (D25). */
export const TRUSTED = 0.8

const FORGET_AT_ONCE = 10_000
const FORGET_EVERY: Ms = 5_000
const BLOAT_EVERY: Ms = 60_000
/** Dead rows from which on a claim has noticeably more to walk over. */
const BLOAT_ROWS = 50_000
const BLOAT_SECONDS = 300
/** Pause before the connection is made anew. */
const AGAIN: Ms = 500

export const service: ServiceFactory<KeeperConfig> = (config, world) => new Keeper(config, world)

/**
 * Keeps one session's lease, on a connection of its own, and does what every session does for all: returns the messages
 * of the dead (D26), drops queues that nobody owns any more, forgets old publish ids, looks for what keeps the tables from
 * shrinking. It makes its connection anew as often as it must; what ends the session is a lease that could not be kept.
 */
class Keeper implements AsyncDisposable {
  readonly #config: KeeperConfig
  readonly #world: ServiceWorld
  readonly #sql: Statements
  readonly #trust: BigInt64Array
  readonly #chores = new Map<string, Disposable>()
  #connection: Promise<PostgresConnection> | undefined
  #renewedAt: Ms
  #over = false

  constructor(config: KeeperConfig, world: ServiceWorld) {
    this.#config = config
    this.#world = world
    this.#sql = loadStatements(config.schema)
    this.#trust = new BigInt64Array(config.trust)
    this.#renewedAt = world.monotonic()
    this.#arm('renew', config.renewMs, 0.1, () => this.#renew())
    this.#arm('sweep', config.sweepMs, 0.2, () => this.#sweep())
    this.#arm('forget', FORGET_EVERY, 0.5, () => this.#forget())
    this.#arm('bloat', BLOAT_EVERY, 0.5, () => this.#lookForBloat())
    void this.#attempt(() => this.#sweep())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#over) return
    this.#over = true
    for (const timer of this.#chores.values()) timer[Symbol.dispose]()
    const connection = await this.#connection?.catch(() => undefined)
    // The session has handed back already, unless its own connection broke.
    const { holder, schema } = this.#config
    await connection?.query(this.#sql.leave, [holder, wakeChannel(schema)]).catch(() => undefined)
    await connection?.[Symbol.asyncDispose]()
  }

  async #renew(): Promise<void> {
    const { holder, leaseMs } = this.#config
    const asked = this.#world.monotonic()
    const [row] = await (await this.#connected()).query(this.#sql.renew, [holder, leaseMs])
    if (row === undefined) {
      Atomics.store(this.#trust, 0, 1n)
      this.#world.emit({ kind: 'robbed' } satisfies KeeperEvent)
      return
    }
    this.#renewedAt = asked
    Atomics.store(this.#trust, 0, BigInt(Math.floor(asked + leaseMs * TRUSTED)))
  }

  async #sweep(): Promise<void> {
    const { renewMs, sweepMs, schema } = this.#config
    // If we could not renew lately, so could not the others: they come first.
    if (this.#world.monotonic() - this.#renewedAt > renewMs * 1.5 + sweepMs) return
    const connection = await this.#connected()
    await connection.query(this.#sql.sweep, [wakeChannel(schema)])
    await connection.query(this.#sql['drop-deserted'])
    await connection.query(this.#sql['drop-stale'])
  }

  async #forget(): Promise<void> {
    const connection = await this.#connected()
    for (let forgotten = FORGET_AT_ONCE; forgotten === FORGET_AT_ONCE && !this.#over; ) {
      const [row] = await connection.query(this.#sql['forget-publishes'], [FORGET_AT_ONCE])
      forgotten = Number(row?.[0] ?? 0)
    }
    await connection.query(this.#sql['forget-limits'], [FORGET_AT_ONCE])
  }

  async #lookForBloat(): Promise<void> {
    const connection = await this.#connected()
    const [row] = await connection.query(this.#sql['oldest-transaction'], [BLOAT_ROWS, BLOAT_SECONDS])
    if (row === undefined) return
    const [pid, user, application, state, seconds, dead] = row
    this.#world.emit({
      kind: 'bloat',
      dead: Number(dead),
      transaction: {
        pid: Number(pid),
        user: String(user),
        application: String(application),
        state: String(state),
        seconds: Number(seconds),
      },
    } satisfies KeeperEvent)
  }

  #connected(): Promise<PostgresConnection> {
    if (this.#over) return Promise.reject(new PostgresError('LOST', 'The session is closed.'))
    this.#connection ??= this.#connect()
    return this.#connection
  }

  async #connect(): Promise<PostgresConnection> {
    const { target, name } = this.#config
    try {
      const connection = await PostgresConnection.open({ target, name: `${name} lease`, clock: this.#world.clock })
      void connection.closed.then(() => {
        this.#connection = undefined
      })
      return connection
    } catch (error) {
      this.#connection = undefined
      throw error
    }
  }

  #arm(name: string, everyMs: Ms, jitter: number, run: () => Promise<void>): void {
    const swing = (this.#world.random.next() * 2 - 1) * jitter
    this.#again(name, everyMs * (1 + swing), everyMs, jitter, run)
  }

  #again(name: string, inMs: Ms, everyMs: Ms, jitter: number, run: () => Promise<void>): void {
    if (this.#over) return
    const ring = async (): Promise<void> => {
      const done = await this.#attempt(run)
      if (done) this.#arm(name, everyMs, jitter, run)
      else this.#again(name, Math.min(AGAIN, everyMs), everyMs, jitter, run)
    }
    this.#chores.set(
      name,
      this.#world.clock.timer(inMs, () => void ring()),
    )
  }

  /** False: the server did not let us; nobody has to be told, the next turn tries again. */
  async #attempt(run: () => Promise<void>): Promise<boolean> {
    try {
      await run()
      return true
    } catch (error) {
      if (error instanceof PostgresError) return !error.ends && error.trouble !== 'CONFLICT'
      throw error
    }
  }
}
