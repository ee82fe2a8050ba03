import type * as pg from 'pg'
import { type Deferred, deferred } from '../../lib/deferred.js'
import { endOfTurn } from '../../lib/node-turn.js'
import type { Clock } from '../../lib/runtime.js'
import type { Ms, SteadyMs } from '../../lib/time.js'
import { optionalPackage } from '../../protocol/optional-package.js'
import type { Sql } from './load-sql.js'
import { PostgresError, postgresError } from './postgres-error.js'
import { isLocal, type PostgresTarget, tlsOptions } from './postgres-url.js'

export interface ConnectionOptions {
  readonly target: PostgresTarget
  /** Shown in pg_stat_activity. */
  readonly name: string
  readonly clock: Clock
  /** A statement that is not answered within this ends the connection (D86). Default 10 s. */
  readonly answerMs?: Ms
}

/** The columns of a row in the order of the SELECT: int8 as number, bytea as Buffer, the rest as text, number, boolean. */
export type Row = readonly unknown[]

/** A statement of a transaction. */
export interface Step {
  readonly sql: Sql
  readonly values: readonly unknown[]
}

const ANSWER_MS: Ms = 10_000

/** How long a thread that was busy may take to read what has come meanwhile. */
const LAST_CALL: Ms = 250

/** The server has other statements under that name, or none: a pooler gives each transaction another session. */
const UNPREPARED: ReadonlySet<string> = new Set(['26000', '42P05'])

/** Of one statement, where a pooler keeps none. */
const UNNAMED_TRIES = 5

/** What the library has beside what its types say. */
type Client = pg.Client & { ref(): void; unref(): void }

const INT8 = 20
const BYTEA = 17

/**
 * One connection to a PostgreSQL server. It does not heal itself: once lost it settles `closed`, and every statement
 * rejects with `PostgresError` `LOST`.
 *
 * Statements are sent as they come, without waiting for the answers of earlier ones; each is a transaction of its own.
 * They are prepared under names that say their text; behind a pooler that cannot keep them, unnamed ones are used from
 * the first refusal on, one after another: such a pooler may go over to another session of the server as soon as one is
 * answered, with the rest of the next, and there execute what another client has prepared last. An idle connection does not
 * keep the process alive.
 */
export class PostgresConnection implements AsyncDisposable {
  readonly target: PostgresTarget
  readonly #client: Client
  readonly #clock: Clock
  readonly #answerMs: Ms
  readonly #closed = deferred<PostgresError | undefined>()
  #onNotice: ((channel: string, payload: string) => void) | undefined
  #prepares = true
  /** Those that go one after another: settles when the last of them has. Never rejects. */
  #queue: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #quiet: Deferred<void> | undefined
  #heardAt: SteadyMs = 0
  #deadline: Disposable | undefined
  #end: 'open' | 'closing' | 'ended' = 'open'
  #fault: PostgresError | undefined

  private constructor(client: Client, options: ConnectionOptions) {
    this.target = options.target
    this.#client = client
    this.#clock = options.clock
    this.#answerMs = options.answerMs ?? ANSWER_MS
    client.on('error', error => this.#lose(postgresError(error, 'working')))
    client.on('end', () => this.#ended())
    client.on('notification', ({ channel, payload }) => this.#onNotice?.(channel, payload ?? ''))
    client.unref()
  }

  /** Rejects with `PostgresError`, within the target's connect timeout; `ConfigError` without the package `pg`. */
  static async open(options: ConnectionOptions, signal?: AbortSignal): Promise<PostgresConnection> {
    signal?.throwIfAborted()
    const { target } = options
    const tls = tlsOptions(target)
    const client = await connected(options, tls, signal).catch(error => {
      // A server without TLS: `prefer` goes on without, everything stronger never does (S41).
      if (target.sslMode !== 'prefer' || !(error instanceof PostgresError) || !isRefusedTls(error)) throw error
      return connected(options, undefined, signal)
    })
    return new PostgresConnection(client, options)
  }

  /** Settles once, never rejects: undefined when we closed it. */
  get closed(): Promise<PostgresError | undefined> {
    return this.#closed.promise
  }

  /** Hears what other sessions notify, once this one listens. */
  onNotice(hear: (channel: string, payload: string) => void): void {
    this.#onNotice = hear
  }

  /** Rejects with `PostgresError`. */
  async query(sql: Sql, values: readonly unknown[] = []): Promise<readonly Row[]> {
    if (!this.#prepares) {
      return await this.#unnamed(() => this.#ask({ text: sql.text, values: [...values], rowMode: 'array' }))
    }
    try {
      return await this.#ask({ name: sql.name, text: sql.text, values: [...values], rowMode: 'array' })
    } catch (error) {
      if (!isUnprepared(error)) throw error
      // Nothing of it ran: the server has not found the statement.
      this.#prepares = false
      return await this.query(sql, values)
    }
  }

  /**
   * All of them in one transaction, on their way at once: none can be decided by the answer to another. Each sees what
   * others have committed before it, and waits for the locks it wants. Rejects with the first error; then nothing happened.
   */
  async transaction(steps: readonly Step[]): Promise<readonly (readonly Row[])[]> {
    if (!this.#prepares) return await this.#unnamed(() => this.#transaction(steps, false))
    try {
      return await this.#transaction(steps, true)
    } catch (error) {
      if (!isUnprepared(error)) throw error
      this.#prepares = false
      return await this.transaction(steps)
    }
  }

  async #transaction(steps: readonly Step[], named: boolean): Promise<readonly (readonly Row[])[]> {
    const ask = ({ sql, values }: Step): Promise<readonly Row[]> => {
      const query = { text: sql.text, values: [...values], rowMode: 'array' } as const
      return this.#ask(named ? { ...query, name: sql.name } : query)
    }
    const answers = [this.#ask({ text: 'BEGIN', rowMode: 'array' }), ...steps.map(ask)]
    const committed = this.#ask({ text: 'COMMIT', rowMode: 'array' })
    const settled = await Promise.allSettled([...answers, committed])
    const failed = settled.find(each => each.status === 'rejected')
    if (failed === undefined) {
      return settled.slice(1, -1).map(each => (each as PromiseFulfilledResult<readonly Row[]>).value)
    }
    throw failed.reason
  }

  /** Several statements without parameters, in one transaction unless they say otherwise. */
  async script(text: string): Promise<void> {
    const run = (): Promise<unknown> => this.#ask({ text, rowMode: 'array' })
    await (this.#prepares ? run() : this.#alone(run))
  }

  /** Poolers have been seen to lose one of these, too, between its parsing and its execution: then nothing of it has run. */
  async #unnamed<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#alone(work)
      } catch (error) {
        if (!isUnprepared(error) || tries >= UNNAMED_TRIES) throw error
      }
    }
  }

  /** Sends it when all that is under way has been answered, and nothing else before it is answered itself. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(async () => {
      // Those that were sent before it was known.
      if (this.#waiting > 0) {
        this.#quiet ??= deferred()
        await this.#quiet.promise
      }
      return await work()
    })
    this.#queue = done.catch(ignore)
    return done
  }

  /** The server, or the way to it, is of no use any more: everything under way is lost. */
  abandon(error: PostgresError): void {
    this.#lose(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end === 'open') {
      this.#end = 'closing'
      // Answers what is under way, then says goodbye; a server that does not answer is left at the deadline.
      const bye = this.#clock.timer(this.#answerMs, () => void this.#client.connection.stream.destroy())
      void this.#client.end().catch(() => undefined)
      await this.closed
      bye[Symbol.dispose]()
    }
    await this.closed
  }

  async #ask(query: pg.QueryArrayConfig<unknown[]> | { text: string; rowMode: 'array' }): Promise<readonly Row[]> {
    if (this.#end !== 'open') throw this.#fault ?? new PostgresError('LOST', 'The connection is closed.')
    this.#begin()
    try {
      const result = await this.#client.query(query)
      // A script answers with a list of results, of which nobody asks for rows.
      return (result as { readonly rows?: readonly Row[] }).rows ?? []
    } catch (cause) {
      const error = this.#fault ?? postgresError(cause, 'working')
      // Who asked hears the answer before everybody hears the end.
      if (error.ends) endOfTurn(() => this.#lose(error))
      throw error
    } finally {
      this.#answered()
    }
  }

  #begin(): void {
    this.#waiting++
    if (this.#waiting > 1) return
    this.#heardAt = this.#clock.steady()
    this.#client.ref()
    this.#deadline ??= this.#clock.timer(this.#answerMs, () => this.#look())
  }

  #answered(): void {
    this.#waiting--
    this.#heardAt = this.#clock.steady()
    if (this.#waiting > 0) return
    this.#quiet?.resolve()
    this.#quiet = undefined
    this.#client.unref()
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = undefined
  }

  /**
   * One timer for all that is under way: moved on by every answer when it rings. When it is over the answer may lie in the
   * socket, because this thread was busy itself: it gets a moment to be read.
   */
  #look(lastCall = false): void {
    this.#deadline = undefined
    const left = this.#heardAt + this.#answerMs - this.#clock.steady()
    if (left > 0) this.#deadline = this.#clock.timer(left, () => this.#look())
    else if (!lastCall) this.#deadline = this.#clock.timer(LAST_CALL, () => this.#look(true))
    else this.#lose(new PostgresError('LOST', `The server has not answered for ${this.#answerMs / 1000} s.`))
  }

  #lose(error: PostgresError): void {
    if (this.#fault !== undefined || this.#end === 'ended') return
    this.#fault = error
    this.#client.connection.stream.destroy()
    this.#ended()
  }

  #ended(): void {
    if (this.#end === 'ended') return
    const byUs = this.#end === 'closing' && this.#fault === undefined
    this.#end = 'ended'
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = undefined
    this.#fault ??= new PostgresError('LOST', byUs ? 'The connection is closed.' : 'The server ended the connection.')
    this.#closed.resolve(byUs ? undefined : this.#fault)
  }
}

function isUnprepared(error: unknown): boolean {
  return error instanceof PostgresError && UNPREPARED.has(error.sqlState ?? '')
}

async function connected(
  options: ConnectionOptions,
  ssl: ReturnType<typeof tlsOptions>,
  signal: AbortSignal | undefined,
): Promise<Client> {
  const { target, name } = options
  const { Client: pgClient } = optionalPackage('pg', 'PostgreSQL') as typeof pg
  const client = new pgClient({
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    // None in the URL: the library looks into ~/.pgpass, as libpq does.
    ...(target.password !== undefined && { password: target.password }),
    ssl: ssl ?? false,
    application_name: (target.applicationName ?? name).slice(0, 63),
    ...(target.options !== undefined && { options: target.options }),
    keepAlive: true,
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: target.connectMs,
    pipeline: true,
    types: { getTypeParser },
  }) as Client
  const abort = (): void => void client.connection.stream.destroy()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    // Errors after this one are the connection's.
    client.on('error', ignore)
    await client.connect()
    client.off('error', ignore)
    return client
  } catch (cause) {
    client.connection.stream.destroy()
    signal?.throwIfAborted()
    throw postgresError(cause, 'connecting')
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

const ignore = (): void => undefined

function isRefusedTls(error: PostgresError): boolean {
  return /does not support SSL/.test(error.message)
}

const asText = (text: string): unknown => text
const asBoolean = (text: string): unknown => text === 't'
const asBytes = (text: string): unknown => Buffer.from(text.slice(2), 'hex')

/** bool, bytea, int8, int2, int4, oid, float4, float8; everything else stays text. */
function getTypeParser(oid: number): (text: string) => unknown {
  switch (oid) {
    case 16:
      return asBoolean
    case BYTEA:
      return asBytes
    case INT8:
    case 21:
    case 23:
    case 26:
    case 700:
    case 701:
      return Number
    default:
      return asText
  }
}

/** What a person should know about how this target is reached; undefined: nothing (S40, S44). */
export function securityWarning(target: PostgresTarget): string | undefined {
  if (isLocal(target.host) || target.sslMode === 'verify-full') return undefined
  return (
    `The connection to ${target.shown} is made with sslmode=${target.sslMode}, which does not verify that the server is ` +
    'the one meant. Use sslmode=verify-full with sslrootcert.'
  )
}
