import { ConfigError } from '../../lib/errors.js'
import type { PostgresConnection } from './connection.js'
import { loadSql, quoteSchema, type Sql } from './load-sql.js'

export interface Schema {
  readonly name: string
  /** Which tables: several stores may share a schema, each with a version of its own. */
  readonly component: string
  /** `steps[n]` leads from version n to n + 1. Steps are only ever added. */
  readonly steps: readonly Sql[]
}

const FOLDER = new URL('./sql/', import.meta.url)

/**
 * Brings a component's tables to the newest version this Lovage knows. Safe to run by many processes at once: an advisory
 * lock lets one do it. Nothing is written when nothing is to be done, so a role without the right to create tables will
 * do. Throws `ConfigError` `LVG_POSTGRES_SCHEMA_TOO_NEW` when a newer Lovage has been here (M40).
 */
export async function migrate(connection: PostgresConnection, schema: Schema): Promise<void> {
  const sql = loadSql(FOLDER, ['has-versions', 'version'], schema.name)
  const known = schema.steps.length
  const found = await versionOf(connection, schema, sql)
  if (found === known) return
  if (found > known) throw tooNew(connection, schema, found)
  await connection.script(script(schema))
  const reached = await versionOf(connection, schema, sql)
  if (reached !== known) throw tooNew(connection, schema, reached)
}

async function versionOf(
  connection: PostgresConnection,
  schema: Schema,
  sql: Readonly<Record<'has-versions' | 'version', Sql>>,
): Promise<number> {
  const [has] = await connection.query(sql['has-versions'], [quoteSchema(schema.name)])
  if (has?.[0] !== true) return 0
  const [row] = await connection.query(sql.version, [schema.component])
  return row === undefined ? 0 : Number(row[0])
}

/**
 * Every step is guarded by the version as it is found under the lock, so what another process did meanwhile is not done
 * again. The steps are our own text, the names are checked; `$lovage$` is in neither.
 */
function script(schema: Schema): string {
  const name = quoteSchema(schema.name)
  const component = `'${schema.component}'`
  const steps = schema.steps.map(
    (step, version) => `
  IF coalesce((SELECT version FROM ${name}.schema_version WHERE component = ${component}), 0) = ${version} THEN
    EXECUTE $lovage$${step.text}$lovage$;
    INSERT INTO ${name}.schema_version VALUES (${component}, ${version + 1})
      ON CONFLICT (component) DO UPDATE SET version = excluded.version;
  END IF;`,
  )
  return `DO $do$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('lovage.migrate'), hashtext('${schema.name}'));
  IF to_regnamespace('${name}') IS NULL THEN CREATE SCHEMA ${name}; END IF;
  CREATE TABLE IF NOT EXISTS ${name}.schema_version (component text PRIMARY KEY, version integer NOT NULL);
${steps.join('')}
END $do$`
}

function tooNew(connection: PostgresConnection, schema: Schema, found: number): ConfigError {
  return new ConfigError(
    'LVG_POSTGRES_SCHEMA_TOO_NEW',
    `${connection.target.shown} was written by a newer Lovage: its ${schema.component} tables in schema ${schema.name} ` +
      `have version ${found}, this Lovage knows versions up to ${schema.steps.length}. Use a Lovage that knows version ` +
      `${found}, or another schema (postgresSchema).`,
  )
}
