import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { locateApp, usualApp } from './locate-app.js'

const folder = mkdtempSync(join(tmpdir(), 'lovage-locate-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(...path: string[]): string {
  const full = join(folder, ...path)
  mkdirSync(join(full, '..'), { recursive: true })
  writeFileSync(full, '')
  return full
}

test('a file is found with and without its extension, and under the .js name its importers use', () => {
  const tasks = file('a', 'tasks.ts')
  for (const wanted of ['a/tasks.ts', './a/tasks', 'a/tasks.js', tasks]) {
    assert.deepEqual(locateApp(wanted, folder), { file: tasks, exportName: undefined }, wanted)
  }
})

test('module:name names an export', () => {
  const tasks = file('b', 'tasks.mjs')
  assert.deepEqual(locateApp('b/tasks.mjs:shop', folder), { file: tasks, exportName: 'shop' })
})

test('in a folder app comes before tasks before index, TypeScript before JavaScript', () => {
  const index = file('c', 'index.js')
  assert.equal(locateApp('c', folder).file, index)
  const tasks = file('c', 'tasks.js')
  assert.equal(locateApp('c', folder).file, tasks)
  const app = file('c', 'app.ts')
  file('c', 'app.js')
  assert.equal(locateApp('c', folder).file, app)
})

test('what is missing is named, with what was looked for and how to say it', () => {
  assert.throws(() => locateApp('nowhere', folder), {
    code: 'LVG_APP_NOT_FOUND',
    message: /No app module at .*nowhere .*-A/,
  })
})

test('without a word, app and tasks are tried', () => {
  assert.equal(usualApp(join(folder, 'nowhere')), undefined)
  const tasks = file('d', 'tasks.ts')
  assert.deepEqual(usualApp(join(folder, 'd')), { file: tasks, exportName: undefined })
})
