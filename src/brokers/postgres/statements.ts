import type { Row } from '../../drivers/postgres/connection.js'
import { loadSql, type Sql } from '../../drivers/postgres/load-sql.js'
import type { Schema } from '../../drivers/postgres/migrate.js'

const FOLDER = new URL('./sql/', import.meta.url)

const VERBS = [
  'ack',
  'claim',
  'claim-delayed',
  'current',
  'declare',
  'drop-deserted',
  'drop-stale',
  'enter',
  'forget-limits',
  'forget-publishes',
  'has-store',
  'leave',
  'oldest-transaction',
  'purge',
  'push',
  'renew',
  'ripen',
  'serve',
  'settle',
  'stats',
  'store',
  'sweep',
  'take-turns',
  'topology',
  'weigh',
] as const

const STEPS = ['schema-1', 'schema-2', 'schema-3', 'schema-4', 'schema-5'] as const

/** Each verb in `sql/`. */
export type Statements = Readonly<Record<(typeof VERBS)[number], Sql>>

/** Runs one over the connection of a session; again, when it lost against other transactions. */
export type Ask = (sql: Sql, params?: readonly unknown[]) => Promise<readonly Row[]>

export function loadStatements(schema: string): Statements {
  return loadSql(FOLDER, VERBS, schema)
}

export function brokerSchema(schema: string): Schema {
  const steps = loadSql(FOLDER, STEPS, schema)
  return { name: schema, component: 'broker', steps: STEPS.map(step => steps[step]) }
}

/** Where sessions tell each other that a queue has something. Channels belong to a database, so each schema has its own. */
export function wakeChannel(schema: string): string {
  return schema
}
