import { loadSql } from '../../drivers/sqlite/load-sql.js'

const FOLDER = new URL('./sql/', import.meta.url)

const VERBS = [
  'add-chord',
  'add-part',
  'add-revocation',
  'add-to-chord',
  'arrived-parts',
  'changes-since',
  'chord',
  'close-chord',
  'count-part',
  'cut-changes',
  'cut-revocations',
  'expired-chords',
  'expired-results',
  'fetch',
  'fetch-foreign-group',
  'fetch-group',
  'find-ids',
  'forget-added',
  'forget-chord',
  'forget-expired-groups',
  'forget-expired-row',
  'forget-foreign-group',
  'forget-group',
  'forget-orphans',
  'forget-parts',
  'forget-row',
  'forget-side',
  'grow-chord',
  'head',
  'hold-chord',
  'is-added',
  'keep-chord',
  'newest-change',
  'oldest-change',
  'parts',
  'quiet-chords',
  'replace-part',
  'replace-part-by-task',
  'revocations-after',
  'save-group',
  'set-chord-size',
  'store-row',
  'store-side',
] as const

const STEPS = ['schema-1', 'schema-2', 'schema-3', 'schema-4'] as const

/** The text of each verb in `sql/`. */
export type Statements = Readonly<Record<(typeof VERBS)[number], string>>

export function loadStatements(): Statements {
  return loadSql(FOLDER, VERBS)
}

/** Steps from one version of the tables to the next, oldest first. */
export function loadSchemaSteps(): readonly string[] {
  const schema = loadSql(FOLDER, STEPS)
  return STEPS.map(step => schema[step])
}
