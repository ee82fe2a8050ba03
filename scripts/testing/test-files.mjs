import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fail, root } from '../set-up.mjs'
import { knownTimes } from './test-times.mjs'

/** Files nobody has timed yet start before those known to be quick. */
const UNKNOWN_SECONDS = 20

/**
 * Every test file whose path contains one of the filters, as paths of sources, the longest first: the last to end
 * should be a short one. Leftovers of deleted sources in build/ do not run.
 */
export function testFiles(filters) {
  const sources = ['src', 'test'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.test.ts') && !path.endsWith('.types.test.ts'))
      .map(path => join(folder, path)),
  )
  const chosen = sources.filter(path => filters.length === 0 || filters.some(filter => path.includes(filter)))
  if (chosen.length === 0) fail(`no test file matches ${filters.join(' ')}`)
  const times = knownTimes()
  const seconds = path => times.get(path) ?? UNKNOWN_SECONDS
  return chosen.sort((a, b) => seconds(b) - seconds(a) || (a < b ? -1 : 1))
}
