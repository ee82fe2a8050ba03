import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { Runtime } from '../../src/lib/runtime.js'
import { EncodeError } from '../../src/protocol/errors.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { handRuntime } from '../app/hand-runtime.js'
import { MemoryPlace, type Place, Rig, SqlitePlace } from '../support/worker/rig.js'

const cyclic: Record<string, unknown> = { a: [] }
;(cyclic['a'] as unknown[]).push(cyclic)
const deep = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}
const trap = {
  get inner() {
    throw new Error('a getter that throws')
  },
}

/** A value no message can hold, and the path that must be named. */
const UNSENDABLE: readonly (readonly [string, readonly unknown[], Readonly<Record<string, unknown>>, RegExp])[] = [
  ['a function', [() => 1], {}, /args\[0\]/],
  ['a symbol deep inside', [{ a: [1, { b: Symbol('s') }] }], {}, /args\[0\]\.a\[1\]\.b/],
  ['a function among the keyword arguments', [], { cb: () => 1 }, /kwargs\.cb/],
  ['a value in itself', [1, cyclic], {}, /args\[1\]/],
  [
    'an instance of a class',
    [
      new (class Mine {
        readonly f = () => 1
      })(),
    ],
    {},
    /args\[0\]/,
  ],
  ['a getter that throws', [trap], {}, /args\[0\]/],
  ['not a number', [Number.NaN], {}, /args\[0\]/],
  ['infinity', [[Number.POSITIVE_INFINITY]], {}, /args\[0\]\[0\]/],
  ['nested too deeply', [deep(600)], {}, /args/],
]

const define = (app: App): void => {
  app.task('ok', () => 1)
}

describe('arguments that cannot travel are refused before anything is sent', () => {
  for (const [what, args, kwargs, path] of UNSENDABLE) {
    test(`${what}: EncodeError with the path`, async () => {
      await using rig = new Rig(runtime => new MemoryPlace(runtime), define)
      const app = rig.app()
      await assert.rejects(rig.wait(app.sendTask('ok', args, { kwargs })), (error: unknown) => {
        assert.ok(error instanceof EncodeError, String(error))
        assert.match(error.message, path)
        return true
      })
      assert.equal(await total(rig), 0)
    })
  }

  test('one bad call of a batch: nothing of it is sent', async () => {
    await using rig = new Rig(runtime => new MemoryPlace(runtime), define)
    const app = rig.app()
    const calls = [1, () => 1, 2].map(value => ({
      task: 'ok',
      args: [value],
      kwargs: {},
      options: {},
      subtaskType: null,
      immutable: false,
    }))
    await assert.rejects(rig.wait(app.publishMany(calls as never)), EncodeError)
    assert.equal(await total(rig), 0)
  })

  test('a message over the limit', async () => {
    await using rig = new Rig(runtime => new MemoryPlace(runtime), define, { limitMessageBytes: 10_000 })
    await assert.rejects(rig.wait(rig.app().sendTask('ok', ['x'.repeat(20_000)])), /10000|10,000|10 ?kB|limit/i)
    assert.equal(await total(rig), 0)
  })

  test('headers over the limit', async () => {
    await using rig = new Rig(runtime => new MemoryPlace(runtime), define)
    const headers = { big: 'x'.repeat(200_000) }
    await assert.rejects(rig.wait(rig.app().sendTask('ok', [], { headers })), /L05|header/)
    assert.equal(await total(rig), 0)
  })
})

async function total(rig: Rig): Promise<number> {
  const connection = await rig.connection()
  await rig.wait(connection.declare({ queues: [{ name: 'celery' as never }] }))
  const { ready, held, delayed } = await rig.wait(connection.stats('celery' as never))
  return ready + held + delayed
}

const PLACES: readonly (readonly [string, (runtime: Runtime) => Place])[] = [
  ['memory', runtime => new MemoryPlace(runtime)],
  ['sqlite', () => new SqlitePlace()],
]

for (const [name, place] of PLACES) {
  describe(`results that cannot be kept, on ${name}`, () => {
    for (const acksLate of [true, false]) {
      test(`${acksLate ? 'late' : 'early'} acks: FAILURE says why, errbacks hear of it, nothing is lost, the next task runs`, async () => {
        const values = [() => 1, Symbol('s'), cyclic, trap, { fine: 1, not: [() => 1] }, deep(2000)]
        const told: unknown[] = []
        const bad = (app: App): void => {
          app.task('bad', (n: number) => values[n], { acksLate })
          app.task('told', (id: string) => void told.push(id))
          app.task('ok', () => 'ok')
        }
        await using rig = new Rig(place, bad)
        await rig.worker('w', { concurrency: 1 })
        const app = rig.app()
        for (const n of values.keys()) {
          const linkError = { task: 'told', args: [], kwargs: {}, options: {}, subtaskType: null, immutable: false }
          await rig.wait(app.sendTask('bad', [n], { taskId: `b${n}`, linkError: linkError as never }))
        }
        await rig.wait(app.sendTask('ok', [], { taskId: 'ok' }))
        await rig.pass(5000)
        for (const n of values.keys()) {
          const meta = await rig.meta(`b${n}`)
          assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'EncodeError'], `value ${n}`)
        }
        assert.match(String((await rig.meta('b4'))?.error?.args[0]), /not\[0\]/)
        assert.deepEqual([...told].sort(), ['b0', 'b1', 'b2', 'b3', 'b4', 'b5'])
        assert.equal((await rig.meta('ok'))?.result, 'ok')
        assert.equal(await total(rig), 0)
      })
    }

    test('L12 one that is too large: FAILURE ResultTooLargeError with the size', async () => {
      const big = (app: App): void => {
        app.task('big', (bytes: number) => 'x'.repeat(bytes))
      }
      await using rig = new Rig(place, big)
      const app = rig.app()
      await rig.worker('w', { concurrency: 1 })
      for (const bytes of [20_000_000, 10]) await rig.wait(app.sendTask('big', [bytes], { taskId: `${bytes}` }))
      await rig.pass(5000)
      const meta = await rig.meta('20000000')
      assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'ResultTooLargeError'])
      assert.match(String(meta?.error?.args[0]), /takes 200001\d\d bytes; at most 16777216/)
      assert.equal((await rig.meta('10'))?.status, 'SUCCESS')
    })
  })
}

describe('errors that are too large to keep whole are cut (L13)', () => {
  test('a message and a traceback of a megabyte', async () => {
    const huge = (app: App): void => {
      app.task('huge', () => {
        const error = new Error('m'.repeat(1_000_000))
        error.stack = `Error: m\n${'    at somewhere (x.js:1:1)\n'.repeat(50_000)}`
        throw error
      })
    }
    await using rig = new Rig(runtime => new MemoryPlace(runtime), huge)
    await rig.worker()
    await rig.wait(rig.app().sendTask('huge', [], { taskId: 'h' }))
    await rig.pass(2000)
    const meta = await rig.meta('h')
    assert.equal(meta?.status, 'FAILURE')
    assert.ok(String(meta?.error?.args[0]).length <= 8 * 1024 + 100)
    assert.ok((meta?.traceback?.length ?? 0) <= 64 * 1024 + 100)
    assert.ok((meta?.traceback?.length ?? 0) > 1000)
  })
})

test('L12 resultMaxBytes holds for results in memory, too', async () => {
  const app = new App(
    'x',
    { brokerUrl: 'memory://', resultBackend: 'cache+memory://', resultMaxBytes: 100 },
    { runtime: handRuntime() },
  )
  const backend = await app.resultBackend()
  const meta = {
    taskId: 'a' as TaskId,
    status: 'SUCCESS',
    result: 'x'.repeat(200),
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
  }
  await assert.rejects(backend.store(meta, { ttl: undefined, fence: undefined }), /at most 100/)
  await app[Symbol.asyncDispose]()
})
