import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { repositoryRoot } from '../support/repository.js'

const FILE = `
import { describe, test } from 'node:test'
test('alone', () => {})
describe('first', () => {
  test('asked for', async t => {
    await t.test('asked for within', () => {})
  })
  test('left', async t => {
    await t.test('asked for, but never reached', () => {})
  })
  describe('inner', () => test('left too', () => {}))
})
describe('second', () => test('left as well', () => {}))
`

test('of tests that a pattern leaves out the text says nothing, and neither does the record', () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'some.test.mjs')
  const record = join(folder.path, 'record')
  writeFileSync(file, FILE)
  const reporter = `${pathToFileURL(join(repositoryRoot(), 'scripts/testing/test-reporter.mjs'))}?record=${encodeURIComponent(record)}`
  const words = [`--test-reporter=${reporter}`, '--test-reporter-destination=stdout', '--test-name-pattern=asked for']
  const { NODE_TEST_CONTEXT: _, ...env } = process.env

  const run = spawnSync(process.execPath, [...words, file], { encoding: 'utf8', env })

  assert.equal(run.status, 0, run.stderr)
  assert.match(run.stdout, /✔ asked for within/)
  assert.doesNotMatch(run.stdout, /alone|left|never/)
  const kinds = readFileSync(record, 'utf8').trim().split('\n')
  assert.equal(kinds.filter(line => line.includes('"kind":"skip"')).length, 0)
})
