import { loadSql, type Sql } from '../../drivers/postgres/load-sql.js'
import type { Schema } from '../../drivers/postgres/migrate.js'

const FOLDER = new URL('./sql/', import.meta.url)

const VERBS = [
  'add-parts',
  'add-revocations',
  'add-to-chord',
  'announce',
  'arrived-parts',
  'chord',
  'claim-quiet',
  'close-chord',
  'cut-revocations',
  'expire-chords',
  'expire-groups',
  'expire-results',
  'fetch',
  'fetch-group',
  'find-ids',
  'forget',
  'forget-group',
  'forget-orphans',
  'heads',
  'open-chord',
  'renew-chord',
  'revocations-after',
  'save-group',
  'size-chord',
  'store',
] as const

const STEPS = ['schema-1', 'schema-2', 'schema-3', 'schema-4'] as const

/** Each verb in `sql/`. */
export type Statements = Readonly<Record<(typeof VERBS)[number], Sql>>

export function loadStatements(schema: string): Statements {
  return loadSql(FOLDER, VERBS, schema)
}

export function resultSchema(schema: string): Schema {
  const steps = loadSql(FOLDER, STEPS, schema)
  return { name: schema, component: 'results', steps: STEPS.map(step => steps[step]) }
}

/** Where writers tell whoever watches. */
export function resultChannel(schema: string): string {
  return `${schema}_results`
}
