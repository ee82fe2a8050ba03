import { KeptConnection } from '../../../drivers/postgres/kept-connection.js'
import { loadSql, type Sql } from '../../../drivers/postgres/load-sql.js'
import { PostgresError } from '../../../drivers/postgres/postgres-error.js'
import type { PostgresTarget } from '../../../drivers/postgres/postgres-url.js'
import type { Runtime } from '../../../lib/runtime.js'
import type {
  DjangoClockedRow,
  DjangoCrontabRow,
  DjangoIntervalRow,
  DjangoSolarRow,
  DjangoTables,
  DjangoTaskRow,
} from '../../../schedules/django-rows.js'
import { BeatStoreError } from '../../errors.js'
import type { DjangoDatabase, DjangoRun } from '../django-database.js'

export interface PostgresDjangoOptions {
  readonly target: PostgresTarget
  readonly runtime: Runtime
}

const FOLDER = new URL('./sql/', import.meta.url)
const VERBS = ['last-update', 'tasks', 'intervals', 'crontabs', 'solars', 'clocked', 'record'] as const
type Verb = (typeof VERBS)[number]

/** Columns in the order of the statements beside. */
const COLUMNS = {
  tasks: [
    ...(['name', 'task', 'interval_id', 'crontab_id', 'solar_id', 'clocked_id', 'args', 'kwargs', 'headers'] as const),
    ...(['queue', 'exchange', 'routing_key', 'priority', 'expires', 'expire_seconds', 'one_off'] as const),
    ...(['start_time', 'enabled', 'last_run_at', 'total_run_count', 'date_changed'] as const),
  ] satisfies (keyof DjangoTaskRow)[],
  intervals: ['id', 'every', 'period'] satisfies (keyof DjangoIntervalRow)[],
  crontabs: [
    ...(['id', 'minute', 'hour', 'day_of_week', 'day_of_month', 'month_of_year', 'timezone'] as const),
  ] satisfies (keyof DjangoCrontabRow)[],
  solars: ['id', 'event', 'latitude', 'longitude'] satisfies (keyof DjangoSolarRow)[],
  clocked: ['id', 'clocked_time'] satisfies (keyof DjangoClockedRow)[],
} as const

/** One connection, made when it is first needed and anew when it was lost. */
export class PostgresDjangoDatabase implements DjangoDatabase {
  readonly url: string
  readonly #sql: Readonly<Record<Verb, Sql>>
  readonly #connection: KeptConnection

  constructor({ target, runtime }: PostgresDjangoOptions) {
    this.url = target.shown
    // They name no schema: the tables are found as Django finds them.
    this.#sql = loadSql(FOLDER, VERBS, 'public')
    const name = `lovage beat ${runtime.host.pid}@${runtime.host.name}`
    this.#connection = new KeptConnection({ target, name, clock: runtime.clock })
  }

  async lastUpdate(): Promise<string | undefined> {
    const [row] = await this.#ask('last-update')
    return typeof row?.[0] === 'string' ? row[0] : undefined
  }

  async tables(): Promise<DjangoTables> {
    const [tasks, intervals, crontabs, solars, clocked] = await Promise.all([
      this.#table<DjangoTaskRow>('tasks'),
      this.#table<DjangoIntervalRow>('intervals'),
      this.#table<DjangoCrontabRow>('crontabs'),
      this.#table<DjangoSolarRow>('solars'),
      this.#table<DjangoClockedRow>('clocked'),
    ])
    return { tasks, intervals, crontabs, solars, clocked }
  }

  async record(runs: readonly DjangoRun[]): Promise<void> {
    await this.#ask('record', [JSON.stringify(runs)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }

  async #table<R>(verb: keyof typeof COLUMNS): Promise<readonly R[]> {
    const columns = COLUMNS[verb]
    const rows = await this.#ask(verb)
    // The columns are those of the statement, whose types the tables have.
    return rows.map(row => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])) as R)
  }

  async #ask(verb: Verb, values: readonly unknown[] = []): Promise<readonly (readonly unknown[])[]> {
    try {
      return await this.#connection.query(this.#sql[verb], values)
    } catch (error) {
      if (!(error instanceof PostgresError)) throw error
      const message = `The tables of django-celery-beat at ${this.url}: ${error.message} ${error.remedy}`
      throw new BeatStoreError(error.code, message, { cause: error, transient: error.transient })
    }
  }
}
