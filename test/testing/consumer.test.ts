import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { buildPackage } from '../support/docs/built-package.js'

// Beside the compiled tests, so that the installed packages of the repository are found from there.
const BUILD = join(import.meta.dirname, '..', '..')

const TASKS = `
import { App } from 'lovage'
export const app = new App('shop', { brokerUrl: 'redis://cache.example:6379', resultBackend: 'redis://cache.example:6379' })
export const total = app.task('shop.total', prices => prices.reduce((sum, price) => sum + price, 0))
export const flaky = app.task('shop.flaky', () => { throw new Error('closed') }, { autoretryFor: [Error], maxRetries: 2, defaultRetryDelay: '1d' })
`

const WITH_RUNNER = `
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCluster } from 'lovage/testing'
import { app, flaky, total } from './tasks.js'

test('totals', async t => {
  const cluster = await testCluster({ app })
  t.after(() => cluster.close())
  const result = await total.delay([1, 2])
  assert.equal(await cluster.until(result.get()), 3)
  cluster.expect(total).toHaveSucceeded({ value: 3 })
})

test('retries', async t => {
  const cluster = await testCluster({ app })
  t.after(() => cluster.close())
  await flaky.delay()
  await cluster.drain()
  cluster.expect(flaky).toHaveRun({ times: 3 })
})

test('a wrong expectation fails', { todo: 'on purpose' }, async t => {
  const cluster = await testCluster({ app })
  t.after(() => cluster.close())
  cluster.expect(total).toHaveRun()
})
`

const WITHOUT_RUNNER = `
const { testCluster } = require('lovage/testing')
const run = async () => {
  const { app, total } = await import('./tasks.js')
  const cluster = await testCluster({ app, workers: 2 })
  await total.delay([1, 2, 3])
  await cluster.advance(0)
  cluster.expect(total).toHaveRun({ args: [[1, 2, 3]], times: 1 })
  try {
    cluster.expect(total).toHaveRun({ times: 2 })
  } catch (error) {
    console.log(error.name, error.message.split('\\n')[0])
  }
  await cluster.close()
}
run()
`

describe('a project in plain JavaScript', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(BUILD, 'consumer-'))
    buildPackage(join(folder, 'node_modules', 'lovage'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'tasks.js'), TASKS)
    writeFileSync(join(folder, 'shop.test.js'), WITH_RUNNER)
    writeFileSync(join(folder, 'plain.cjs'), WITHOUT_RUNNER)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('tests its tasks with node:test, without the broker that production has', () => {
    const { status, stdout } = node(folder, '--test', '--test-reporter=tap', 'shop.test.js')
    assert.equal(status, 0, stdout)
    assert.match(stdout, /# pass 2\n/)
    assert.match(stdout, /expected shop\.total to have run; it was so never/)
  })

  test('needs no test runner, and may be CommonJS', () => {
    const { status, stdout, stderr } = node(folder, 'plain.cjs')
    assert.equal(status, 0, stderr)
    assert.equal(stdout, 'AssertionError expected shop.total to have run 2 times; it was so once. What there is:\n')
  })
})

function node(cwd: string, ...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  // A runner inside a runner reports to it instead of to us.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: 60_000 })
}
