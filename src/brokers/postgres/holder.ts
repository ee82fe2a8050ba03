import type { PostgresConnection } from '../../drivers/postgres/connection.js'
import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import type { Log } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import { BrokerError } from '../errors.js'
import { type KeeperEvent, TRUSTED } from './keeper.js'
import type { Ask, Statements } from './statements.js'

export interface HolderParts {
  readonly connection: PostgresConnection
  readonly ask: Ask
  readonly sql: Statements
  readonly channel: string
  readonly log: Log
  /** Shown by `lovage` and in pg_stat_activity. */
  readonly name: string
  readonly leaseMs: Ms
  monotonic(): Ms
  /** Keeps the lease of a holder, which has just been entered. */
  keep(holder: number, trust: SharedArrayBuffer, onEvent: (event: KeeperEvent) => void): AsyncDisposable
  /** False once the end of the session is decided: nobody is to keep the lease any more. */
  lasts(): boolean
  /** A sweep of another session took its messages back (D23). */
  robbed(error: BrokerError): void
}

/** A session that holds messages: it is entered when its id is first needed, and from then on its lease is kept. */
export class Holder implements AsyncDisposable {
  readonly #parts: HolderParts
  readonly #trust = new SharedArrayBuffer(8)
  #id: Promise<number> | undefined
  #keeper: AsyncDisposable | undefined

  constructor(parts: HolderParts) {
    this.#parts = parts
  }

  /** Enters it where it is not yet. */
  id(): Promise<number> {
    this.#id ??= this.#enter()
    return this.#id
  }

  get kept(): boolean {
    return this.#keeper !== undefined
  }

  /** By the clock of `monotonic`: up to then its tokens are certainly its own (D25); 0: it holds none yet. */
  get trustedUntil(): Ms {
    return Number(Atomics.load(new BigInt64Array(this.#trust), 0))
  }

  /** What cannot be handed back now is handed back by the keeper, or comes back when the lease ends. */
  async leave(): Promise<void> {
    const { connection, sql, channel } = this.#parts
    try {
      const id = await this.#id
      if (id === undefined) return
      await connection.query(sql.leave, [id, channel])
      await connection.query(sql['drop-deserted'])
    } catch {}
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper?.[Symbol.asyncDispose]()
  }

  async #enter(): Promise<number> {
    const { ask, sql, name, leaseMs } = this.#parts
    const asked = this.#parts.monotonic()
    try {
      const [row] = await ask(sql.enter, [name, leaseMs])
      const id = Number(row?.[0])
      Atomics.store(new BigInt64Array(this.#trust), 0, BigInt(Math.floor(asked + leaseMs * TRUSTED)))
      if (this.#parts.lasts()) this.#keeper = this.#parts.keep(id, this.#trust, event => this.#hear(event))
      return id
    } catch (error) {
      this.#id = undefined
      throw error
    }
  }

  #hear(event: KeeperEvent): void {
    const { connection, log } = this.#parts
    switch (event.kind) {
      case 'robbed':
        this.#parts.robbed(this.#leaseLost())
        break
      case 'bloat':
        log.warning(bloatText(connection.target.shown, event))
        break
      case 'dead':
        connection.abandon(new PostgresError('LOST', `The thread that keeps the lease died: ${event.why}.`))
        break
      default:
        event satisfies never
    }
  }

  #leaseLost(): BrokerError {
    const { connection, leaseMs } = this.#parts
    const message =
      `The lease on ${connection.target.shown} ran out because it was not renewed for ${leaseMs} ms; ` +
      'its messages went back to their queues. Connect again.'
    return new BrokerError('LVG_LEASE_LOST', message, { transient: true })
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
