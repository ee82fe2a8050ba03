import { type ConnectionOptions, PostgresConnection, type Row } from './connection.js'
import type { Sql } from './load-sql.js'
import { migrate, type Schema } from './migrate.js'

/** One connection to a database, made when it is first needed and anew when it was lost; tables of ours that it finds there are brought up to date. */
export class KeptConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions
  readonly #schema: Schema | undefined
  #connection: Promise<PostgresConnection> | undefined

  constructor(options: ConnectionOptions, schema?: Schema) {
    this.#options = options
    this.#schema = schema
  }

  /** Rejects with `PostgresError`, and `ConfigError` for tables of a newer Lovage. */
  async query(sql: Sql, values: readonly unknown[]): Promise<readonly Row[]> {
    this.#connection ??= this.#connect()
    return await (await this.#connection).query(sql, values)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined)
    await connection?.[Symbol.asyncDispose]()
  }

  async #connect(): Promise<PostgresConnection> {
    try {
      const connection = await PostgresConnection.open(this.#options)
      const schema = this.#schema
      if (schema !== undefined) {
        await migrate(connection, schema).catch(async error => {
          await connection[Symbol.asyncDispose]()
          throw error
        })
      }
      void connection.closed.then(() => {
        this.#connection = undefined
      })
      return connection
    } catch (error) {
      this.#connection = undefined
      throw error
    }
  }
}
