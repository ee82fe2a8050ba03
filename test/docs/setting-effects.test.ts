import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Setting } from '../../src/app/setting-types.js'
import { SETTINGS } from '../../src/app/settings-table.js'
import { repositoryRoot } from '../support/repository.js'

/** Sources that could make a setting matter: everything but the table itself and tests. */
function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map(entry => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sources(path)
      const counts =
        entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') && entry.name !== 'settings-table.ts'
      return counts ? readFileSync(path, 'utf8') : ''
    })
    .join('\n')
}

test('every setting is read somewhere, or says that it has no effect', () => {
  const code = sources(join(repositoryRoot(), 'src'))
  const rows: readonly [string, Setting][] = Object.entries(SETTINGS)
  const silent = rows.filter(([name, row]) => !row.idle && !row.later && !new RegExp(`\\b${name}\\b`).test(code))
  assert.deepEqual(
    silent.map(([name]) => name),
    [],
  )
  const liars = rows.filter(([name, row]) => row.later && new RegExp(`settings\\.${name}\\b`).test(code))
  assert.deepEqual(
    liars.map(([name]) => name),
    [],
    'these are read: they have an effect',
  )
})
