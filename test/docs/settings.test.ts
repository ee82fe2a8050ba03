import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Setting } from '../../src/app/setting-types.js'
import { SETTINGS } from '../../src/app/settings-table.js'
import { readPage } from '../support/docs/samples.js'
import { settingsPage, unreadSettings } from '../support/docs/settings-page.js'

test('the page of settings is what the table says', () => {
  const stale = 'docs/reference/settings.md is not what the table says: node scripts/reference.mjs'
  assert.ok(readPage('docs/reference/settings.md') === settingsPage(), stale)
})

test('every setting has a row of its own', () => {
  const page = readPage('docs/reference/settings.md')
  for (const name of Object.keys(SETTINGS)) {
    assert.equal(page.split(`\n| \`${name}\` |`).length, 2, name)
  }
})

test('a setting that no code names is said to have no effect', () => {
  const table: Readonly<Record<string, Setting>> = SETTINGS
  const silent = unreadSettings().filter(name => table[name]?.idle !== true && table[name]?.later !== true)
  assert.deepEqual(silent, [])
})
