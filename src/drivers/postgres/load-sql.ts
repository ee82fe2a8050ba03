import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfigError } from '../../lib/errors.js'

/** A statement. Its name says its text, so two of one name are the same wherever they were prepared. */
export interface Sql {
  readonly name: string
  readonly text: string
}

/**
 * Reads statements from `.sql` files, one per verb. Where they say `lovage.` stands the schema that the settings name.
 */
export function loadSql<Name extends string>(
  folder: URL,
  names: readonly Name[],
  schema: string,
): Readonly<Record<Name, Sql>> {
  const quoted = quoteSchema(schema)
  const texts: Partial<Record<Name, Sql>> = {}
  for (const name of names) {
    const text = readFileSync(new URL(`${name}.sql`, folder), 'utf8').replace(/\blovage\./g, `${quoted}.`)
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
    texts[name] = { name: `lovage_${digest}`, text }
  }
  // Every name was just given its text.
  return texts as Record<Name, Sql>
}

/** The one place where an identifier from outside becomes SQL (S36). Throws `ConfigError` `LVG_BAD_SETTING`. */
export function quoteSchema(schema: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return `"${schema}"`
  throw new ConfigError(
    'LVG_BAD_SETTING',
    `The schema '${schema.slice(0, 80)}' (postgresSchema) must be a-z, 0-9 and _, at most 63 of them, and not begin with a digit.`,
  )
}
