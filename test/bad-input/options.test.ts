import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { LovageError } from '../../src/lib/errors.js'
import { handRuntime } from '../app/hand-runtime.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

/** Call option, values of no use. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  kwargs: [42, 'text', [1]],
  countdown: ['soon', -1, Number.NaN, {}],
  eta: ['tomorrow', {}, new Date(Number.NaN), Number.NaN],
  expires: ['never', {}, Number.NaN, new Date(Number.NaN)],
  retries: [-1, 1.5, '1'],
  queue: ['', 42],
  exchange: [42, 'x'.repeat(300)],
  routingKey: [42, 'x'.repeat(300)],
  priority: [-1, 256, 1.5, 'high'],
  serializer: ['', 'nonsense', 42],
  compression: ['', 'rar', 42],
  taskId: ['', 42, 'x'.repeat(300), 'a\nb'],
  shadow: [42],
  timeLimit: ['soon', -1],
  softTimeLimit: ['soon', -1],
  link: ['task', 42],
  linkError: ['task', 42],
  headers: [42, [1]],
  ignoreResult: ['yes', 1],
  groupId: ['', 42],
  groupIndex: [-1, '1', 1.5],
  deliveryMode: [3, 'sometimes'],
  stamps: [42, [1]],
  publishTimeout: ['soon', -1],
  signal: [{}],
  chain: ['x', 42],
  chord: ['x', 42],
}

describe('a call option of no use is refused by name, and nothing is sent', () => {
  for (const [name, values] of Object.entries(WRONG)) {
    test(name, async () => {
      await using rig = new Rig(
        runtime => new MemoryPlace(runtime),
        app => void app.task('t', () => 1),
      )
      const app = rig.app()
      for (const value of values) {
        await assert.rejects(
          rig.wait(app.sendTask('t', [], { [name]: value } as never)),
          (error: unknown) => {
            assert.ok(error instanceof LovageError, `${name} ${String(value)}: ${String(error)}`)
            assert.match(error.code, /^LVG_/)
            return true
          },
          `${name}: ${String(value)} was accepted`,
        )
      }
      const connection = await rig.connection()
      await rig.wait(connection.declare({ queues: [{ name: 'celery' as never }] }))
      assert.equal((await rig.wait(connection.stats('celery' as never))).ready, 0)
    })
  }

  test('an unknown one, with the one that was meant', async () => {
    const app = new App('x', {}, { runtime: handRuntime() })
    await assert.rejects(app.sendTask('t', [], { count_down: 3 } as never), {
      code: 'LVG_UNKNOWN_OPTION',
      message: /`count_down`.*`countdown`/,
    })
  })
})

describe('a task option of no use', () => {
  test('unknown: refused where the task is defined, with the one that was meant', () => {
    const app = new App('x', {}, { runtime: handRuntime() })
    assert.throws(() => app.task('t', () => 1, { ackLate: true } as never), {
      code: 'LVG_UNKNOWN_OPTION',
      message: /`ackLate`.*`acksLate`/,
    })
    assert.equal(app.tasks.size, 0)
  })

  for (const [name, value] of [
    ['maxRetries', 'many'],
    ['timeLimit', 'soon'],
    ['softTimeLimit', -1],
    ['defaultRetryDelay', 'later'],
    ['acksLate', 'yes'],
    ['maxDeliveries', 0],
    ['autoretryFor', 'Error'],
    ['params', 'a,b'],
  ] as const) {
    test(`${name}: ${JSON.stringify(value)} is refused where the task is defined`, () => {
      const app = new App('x', {}, { runtime: handRuntime() })
      assert.throws(() => app.task('t', () => 1, { [name]: value } as never), { code: 'LVG_BAD_OPTION' })
    })
  }

  test('a handler that is none', () => {
    const app = new App('x', {}, { runtime: handRuntime() })
    assert.throws(() => app.task('t', 'handler' as never), LovageError)
  })

  for (const name of ['', 'a\u0000b', 'x'.repeat(256), 42]) {
    test(`the name ${JSON.stringify(name).slice(0, 20)} is refused`, () => {
      const app = new App('x', {}, { runtime: handRuntime() })
      assert.throws(() => app.task(name as string, () => 1), { name: 'ProtocolError' })
    })
  }
})

describe('a retry of no use fails its task with a sentence, and is not sent', () => {
  for (const options of [{ countdown: 'soon' }, { countdown: -1 }, { eta: 'tomorrow' }, { eta: Number.NaN }]) {
    test(JSON.stringify(options), async () => {
      const define = (app: App): void => {
        app.task(
          't',
          () => {
            throw currentTask().retry(options as never)
          },
          { acksLate: true },
        )
      }
      await using rig = new Rig(runtime => new MemoryPlace(runtime), define)
      await rig.worker()
      await rig.wait(rig.app().sendTask('t', [], { taskId: 'a' }))
      await rig.pass(2000)
      const meta = await rig.meta('a')
      assert.equal(meta?.status, 'FAILURE')
      assert.match(String(meta?.error?.args[0]), /retry: `(countdown|eta)` must be/)
    })
  }
})
