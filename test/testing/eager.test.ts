import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { eager } from '../../src/testing/eager.js'

test('tasks run in the caller until the mode is over', async () => {
  const app = new App('shop', { brokerUrl: 'memory://', resultBackend: 'cache+memory://' })
  const add = app.task('shop.add', (x: number, y: number) => x + y)
  {
    await using _mode = eager(app)
    const result = await add.delay(1, 2)
    assert.equal(await result.get(), 3)
  }
  assert.equal(app.settings.taskAlwaysEager, false)
})

test('errors reach whoever waits for the result, or the caller when they propagate', async () => {
  const app = new App('shop')
  const fail = app.task('shop.fail', () => {
    throw new RangeError('out of range')
  })
  const quiet = eager(app)
  const result = await fail.delay()
  await assert.rejects(result.get(), { excType: 'ValueError', message: /out of range/ })
  await quiet.end()
  await using _loud = eager(app, { propagates: true })
  await assert.rejects(fail.delay(), RangeError)
})

test('an app is in one test at a time', async () => {
  const app = new App('shop')
  await using _mode = eager(app)
  assert.throws(() => eager(app), { code: 'LVG_APP_IN_TEST' })
})
