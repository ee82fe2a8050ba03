import { randomBytes } from 'node:crypto'
import pg from 'pg'

/*
 * The PostgreSQL server that tests may use: `LOVAGE_TEST_POSTGRES`, by default the one on this machine. Every suite makes
 * a database of its own there. For what the shared server must not suffer (restart, passwords, TLS) see
 * postgres-cluster.ts.
 */

const SERVER = process.env['LOVAGE_TEST_POSTGRES'] ?? 'postgres://root@127.0.0.1:5432/postgres'

/** Give it to `test` as options: where there is no server, the test is skipped under a name that says so. */
export const needsPostgres: { readonly skip?: string } = await options()

async function options(): Promise<{ readonly skip?: string }> {
  try {
    await onServer('SELECT 1')
    return {}
  } catch (error) {
    return { skip: `no PostgreSQL at ${SERVER}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

export type Row = Readonly<Record<string, unknown>>

/** An empty database, dropped when disposed, whoever is connected to it. It costs a second: one per suite, a schema per test. */
export class ScratchDatabase implements AsyncDisposable {
  readonly name: string

  private constructor(name: string) {
    this.name = name
  }

  static async create(): Promise<ScratchDatabase> {
    const database = new ScratchDatabase(`lovage_test_${process.pid}_${randomBytes(4).toString('hex')}`)
    await onServer(`CREATE DATABASE ${database.name}`)
    return database
  }

  /** `scheme` as in `postgres`, `db+postgresql`. */
  url(scheme = 'postgres', query = ''): string {
    const url = new URL(SERVER)
    return `${scheme}://${url.username}${url.password === '' ? '' : `:${url.password}`}@${url.host}/${this.name}${query}`
  }

  /** On a connection of its own, closed afterwards. */
  query(sql: string, ...params: readonly unknown[]): Promise<readonly Row[]> {
    return queryOn(this.url(), sql, params)
  }

  /** A connection as users have it; the caller ends it. */
  async client(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url() })
    // Dropping the database ends connections that a failed test left behind.
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await onServer(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`)
  }
}

/** Runs one statement on a connection of its own. */
export async function queryOn(url: string, sql: string, params: readonly unknown[] = []): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql, [...params])).rows
  } finally {
    await client.end()
  }
}

function onServer(sql: string): Promise<readonly Row[]> {
  return queryOn(SERVER, sql)
}
