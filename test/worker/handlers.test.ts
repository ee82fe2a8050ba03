import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask, runningTask } from '../../src/app/current-task.js'
import { Ignore, Reject } from '../../src/app/errors.js'
import type { TaskOptions } from '../../src/app/task-options.js'
import type { TaskRequest } from '../../src/protocol/request.js'
import type { ExceptionInfo } from '../../src/protocol/result-meta.js'
import { logLines, onStage, type Stage, sig, sleeper } from '../support/worker/stage.js'

const LATE: TaskOptions = { acksLate: true }
type Process = Parameters<ReturnType<typeof sleeper>>[1]

const throwing = (error: () => unknown, options: TaskOptions = LATE) =>
  [
    () => {
      throw error()
    },
    options,
  ] as const

describe('what a handler may throw', () => {
  test('Ignore: acked, no state, nothing called back', async () => {
    await onStage({ tasks: { t: throwing(() => new Ignore()), next: () => 1 } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', link: sig('next', 'b'), linkError: sig('next', 'c') })
      await stage.quiet()
      assert.equal(await stage.status('a'), undefined)
      assert.deepEqual([stage.runs('b'), stage.runs('c')], [0, 0])
      assert.deepEqual(stage.effectsOf('a'), ['check-token', 'task-ignored', 'ack'])
    })
  })

  test('Ignore after a state of its own leaves that state', async () => {
    const act = async () => {
      await currentTask().updateState('PARKED', { why: 'elsewhere' })
      throw new Ignore()
    }
    await onStage({ tasks: { t: [act, LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      const meta = await stage.meta('a')
      assert.deepEqual([meta?.status, meta?.result], ['PARKED', { why: 'elsewhere' }])
    })
  })

  test('Reject: FAILURE, then the dead-letter place', async () => {
    await onStage({ tasks: { t: throwing(() => new Reject('not mine')) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual(
        stage.effectsOf('a').filter(line => !line.startsWith('task-')),
        ['check-token', 'store FAILURE', 'dead rejected', 'ack'],
      )
    })
  })

  test('Reject with requeue after an early ack has no effect, and the log says so', async () => {
    const report = await onStage(
      { tasks: { t: throwing(() => new Reject('r', { requeue: true }), {}) } },
      async stage => {
        await stage.worker()
        await stage.app.sendTask('t', [], { taskId: 'a' })
        await stage.world.sleep(10_000)
        assert.equal(stage.runs('a'), 1)
      },
    )
    assert.ok(
      logLines(report).some(
        line => line.startsWith('warning Task t[a]') && line.includes('no effect after an early ack'),
      ),
    )
  })

  test('M50 things that are no errors fail the task with what can be said of them', async () => {
    const strange: readonly unknown[] = [null, undefined, 'text', 42, { message: { not: 'text' } }, Symbol('s'), 10n]
    await onStage(
      {
        tasks: {
          t: [
            (_s: Stage, _p: unknown, n: number) => {
              throw strange[n]
            },
            LATE,
          ],
        },
      },
      async stage => {
        await stage.worker()
        for (const n of strange.keys()) await stage.app.sendTask('t', [n], { taskId: `a${n}` })
        await stage.quiet()
        for (const n of strange.keys()) assert.equal(await stage.status(`a${n}`), 'FAILURE', String(n))
      },
    )
  })

  test('M50 H48 values and errors that cannot be stored: FAILURE EncodeError, slot and worker live', async () => {
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    const trap = {
      get value() {
        throw new Error('a getter')
      },
    }
    const values: readonly (() => unknown)[] = [
      () => () => 1,
      () => Symbol('s'),
      () => cyclic,
      () => trap,
      () =>
        new (class Mine {
          readonly x = () => 1
        })(),
      () => ({ deep: [{ at: () => 1 }] }),
    ]
    for (const acksLate of [true, false]) {
      const act = (_s: Stage, _p: unknown, n: number) => values[n]?.()
      await onStage({ tasks: { t: [act, { acksLate }], ok: () => 1 } }, async stage => {
        await stage.worker('w', { concurrency: 1 })
        for (const n of values.keys()) await stage.app.sendTask('t', [n], { taskId: `a${n}` })
        await stage.app.sendTask('ok', [], { taskId: 'b' })
        await stage.quiet()
        await stage.world.sleep(1000)
        for (const n of values.keys()) {
          const meta = await stage.meta(`a${n}`)
          assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'EncodeError'], `value ${n}`)
        }
        assert.equal(await stage.status('b'), 'SUCCESS')
      })
    }
  })

  test('M50 an error whose parts throw or go in circles still ends its task', async () => {
    const evil = new Error('evil')
    Object.defineProperty(evil, 'message', {
      get() {
        throw new Error('gotcha')
      },
    })
    const circular = new Error('round') as Error & { self?: unknown }
    circular.cause = circular
    circular.self = circular
    const proxy = new Proxy(new Error('p'), {
      get() {
        throw new Error('trap')
      },
    })
    const errors = [evil, circular, proxy]
    await onStage(
      {
        tasks: {
          t: [
            (_s: Stage, _p: unknown, n: number) => {
              throw errors[n]
            },
            LATE,
          ],
          ok: () => 1,
        },
      },
      async stage => {
        await stage.worker('w', { concurrency: 1 })
        for (const n of errors.keys()) await stage.app.sendTask('t', [n], { taskId: `a${n}` })
        await stage.app.sendTask('ok', [], { taskId: 'b' })
        await stage.quiet()
        for (const n of errors.keys()) assert.equal(await stage.status(`a${n}`), 'FAILURE', String(n))
        assert.equal(stage.runs('b'), 1)
      },
    )
  })

  test('M14 a result with a `then` that is no function is a value like any other', async () => {
    await onStage({ tasks: { t: [() => ({ then: 'now' }), LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual((await stage.meta('a'))?.result, { then: 'now' })
    })
  })
})

describe('arguments', () => {
  const cases: readonly (readonly [readonly unknown[], Readonly<Record<string, unknown>>, string])[] = [
    [[1, 2, 3], {}, 't() takes 2 positional arguments but 3 were given'],
    [[1, 2], { a: 1 }, "t() got multiple values for argument 'a'"],
    [[1], { c: 1 }, "t() got an unexpected keyword argument 'c'"],
    [[], {}, "t() missing 2 required positional arguments: 'a' and 'b'"],
    [[1], {}, "t() missing 1 required positional argument: 'b'"],
  ]
  for (const [args, kwargs, text] of cases) {
    test(`with params: ${text}`, async () => {
      const t = [(_s: Stage, _p: unknown, a: number, b: number) => [a, b], { ...LATE, params: ['a', 'b'] }] as const
      await onStage({ prepare: app => void app.task('t', (a: number, b: number) => [a, b], t[1]) }, async stage => {
        await stage.worker()
        await stage.app.sendTask('t', args, { taskId: 'x', kwargs })
        await stage.quiet()
        const meta = await stage.meta('x')
        assert.deepEqual([meta?.status, meta?.error?.type, meta?.error?.args], ['FAILURE', 'TypeError', [text]])
      })
    })
  }

  test('with params keyword arguments take their places; without, they come as one last object', async () => {
    const prepare = (app: Parameters<NonNullable<Parameters<typeof onStage>[0]['prepare']>>[0]): void => {
      app.task('bound', (a: number, b: number, c = 'default') => [a, b, c], { ...LATE, params: ['a', 'b', 'c'] })
      app.task('loose', (...args: unknown[]) => args, LATE)
    }
    await onStage({ prepare }, async stage => {
      await stage.worker()
      await stage.app.sendTask('bound', [1], { taskId: 'x', kwargs: { b: 2 } })
      await stage.app.sendTask('loose', [1], { taskId: 'y', kwargs: { b: 2 } })
      await stage.app.sendTask('loose', [1], { taskId: 'z' })
      await stage.quiet()
      assert.deepEqual((await stage.meta('x'))?.result, [1, 2, 'default'])
      assert.deepEqual((await stage.meta('y'))?.result, [1, { b: 2 }])
      assert.deepEqual((await stage.meta('z'))?.result, [1])
    })
  })
})

describe('currentTask', () => {
  test('is the own one in handlers that run at the same time, across awaits', async () => {
    const seen: string[] = []
    const act = async (_s: Stage, process: Process, n: number) => {
      await process.runtime.clock.sleep(100 - n * 10)
      await Promise.resolve()
      seen.push(`${n}:${currentTask().id}:${currentTask().args[0]}`)
    }
    await onStage({ tasks: { t: [act, LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 8 })
      for (let n = 0; n < 8; n++) await stage.app.sendTask('t', [n], { taskId: `a${n}` })
      await stage.quiet()
      assert.deepEqual(
        seen.sort(),
        Array.from({ length: 8 }, (_, n) => `${n}:a${n}:${n}`),
      )
      assert.equal(runningTask(), undefined)
    })
  })

  test('tells of its delivery, its worker and its lineage; what it publishes is its child', async () => {
    const told: unknown[] = []
    const act = async (stage: Stage) => {
      const { deliveryInfo, hostname, rootId, parentId, retries } = currentTask()
      told.push({ ...deliveryInfo, hostname, rootId, parentId, retries })
      if (currentTask().id === 'a') await stage.cluster.client('inner').app.sendTask('t', [], { taskId: 'b' })
    }
    await onStage({ tasks: { t: [act, LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', priority: 4 })
      await stage.quiet()
      const common = { exchange: '', routingKey: 'celery', queue: 'celery', redelivered: false, faults: 0 }
      const at = { ...common, hostname: 'w@sim', retries: 0 }
      assert.deepEqual(told, [
        { ...at, priority: 4, rootId: 'a', parentId: undefined },
        { ...at, priority: 0, rootId: 'a', parentId: 'a' },
      ])
    })
  })

  test('children published by the task are stored with its result', async () => {
    const prepare: NonNullable<Parameters<typeof onStage>[0]['prepare']> = app => {
      app.task('child', () => 1, LATE)
      app.task('parent', async () => void (await app.sendTask('child', [], { taskId: 'c' })), LATE)
      app.task('quiet', async () => void (await app.sendTask('child', [], { taskId: 'd' })), { ...LATE, trail: false })
    }
    await onStage({ prepare }, async stage => {
      await stage.worker()
      await stage.app.sendTask('parent', [], { taskId: 'p' })
      await stage.app.sendTask('quiet', [], { taskId: 'q' })
      await stage.quiet()
      assert.deepEqual(
        (await stage.meta('p'))?.children?.map(child => child.id),
        ['c'],
      )
      assert.deepEqual((await stage.meta('q'))?.children, [])
    })
  })
})

describe('states of its own', () => {
  test('updateState and progress are visible at once, and gone with the end', async () => {
    const seen: unknown[] = []
    const act = async (stage: Stage) => {
      await currentTask().updateState('LOADING', { file: 'x' })
      seen.push(await look(stage))
      await currentTask().progress(3, 10, { unit: 'files' })
      seen.push(await look(stage))
      return 'end'
    }
    const look = async (stage: Stage) => {
      const meta = await stage.meta('a')
      return [meta?.status, meta?.result]
    }
    await onStage({ tasks: { t: [act, LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual(seen, [
        ['LOADING', { file: 'x' }],
        ['PROGRESS', { unit: 'files', current: 3, total: 10 }],
      ])
      assert.deepEqual(await look(stage), ['SUCCESS', 'end'])
    })
  })

  test('trackStarted stores STARTED with pid and host before the handler is entered', async () => {
    let before: unknown
    const act = async (stage: Stage) => {
      before = await stage.meta('a')
    }
    await onStage({ tasks: { t: [act, { ...LATE, trackStarted: true }] } }, async stage => {
      const { process } = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      const { status, result } = before as { status: string; result: unknown }
      assert.deepEqual([status, result], ['STARTED', { pid: process.runtime.host.pid, hostname: 'w@sim' }])
    })
  })

  test('trackStarted stores nothing for a task whose result is ignored', async () => {
    let before: unknown = 'not looked'
    const act = async (stage: Stage) => {
      before = await stage.meta('a')
    }
    await onStage({ tasks: { t: [act, { ...LATE, trackStarted: true }] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', ignoreResult: true })
      await stage.quiet()
      assert.equal(before, undefined)
    })
  })

  test('ignoreResult keeps nothing; storeErrorsEvenIfIgnored keeps failures', async () => {
    const act = async (_s: Stage, _p: unknown, fail: boolean) => {
      await currentTask().updateState('MINE')
      if (fail) throw new Error('no')
    }
    const tasks = {
      t: [act, { ...LATE, ignoreResult: true }] as const,
      e: [act, { ...LATE, ignoreResult: true, storeErrorsEvenIfIgnored: true }] as const,
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      for (const task of ['t', 'e']) {
        for (const fail of [false, true]) await stage.app.sendTask(task, [fail], { taskId: `${task}${fail}` })
      }
      await stage.quiet()
      const ids = ['tfalse', 'ttrue', 'efalse', 'etrue']
      assert.deepEqual(await Promise.all(ids.map(id => stage.status(id))), [undefined, undefined, undefined, 'FAILURE'])
    })
  })
})

describe('errbacks', () => {
  test('by message they get the id of the failed task', async () => {
    const tasks = {
      t: throwing(() => new RangeError('boom')),
      told: (_s: Stage, _p: unknown, ...args: unknown[]) => args,
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', linkError: [sig('told', 'b'), sig('told', 'c')] })
      await stage.quiet()
      assert.deepEqual([(await stage.meta('b'))?.result, (await stage.meta('c'))?.result], [['a'], ['a']])
    })
  })

  test('inline they are called here with request, error and traceback', async () => {
    const calls: unknown[] = []
    const prepare: NonNullable<Parameters<typeof onStage>[0]['prepare']> = app => {
      app.task(
        'inline',
        (request: TaskRequest, error: ExceptionInfo, traceback: string | undefined, extra: string) =>
          void calls.push([request.id, error.args, typeof traceback, extra]),
        { errback: 'inline' },
      )
    }
    await onStage({ tasks: { t: throwing(() => new RangeError('boom')) }, prepare }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', linkError: sig('inline', 'b', ['extra']) })
      await stage.quiet()
      assert.deepEqual(calls, [['a', ['boom'], 'string', 'extra']])
      assert.equal(await stage.status('b'), undefined, 'it is no task of its own')
    })
  })

  test('inline they get their keyword arguments, too', async () => {
    const calls: unknown[] = []
    const prepare: NonNullable<Parameters<typeof onStage>[0]['prepare']> = app => {
      app.task(
        'inline',
        (request: TaskRequest, _error: unknown, _traceback: unknown, key: string) => void calls.push([request.id, key]),
        { errback: 'inline', params: ['request', 'error', 'traceback', 'key'] },
      )
    }
    await onStage({ tasks: { t: throwing(() => new Error('boom')) }, prepare }, async stage => {
      await stage.worker()
      const linkError = { ...sig('inline', 'b'), kwargs: { key: 'k' } }
      await stage.app.sendTask('t', [], { taskId: 'a', linkError })
      await stage.quiet()
      assert.deepEqual(calls, [['a', 'k']])
    })
  })

  for (const [how, act] of [
    [
      'throws',
      () => {
        throw new Error('errback')
      },
    ],
    ['rejects', () => Promise.reject(new Error('errback'))],
    ['never ends', () => new Promise(() => undefined)],
  ] as const) {
    test(`H49 an inline errback that ${how} keeps nothing else from happening`, async () => {
      const prepare: NonNullable<Parameters<typeof onStage>[0]['prepare']> = app => {
        app.task('inline', act, { errback: 'inline' })
      }
      const report = await onStage(
        { tasks: { t: throwing(() => new Error('boom')), told: () => 'told' }, prepare },
        async stage => {
          await stage.worker()
          await stage.app.sendTask('t', [], { taskId: 'a', linkError: [sig('inline', 'b'), sig('told', 'c')] })
          await stage.quiet()
          assert.deepEqual((await stage.meta('a'))?.error?.args, ['boom'])
          assert.equal(stage.runs('c'), 1)
        },
      )
      if (how === 'never ends') return
      assert.ok(logLines(report).some(line => line === 'error Errback inline of a failed: Error: errback'))
    })
  }

  test('a failed task tells the rest of its chain, so that nobody waits for ever', async () => {
    await onStage({ tasks: { t: throwing(() => new Error('boom')) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', chain: [sig('t', 'c'), sig('t', 'b')] })
      await stage.quiet()
      assert.deepEqual([await stage.status('b'), await stage.status('c')], ['FAILURE', 'FAILURE'])
    })
  })
})

describe('revoke', () => {
  test('H59 what waits for a slot or its eta does not start, and is REVOKED', async () => {
    await onStage({ tasks: { t: [sleeper(3000), LATE] } }, async stage => {
      const { worker } = await stage.worker('w', { concurrency: 1 })
      await stage.app.sendTask('t', [], { taskId: 'runs' })
      await stage.app.sendTask('t', [], { taskId: 'waits' })
      await stage.app.sendTask('t', [], { taskId: 'held', countdown: 10 })
      await stage.started('runs')
      await stage.world.sleep(200)
      worker.revoke(['waits', 'held', 'runs'])
      await stage.quiet()
      assert.deepEqual([stage.runs('waits'), stage.runs('held')], [0, 0])
      assert.deepEqual(
        [await stage.status('waits'), await stage.status('held'), await stage.status('runs')],
        ['REVOKED', 'REVOKED', 'SUCCESS'],
      )
    })
  })

  test('H60 with terminate a running task is interrupted, a deaf one abandoned; both are REVOKED, not FAILURE', async () => {
    const polite = async (_s: Stage, process: Process) => {
      await process.runtime.clock.sleep(60_000, currentTask().signal)
    }
    await onStage({ tasks: { polite: [polite, LATE], deaf: [sleeper(600_000), LATE] } }, async stage => {
      const { worker } = await stage.worker()
      await stage.app.sendTask('polite', [], { taskId: 'p' })
      await stage.app.sendTask('deaf', [], { taskId: 'd' })
      await Promise.all([stage.started('p'), stage.started('d')])
      worker.revoke(['p', 'd', 'unknown', 'p'], { terminate: true })
      worker.revoke(['p', 'd'], { terminate: true })
      await stage.quiet(5000)
      for (const id of ['p', 'd']) {
        const meta = await stage.meta(id)
        assert.deepEqual([meta?.status, meta?.error?.args], ['REVOKED', ['terminated']])
      }
    })
  })

  test('H50 revoking what has ended changes nothing', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      const { worker } = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      worker.revoke(['a', 'never-was'], { terminate: true })
      await stage.world.sleep(5000)
      assert.equal(await stage.status('a'), 'SUCCESS')
      await stage.app.sendTask('t', [], { taskId: 'b' })
      await stage.quiet()
      assert.equal(await stage.status('b'), 'SUCCESS')
    })
  })
})
