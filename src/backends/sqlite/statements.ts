import { loadSql } from '../../drivers/sqlite/load-sql.js'

const FOLDER = new URL('./sql/', import.meta.url)

const VERBS = [
  'add-chord',
  'add-part',
  'changes-since',
  'chord',
  'close-chord',
  'count-part',
  'cut-changes',
  'expired-chords',
  'expired-results',
  'fetch',
  'fetch-foreign-group',
  'fetch-group',
  'forget-chord',
  'forget-expired-groups',
  'forget-expired-row',
  'forget-foreign-group',
  'forget-group',
  'forget-orphans',
  'forget-parts',
  'forget-row',
  'forget-side',
  'head',
  'keep-chord',
  'newest-change',
  'oldest-change',
  'parts',
  'replace-part',
  'replace-part-by-task',
  'save-group',
  'set-chord-size',
  'store-row',
  'store-side',
] as const

/** The text of each verb in `sql/`. */
export type Statements = Readonly<Record<(typeof VERBS)[number], string>>

export function loadStatements(): Statements {
  return loadSql(FOLDER, VERBS)
}

/** Steps from one version of the tables to the next, oldest first. */
export function loadSchemaSteps(): readonly string[] {
  const schema = loadSql(FOLDER, ['schema-1'])
  return [schema['schema-1']]
}
