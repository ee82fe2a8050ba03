import type { Row } from '../../drivers/postgres/connection.js'
import { KeptConnection } from '../../drivers/postgres/kept-connection.js'
import { loadSql, type Sql } from '../../drivers/postgres/load-sql.js'
import type { Schema } from '../../drivers/postgres/migrate.js'
import { PostgresError } from '../../drivers/postgres/postgres-error.js'
import type { PostgresTarget } from '../../drivers/postgres/postgres-url.js'
import { tryAgain } from '../../drivers/postgres/try-again.js'
import type { Runtime } from '../../lib/runtime.js'
import type { Ms } from '../../lib/time.js'
import type { BeatChanges, BeatRecord, BeatStore, Leader, Leadership } from '../beat-store.js'
import { BeatStoreError } from '../errors.js'

export interface PostgresBeatStoreOptions {
  readonly target: PostgresTarget
  readonly schema: string
  readonly runtime: Runtime
}

const FOLDER = new URL('./sql/', import.meta.url)
const VERBS = ['changes', 'lead', 'leader', 'resign', 'write'] as const

/** What beats share, in two tables of a PostgreSQL database; one connection, made when it is first needed and anew when it was lost. */
export class PostgresBeatStore implements BeatStore {
  readonly url: string
  readonly #runtime: Runtime
  readonly #sql: Readonly<Record<(typeof VERBS)[number], Sql>>
  readonly #closing = new AbortController()
  readonly #connection: KeptConnection

  constructor({ target, schema, runtime }: PostgresBeatStoreOptions) {
    this.url = target.shown
    this.#runtime = runtime
    this.#sql = loadSql(FOLDER, VERBS, schema)
    const name = `lovage beat ${runtime.host.pid}@${runtime.host.name}`
    this.#connection = new KeptConnection({ target, name, clock: runtime.clock }, beatSchema(schema))
  }

  async lead(holder: string, ttl: Ms): Promise<Leadership> {
    for (;;) {
      const [row] = await this.#ask(this.#sql.lead, [holder, ttl])
      if (row !== undefined) return { kind: 'leading', term: Number(row[0]) }
      const current = await this.leader()
      if (current !== undefined) return { kind: 'following', leader: current.holder, left: current.left }
    }
  }

  async resign(holder: string): Promise<void> {
    await this.#ask(this.#sql.resign, [holder])
  }

  async leader(): Promise<Leader | undefined> {
    const [row] = await this.#ask(this.#sql.leader, [])
    return row === undefined ? undefined : { holder: String(row[0]), term: Number(row[1]), left: Number(row[2]) }
  }

  async changes(cursor: number): Promise<BeatChanges> {
    const rows = await this.#ask(this.#sql.changes, [cursor])
    const records = rows.flatMap(([, key, value]) =>
      typeof key === 'string' ? [{ key, value: typeof value === 'string' ? value : undefined }] : [],
    )
    return { cursor: Number(rows[0]?.[0] ?? cursor), records }
  }

  async write(records: readonly BeatRecord[], term?: number): Promise<'written' | 'fenced'> {
    const json = JSON.stringify(records.map(({ key, value }) => ({ key, value: value ?? null })))
    const [row] = await this.#ask(this.#sql.write, [json, term ?? null])
    return row?.[0] === 1 ? 'written' : 'fenced'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#connection[Symbol.asyncDispose]()
  }

  async #ask(sql: Sql, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return await tryAgain(this.#runtime, this.#closing.signal, () => this.#connection.query(sql, values))
    } catch (error) {
      if (!(error instanceof PostgresError)) throw error
      const message = `The schedule at ${this.url}: ${error.message} ${error.remedy}`
      throw new BeatStoreError(error.code, message, { cause: error, transient: error.transient })
    }
  }
}

function beatSchema(schema: string): Schema {
  const steps = loadSql(FOLDER, ['schema-1'], schema)
  return { name: schema, component: 'beat', steps: [steps['schema-1']] }
}
