import { loadSql } from '../../drivers/sqlite/load-sql.js'

const FOLDER = new URL('./sql/', import.meta.url)

const VERBS = [
  'ack',
  'ack-many',
  'add-consumers',
  'add-holder',
  'begin',
  'bindings',
  'claim',
  'consumed-queues',
  'count-consumers',
  'count-current',
  'count-delayed',
  'count-held',
  'count-ready',
  'declare-binding',
  'declare-exchange',
  'declare-queue',
  'delete-bindings',
  'delete-consumers',
  'delete-queue',
  'deserted-queue',
  'drop-limit',
  'drop-stale',
  'end-boot-delays',
  'exchanges',
  'forget-consumers',
  'forget-limits',
  'forget-publishes',
  'holders',
  'is-current',
  'is-holder',
  'is-ready',
  'is-stale',
  'limit',
  'new-boot',
  'next-delayed',
  'next-due',
  'next-generation',
  'next-ready',
  'orphaned-queues',
  'purge-delayed',
  'purge-held',
  'purge-ready',
  'push',
  'queues',
  'queues-with-ttl',
  'raise-topology',
  'release-held',
  'remember-publish',
  'remove-holder',
  'renew',
  'requeue',
  'set-limit',
  'ripen',
  'store',
  'take-claims',
  'touch-holder',
  'undelay-held',
  'weigh',
] as const

/** The text of each verb in `sql/`. */
export type Statements = Readonly<Record<(typeof VERBS)[number], string>>

export function loadStatements(): Statements {
  return loadSql(FOLDER, VERBS)
}

/** Steps from one version of the tables to the next, oldest first. */
export function loadSchemaSteps(): readonly string[] {
  const schema = loadSql(FOLDER, ['schema-1', 'schema-2'])
  return [schema['schema-1'], schema['schema-2']]
}
