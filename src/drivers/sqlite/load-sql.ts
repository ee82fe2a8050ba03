import { readFileSync } from 'node:fs'

/** Reads statements from `.sql` files, one per verb: `loadSql(new URL('./sql/', import.meta.url), ['claim'])`. */
export function loadSql<Name extends string>(folder: URL, names: readonly Name[]): Readonly<Record<Name, string>> {
  const texts: Partial<Record<Name, string>> = {}
  for (const name of names) texts[name] = readFileSync(new URL(`${name}.sql`, folder), 'utf8')
  // Every name was just given its text.
  return texts as Record<Name, string>
}
