import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { Ignore, MaxRetriesExceededError, TaskError } from '../../src/app/errors.js'
import type { SettingsInput } from '../../src/app/settings.js'
import type { TaskOptions } from '../../src/app/task-options.js'
import { createMemoryBackend } from '../../src/backends/memory/memory-backend.js'
import { handRuntime } from './hand-runtime.js'
import { ScriptedBroker } from './scripted-broker.js'

function eagerApp(settings: SettingsInput = {}): { app: App; broker: ScriptedBroker } {
  const broker = new ScriptedBroker()
  const runtime = handRuntime()
  const backend = createMemoryBackend({ runtime })
  return { app: new App('shop', { taskAlwaysEager: true, ...settings }, { runtime, broker, backend }), broker }
}

test('an eager task runs in the caller, and its result is known at once', async () => {
  const { app, broker } = eagerApp()
  const add = app.task('add', async (a: number, b: number) => a + b)
  const result = await add.delay(1, 2)
  assert.equal(await result.get(), 3)
  assert.equal(await result.state(), 'SUCCESS')
  assert.equal(broker.connects, 0)
})

test('it has the context a worker would give it', async () => {
  const { app } = eagerApp()
  const look = app.task('look', () => {
    const { id, task, retries, isEager, headers } = currentTask()
    return { id, task, retries, isEager, headers }
  })
  const result = await look.applyAsync([], { headers: { trace: 'x' }, taskId: 'mine' })
  assert.deepEqual(await result.get(), { id: 'mine', task: 'look', retries: 0, isEager: true, headers: { trace: 'x' } })
})

test('it gets what would have arrived, not the objects of the caller', async () => {
  const { app } = eagerApp()
  const take = app.task('take', (value: { list: number[] }) => value)
  const mine = { list: [1] }
  const given = await (await take.delay(mine)).get()
  assert.deepEqual(given, mine)
  assert.notEqual(given, mine)
  await assert.rejects(app.sendTask('take', [() => 1]), { code: 'LVG_ENCODE' })
})

test('keyword arguments are bound to the parameters the task names, as in a worker', async () => {
  const { app } = eagerApp()
  const handler = (url: string, width: number, height = 100): string => `${url} ${width}x${height}`
  const crop = app.task('crop', handler, { params: ['url', 'width', 'height'] })
  assert.equal(await (await crop.applyAsync(['cat'], { kwargs: { width: 300 } })).get(), 'cat 300x100')
  const wrong = await crop.applyAsync(['cat'], { kwargs: { depth: 3 } })
  await assert.rejects(wrong.get(), /crop\(\) got an unexpected keyword argument 'depth'/)
})

test('a failure is in the result, and thrown at the caller only when asked for', async () => {
  const { app } = eagerApp()
  const fail = (): never => {
    throw new TypeError('boom')
  }
  const result = await app.task('fail', fail).delay()
  await assert.rejects(result.get(), error => {
    assert.ok(error instanceof TaskError)
    assert.equal(error.excType, 'TypeError')
    return true
  })
  const loud = eagerApp({ taskEagerPropagates: true })
  await assert.rejects(loud.app.task('fail', fail).delay(), TypeError)
})

test('retries happen at once, a swallowed one as well, until none is left', async () => {
  const { app } = eagerApp()
  const attempts: number[] = []
  const flaky = app.task('flaky', () => {
    const { retries } = currentTask()
    attempts.push(retries)
    if (retries < 2) throw currentTask().retry({ countdown: 60 })
    return 'done'
  })
  assert.equal(await (await flaky.delay()).get(), 'done')
  assert.deepEqual(attempts, [0, 1, 2])

  const swallowing = app.task('swallowing', () => {
    currentTask().retry()
    return 'never'
  })
  await assert.rejects((await swallowing.delay()).get(), MaxRetriesExceededError)
})

/** Throws what it is told to, one after another, then gives the number of the attempt. */
function failing(app: App, errors: readonly Error[], options: TaskOptions) {
  return app.task(
    'failing',
    () => {
      const { retries } = currentTask()
      if (errors[retries] !== undefined) throw errors[retries]
      return retries
    },
    { defaultRetryDelay: '1d', ...options },
  )
}

test('an error of autoretryFor leads to the next attempt at once, whatever the delay would be', async () => {
  const { app } = eagerApp()
  const errors = [new RangeError('one'), new RangeError('two')]
  const options = { autoretryFor: [RangeError], retryBackoff: 3600, retryBackoffMax: '1d', retryJitter: false }
  assert.equal(await (await failing(app, errors, options).delay()).get(), 2)
})

test('when no attempt is left the task fails with its last error, which reaches the caller where errors propagate', async () => {
  for (const [maxRetries, last] of [
    [undefined, 3],
    [2, 2],
    [0, 0],
  ] as const) {
    const errors = Array.from({ length: 9 }, (_, n) => new RangeError(`attempt ${n}`))
    const options = { autoretryFor: [Error], ...(maxRetries === undefined ? {} : { maxRetries }) }
    const quiet = await failing(eagerApp().app, errors, options).delay()
    await assert.rejects(quiet.get(), { excType: 'ValueError', excMessage: [`attempt ${last}`] })
    const loud = eagerApp({ taskEagerPropagates: true }).app
    await assert.rejects(failing(loud, errors, options).delay(), error => error === errors[last])
  }
})

test('without a limit it is tried for as long as it takes, and errors of attempts that another one follows do not propagate', async () => {
  const { app } = eagerApp({ taskEagerPropagates: true })
  const errors = Array.from({ length: 20 }, () => new Error('no'))
  assert.equal(await (await failing(app, errors, { autoretryFor: [Error], maxRetries: null }).delay()).get(), 20)
})

test('other errors, and those of dontAutoretryFor, fail at once', async () => {
  for (const options of [
    { autoretryFor: [SyntaxError] },
    { autoretryFor: [Error], dontAutoretryFor: [RangeError] },
    { dontAutoretryFor: [RangeError] },
  ]) {
    const { app } = eagerApp()
    const result = await failing(app, [new RangeError('first')], options).delay()
    await assert.rejects(result.get(), { excMessage: ['first'] })
  }
})

test('annotations decide which errors lead to a retry, as in a worker', async () => {
  const { app } = eagerApp({ taskAnnotations: { failing: { autoretryFor: [RangeError], maxRetries: 1 } } })
  const failed = failing(app, [new RangeError('one'), new RangeError('two')], {})
  await assert.rejects((await failed.delay()).get(), { excMessage: ['two'] })
})

test('an error after a swallowed retry is no autoretry: what the retry asked for holds', async () => {
  const { app } = eagerApp()
  const seen: unknown[] = []
  const swallowing = app.task(
    'swallowing',
    (which: string) => {
      seen.push(which)
      if (which === 'second') return which
      currentTask().retry({ args: ['second'] })
      throw new RangeError('no')
    },
    { autoretryFor: [RangeError] },
  )
  assert.equal(await (await swallowing.delay('first')).get(), 'second')
  assert.deepEqual(seen, ['first', 'second'])
})

test('an end that is thrown wins over a retry that was swallowed before, as in a worker', async () => {
  const { app } = eagerApp()
  let attempts = 0
  const odd = app.task('odd', () => {
    attempts++
    currentTask().retry()
    throw new Ignore()
  })
  assert.equal(await (await odd.delay()).get(), undefined)
  assert.equal(attempts, 1)
})

test('a task that asks to be ignored has no value', async () => {
  const { app } = eagerApp()
  const ignore = app.task('ignore', () => {
    throw new Ignore()
  })
  assert.equal(await (await ignore.delay()).get(), undefined)
})

test('its result is stored when asked for', async () => {
  const { app } = eagerApp({ taskStoreEagerResult: true })
  const add = app.task('add', (a: number, b: number) => a + b)
  const { id } = await add.delay(1, 2)
  assert.equal(await app.result(id).get(), 3)
})

test('a task that is not registered here is sent all the same', async () => {
  const { app, broker } = eagerApp()
  await app.sendTask('py.add')
  assert.equal(broker.published.length, 1)
})
