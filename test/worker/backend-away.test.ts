import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { group } from '../../src/canvas/canvas.js'
import { signature } from '../../src/canvas/typed-signature.js'
import { AmqpPlace } from '../../src/testing/sim/amqp-place.js'
import type { SimWorkerNode } from '../../src/testing/sim/sim-cluster.js'
import type { SimWorld } from '../../src/testing/sim/sim-world.js'
import type { Effect } from '../../src/worker/effect.js'
import { logLines, onStage, type Stage, type StageOptions, sig, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

/** A broker that knows no publish ids: what is sent twice is there twice. */
function forgetful(made: AmqpPlace[]): (world: SimWorld) => AmqpPlace {
  return world => {
    const random = world.random.split('broker')
    const place = new AmqpPlace({ runtime: world.runtime, random, now: () => world.now })
    made.push(place)
    return place
  }
}

describe('D47 the result cannot be stored', () => {
  test('the slot is free meanwhile, and the message is not acked before the state is there', async () => {
    const report = await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      const { backend } = await stage.worker('w', { concurrency: 1, prefetchMultiplier: 8 })
      backend.cut()
      for (let n = 0; n < 6; n++) await stage.app.sendTask('t', [], { taskId: `t${n}` })
      await stage.world.until('all six have run in the one slot', () => stage.journal.length === 6, 5000)
      await stage.world.sleep(15_000)
      assert.equal((await stage.stats()).held, 6)
      backend.heal()
      await stage.quiet(20_000)
      assert.equal(stage.journal.length, 6)
      for (let n = 0; n < 6; n++) assert.equal(await stage.status(`t${n}`), 'SUCCESS')
    })
    const waits = logLines(report).filter(line => line.includes('cannot be written yet'))
    assert.match(waits[0] ?? '', /^warning The end of task t\d cannot be written yet, and is tried again: /)
    assert.ok(waits.length <= 2, 'six tasks and many tries, told once in ten seconds')
  })

  test('late: after resultWriteTimeout the message goes back uncounted, and runs again when all is well', async () => {
    const faults: number[] = []
    const tasks = { t: [() => void faults.push(currentTask().deliveryInfo.faults), LATE] as const }
    await onStage({ tasks, settings: { resultWriteTimeout: 10 } }, async stage => {
      const { backend } = await stage.worker()
      backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.world.sleep(12_000)
      const { held, delayed, ready } = await stage.stats()
      assert.deepEqual([held, delayed + ready], [0, 1])
      assert.ok(stage.types('a').includes('task-returned'))
      backend.heal()
      await stage.quiet()
      assert.deepEqual(faults, [0, 0])
      assert.equal(await stage.status('a'), 'SUCCESS')
    })
  })

  test('D25 a refusal that waits to be stored is given up when somebody else has the message: it may run there', async () => {
    await onStage({ tasks: { t: [sleeper(20_000), LATE] } }, async stage => {
      const { worker, backend, broker } = await stage.worker('one')
      worker.revoke(['a'])
      backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.world.sleep(500)
      broker.cut()
      await stage.worker('two')
      await stage.started('a')
      backend.heal()
      await stage.world.sleep(15_000)
      assert.equal(await stage.status('a'), undefined)
      assert.ok(!stage.effectsOf('a').includes('store REVOKED'))
      broker.heal()
      await stage.quiet()
      assert.deepEqual([await stage.status('a'), stage.runs('a')], ['SUCCESS', 1])
    })
  })

  test('early: the state goes to the spool and is stored at the next start', async () => {
    await onStage({ tasks: { t: () => 42 }, settings: { resultWriteTimeout: 10 } }, async stage => {
      const first = await stage.worker('w')
      first.backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      await stage.world.sleep(15_000)
      assert.equal(await stage.meta('a'), undefined)
      first.process.kill()
      await stage.worker('w')
      await stage.world.sleep(1000)
      assert.deepEqual([await stage.status('a'), (await stage.meta('a'))?.result], ['SUCCESS', 42])
      assert.equal(stage.runs('a'), 1)
    })
  })

  test('early: one that expires while STARTED cannot be stored is spooled as well', async () => {
    const settings = { resultWriteTimeout: 5 }
    await onStage({ tasks: { t: [() => 42, { trackStarted: true }] }, settings }, async stage => {
      const { backend } = await stage.worker('w')
      backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a', expires: 3 })
      await stage.world.until('it is in the spool', () => stage.cluster.spooled === 1, 30_000)
      backend.heal()
      await stage.world.sleep(120_000)
      assert.deepEqual([await stage.status('a'), stage.runs('a')], ['REVOKED', 0])
    })
  })

  test('early: the spool is also stored by the worker that wrote it, once the backend is back', async () => {
    await onStage({ tasks: { t: () => 42 }, settings: { resultWriteTimeout: 10 } }, async stage => {
      const { backend } = await stage.worker('w')
      backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      await stage.world.sleep(15_000)
      backend.heal()
      await stage.world.sleep(120_000)
      assert.equal(await stage.status('a'), 'SUCCESS')
    })
  })

  test('what follows a spooled state is not started before it: no callback sees a task without result', async () => {
    const settings = { resultWriteTimeout: 5 }
    await onStage({ tasks: { t: () => 42, next: () => 1 }, settings }, async stage => {
      const { backend } = await stage.worker('w')
      backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.world.sleep(20_000)
      assert.equal(stage.runs('b'), 0)
    })
  })

  test('early: callbacks of a spooled state are published at the next start', async () => {
    const settings = { resultWriteTimeout: 5 }
    await onStage({ tasks: { t: () => 42, next: (_s: Stage, _p: unknown, n: number) => n }, settings }, async stage => {
      const first = await stage.worker('w')
      first.backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.started('a')
      await stage.world.sleep(20_000)
      first.process.kill()
      await stage.worker('w')
      await stage.world.sleep(60_000)
      assert.equal((await stage.meta('b'))?.result, 42)
    })
  })

  test('early: two callbacks that somebody gave one id are both sent', async () => {
    const places: AmqpPlace[] = []
    await onStage({ tasks: { t: () => 42 }, place: forgetful(places) }, async stage => {
      await stage.worker('w')
      await stage.app.sendTask('t', [], { taskId: 'a', link: [sig('t', 'b'), sig('t', 'b')] })
      await stage.world.sleep(5000)
      assert.equal(places[0]?.ledger.of('b').length, 2)
    })
  })

  describe('early: what is to run in the place of a task is spooled, when it could not be sent', () => {
    const member = (id: string) => ({ ...signature('member', [id], false), options: { task_id: id } })
    const tasks: NonNullable<StageOptions['tasks']> = {
      swap: () => currentTask().replace(group(member('x'), member('y')) as never),
      member: (_stage, _process, id: string) => id,
      next: (_stage, _process, values: readonly string[]) => values.join(),
    }

    for (const away of ['backend', 'broker'] as const) {
      test(`the ${away} was away: told by the same worker`, async () => {
        await onStage({ tasks, settings: { resultWriteTimeout: 5 } }, async stage => {
          const node = await stage.worker('w')
          await stage.app.sendTask('swap', [], { taskId: 'a', link: sig('next', 'b') })
          await stage.started('a')
          node[away].cut()
          await stage.world.until('it is in the spool', () => stage.cluster.spooled === 1, 30_000)
          assert.equal(stage.runs('x'), 0)
          node[away].heal()
          await stage.world.sleep(120_000)
          assert.deepEqual([(await stage.meta('a'))?.result, (await stage.meta('b'))?.result], [['x', 'y'], 'x,y'])
          assert.deepEqual([stage.runs('a'), stage.runs('x'), stage.cluster.spooling('w')], [1, 1, false])
        })
      })
    }

    test('what the broker has got of it is not sent again, however often the rest cannot be sent', async () => {
      const three = group(member('x'), member('y'), member('z'))
      const places: AmqpPlace[] = []
      const many = { ...tasks, many: () => currentTask().replace(three as never) }
      await onStage({ tasks: many, settings: { resultWriteTimeout: 5 }, place: forgetful(places) }, async stage => {
        let cuts = 0
        const afterEffect = (effect: Effect, { request }: { readonly request: { readonly id: string } }): undefined => {
          if (request.id !== 'a' || effect.kind !== 'publish' || cuts === 2) return
          cuts++
          node.broker.cut()
        }
        const node: SimWorkerNode = stage.cluster.worker('w', {}, { afterEffect })
        await stage.world.sleep(100)
        await stage.app.sendTask('many', [], { taskId: 'a' })
        for (const lines of [1, 2]) {
          await stage.world.until('it is in the spool', () => stage.cluster.spooled === lines, 60_000)
          node.broker.heal()
        }
        await stage.world.sleep(120_000)
        assert.deepEqual((await stage.meta('a'))?.result, ['x', 'y', 'z'])
        assert.deepEqual(
          ['x', 'y', 'z'].map(id => places[0]?.ledger.of(id).length),
          [1, 1, 1],
        )
      })
    })

    test('at the next start', async () => {
      await onStage({ tasks, settings: { resultWriteTimeout: 5 } }, async stage => {
        const { backend, process } = await stage.worker('w')
        backend.cut()
        await stage.app.sendTask('swap', [], { taskId: 'a', link: sig('next', 'b') })
        await stage.world.until('it is in the spool', () => stage.cluster.spooled === 1, 30_000)
        process.kill()
        await stage.worker('w')
        await stage.world.sleep(120_000)
        assert.deepEqual([(await stage.meta('a'))?.result, (await stage.meta('b'))?.result], [['x', 'y'], 'x,y'])
      })
    })
  })

  test('what is still impossible at the next start stays in the spool for the one after', async () => {
    await onStage({ tasks: { t: () => 42 }, settings: { resultWriteTimeout: 5 } }, async stage => {
      const first = await stage.worker('w')
      first.backend.cut()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      await stage.world.sleep(10_000)
      first.process.kill()
      const second = stage.startWorker('w')
      second.backend.cut()
      await stage.world.sleep(20_000)
      second.process.kill()
      await stage.worker('w')
      await stage.world.sleep(2000)
      assert.equal((await stage.meta('a'))?.result, 42)
    })
  })

  test('early: a spooled end that is stored already stays in the spool while the backend cannot be asked for it', async () => {
    const settings = { resultWriteTimeout: 5 }
    await onStage({ tasks: { t: () => 42, next: (_s: Stage, _p: unknown, n: number) => n }, settings }, async stage => {
      const { backend, broker } = await stage.worker('w')
      backend.blackhole()
      await stage.app.sendTask('t', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.started('a')
      // The state can be stored, what follows it cannot be published in time.
      broker.cut()
      backend.heal()
      await stage.world.until('it is in the spool', () => stage.cluster.spooled === 1, 30_000)
      assert.equal(await stage.status('a'), 'SUCCESS')
      assert.equal(stage.runs('b'), 0)
      // Told again, the store is refused, and the question for what is stored is lost.
      backend.strike('lose-request', 'fetch')
      broker.heal()
      await stage.world.sleep(60_000)
      assert.equal((await stage.meta('b'))?.result, 42)
    })
  })

  test('late: a message whose end another copy has stored goes back while the backend cannot be asked for it', async () => {
    const tasks = { t: [sleeper(500, 'ok'), LATE] as const, next: () => 1 }
    // Each takes one of the two.
    const ALONE = { concurrency: 1, prefetchMultiplier: 1 }
    await onStage({ tasks, settings: { resultWriteTimeout: 5 } }, async stage => {
      const workers = [await stage.worker('w1', ALONE), await stage.worker('w2', ALONE)]
      for (let n = 0; n < 2; n++) await stage.app.sendTask('t', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.world.until('both copies run', () => stage.runs('a') === 2, 5000)
      // Whichever comes second is refused.
      for (const { backend } of workers) for (let n = 0; n < 100; n++) backend.strike('lose-request', 'fetch')
      await stage.world.until('it is handed back', () => stage.types('a').includes('task-returned'), 60_000)
      for (const { backend } of workers) backend.disarm()
      await stage.quiet(60_000)
      // Two messages were sent, so what follows may come twice; neither of the copies runs again.
      assert.deepEqual([stage.runs('a'), await stage.status('a'), await stage.status('b')], [2, 'SUCCESS', 'SUCCESS'])
    })
  })

  test('F41 a store whose answer never came is not a second effect', async () => {
    const got: number[] = []
    const tasks = { t: [() => 1, LATE] as const, next: (_s: Stage, _p: unknown, n: number) => void got.push(n) }
    await onStage({ tasks }, async stage => {
      const { backend } = await stage.worker()
      stage.world.always(() => undefined)
      await stage.app.sendTask('t', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.started('a')
      backend.reset()
      await stage.quiet()
      assert.deepEqual(got, [1])
    })
  })
})

describe('D48 what does not matter cannot hurt', () => {
  test('an observer that throws at every event changes nothing but the log', async () => {
    const prepare: NonNullable<Parameters<typeof onStage>[0]['prepare']> = app => {
      app.use({
        name: 'angry',
        observe: () => {
          throw new Error('I refuse to look')
        },
      })
    }
    const report = await onStage({ tasks: { t: [() => 1, LATE] }, prepare }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a', link: sig('t', 'b') })
      await stage.quiet()
      assert.deepEqual([await stage.status('a'), await stage.status('b')], ['SUCCESS', 'SUCCESS'])
      assert.ok(stage.types('a').includes('task-succeeded'), 'other extensions are told all the same')
    })
    assert.ok(logLines(report).includes('error Extension angry failed: I refuse to look'))
  })

  for (const [how, hook] of [
    ['throws before it goes on', () => Promise.reject(new Error('before'))],
    ['never goes on', () => Promise.resolve(undefined)],
    [
      'throws afterwards',
      async (_request: unknown, next: () => Promise<unknown>) => {
        await next()
        throw new Error('after')
      },
    ],
  ] as const) {
    test(`H49 an extension that ${how} does not stop the task it surrounds`, async () => {
      const prepare: NonNullable<Parameters<typeof onStage>[0]['prepare']> = app => {
        app.use({ name: 'bad', execute: hook })
      }
      await onStage({ tasks: { t: [() => 5, LATE] }, prepare }, async stage => {
        await stage.worker()
        await stage.app.sendTask('t', [], { taskId: 'a' })
        await stage.quiet()
        assert.deepEqual([stage.runs('a'), (await stage.meta('a'))?.result], [1, 5])
      })
    })
  }
})

test('F40 while the backend hangs without a word, tasks go on, and everything is stored once it answers', async () => {
  await onStage({ tasks: { t: [sleeper(50, 'ok'), LATE] } }, async stage => {
    const { backend } = await stage.worker('w', { concurrency: 2, prefetchMultiplier: 4 })
    backend.blackhole()
    for (let n = 0; n < 8; n++) await stage.app.sendTask('t', [], { taskId: `t${n}` })
    await stage.world.until('all have run', () => stage.journal.length === 8, 5000)
    backend.heal()
    await stage.quiet(20_000)
    for (let n = 0; n < 8; n++) assert.equal(await stage.status(`t${n}`), 'SUCCESS')
  })
})
