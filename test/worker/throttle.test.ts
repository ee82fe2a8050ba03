import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskOptions } from '../../src/app/task-options.js'
import { takeTurn } from '../../src/worker/admit.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'
import { onStage, type Stage, sig, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

const limited = (rateLimit: TaskOptions['rateLimit']): TaskOptions => ({ ...LATE, rateLimit: rateLimit ?? null })

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`)

async function sendAll(stage: Stage, task: string, ids: readonly string[]): Promise<void> {
  await stage.app.publishMany(ids.map(id => sig(task, id)) as never)
}

/** Seconds at which tasks of that name were entered, counted from the first of them. */
function entered(stage: Stage, task: string): readonly number[] {
  const at = stage.journal.filter(entry => entry.task === task).map(entry => entry.at)
  return at.map(one => (one - (at[0] ?? 0)) / 1000)
}

describe('where a limited delivery waits', () => {
  const facts = { canPark: true, full: false, redelivered: false }
  const table = [
    ['its turn has come', 0, {}, { kind: 'throttle' }],
    ['its turn has come, however full it is', 0, { full: true }, { kind: 'throttle' }],
    ['within a minute: here', 60_000, {}, { kind: 'throttle' }],
    ['later: at the broker, half of that time', 61_000, {}, { kind: 'postpone', delay: 30_500 }],
    ['who has been away has twice the room', 120_000, { redelivered: true }, { kind: 'throttle' }],
    ['much later: at most ten minutes', 86_400_000, {}, { kind: 'postpone', delay: 600_000 }],
    ['no room here', 100, { full: true }, { kind: 'postpone', delay: 1000 }],
    ['the broker keeps no delays', 86_400_000, { canPark: false, full: true }, { kind: 'throttle' }],
  ] as const
  for (const [what, turn, changes, expected] of table) {
    test(what, () => assert.deepEqual(takeTurn(turn, { ...facts, ...changes }), expected))
  }
})

describe('a rate limit', () => {
  test('of 2/s lets two pass after an idle time, then one each half second, as Celery was measured to do', async () => {
    await onStage({ tasks: { t: [() => 1, limited('2/s')] } }, async stage => {
      await stage.worker('w', { concurrency: 4 })
      await stage.world.sleep(10_000)
      await sendAll(stage, 't', names('t', 6))
      await stage.quiet()
      const at = entered(stage, 't').map(seconds => Math.round(seconds * 10) / 10)
      assert.deepEqual(at, [0, 0, 0.5, 1, 1.5, 2])
    })
  })

  test('does not concern other tasks, and none is without a slot because of it', async () => {
    await onStage({ tasks: { slow: [() => 1, limited('1/s')], free: [() => 1, LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      await sendAll(stage, 'slow', names('s', 20))
      await sendAll(stage, 'free', names('f', 50))
      await stage.world.until('the free ones', () => names('f', 50).every(id => stage.runs(id) === 1), 1000)
      assert.ok(entered(stage, 'slow').length <= 3)
      await stage.quiet()
      assert.ok((entered(stage, 'slow').at(-1) ?? 0) >= 17.9)
    })
  })

  test('of the setting taskDefaultRateLimit is for tasks that have none; 0 is none', async () => {
    const tasks = { bare: [() => 1, LATE], free: [() => 1, limited(0)] } as const
    await onStage({ tasks, settings: { taskDefaultRateLimit: '1/s' } }, async stage => {
      await stage.worker()
      await sendAll(stage, 'bare', names('b', 5))
      await sendAll(stage, 'free', names('f', 5))
      await stage.quiet()
      assert.ok((entered(stage, 'bare').at(-1) ?? 0) >= 2.9)
      assert.ok((entered(stage, 'free').at(-1) ?? 9) < 0.5)
    })
  })

  test('is ignored with workerDisableRateLimits', async () => {
    await onStage(
      { tasks: { t: [() => 1, limited('1/m')] }, settings: { workerDisableRateLimits: true } },
      async stage => {
        await stage.worker()
        await sendAll(stage, 't', names('t', 20))
        await stage.quiet(5000)
      },
    )
  })

  test('an eta comes first: the task waits for its turn when it is due', async () => {
    await onStage({ tasks: { t: [() => 1, limited('1/s')] } }, async stage => {
      await stage.worker()
      for (const taskId of names('t', 4)) await stage.app.sendTask('t', [], { taskId, countdown: 10 })
      await stage.quiet()
      const at = stage.journal.map(entry => entry.at)
      assert.ok((at[0] ?? 0) >= 10_000, String(at))
      assert.ok((at[3] ?? 0) - (at[0] ?? 0) >= 1900, String(at))
    })
  })

  test('one that expires while it waits is REVOKED and never entered', async () => {
    await onStage({ tasks: { t: [() => 1, limited('1/s')] } }, async stage => {
      await stage.worker()
      await sendAll(stage, 't', names('t', 10))
      await stage.app.sendTask('t', [], { taskId: 'late', expires: 3 })
      await stage.quiet()
      assert.deepEqual([stage.runs('late'), await stage.status('late')], [0, 'REVOKED'])
    })
  })

  test('H59 one that is revoked while it waits leaves at once: its message is acked, its place free', async () => {
    await onStage({ tasks: { t: [() => 1, limited('1/m')] } }, async stage => {
      const { worker } = await stage.worker()
      await sendAll(stage, 't', names('t', 2))
      await stage.world.sleep(500)
      assert.equal((await stage.stats()).held, 1)
      worker.revoke(['t1'])
      await stage.world.sleep(1000)
      assert.equal((await stage.stats()).held, 0)
      assert.deepEqual([stage.runs('t1'), await stage.status('t1')], [0, 'REVOKED'])
    })
  })

  for (const fault of ['reset', 'kill'] as const) {
    test(`after a ${fault} nobody is forgotten, nobody runs twice, and the rate is kept`, async () => {
      await onStage({ tasks: { t: [() => 1, limited('2/s')] } }, async stage => {
        const { broker, process } = await stage.worker('w1')
        await sendAll(stage, 't', names('t', 40))
        await stage.world.sleep(5000)
        if (fault === 'reset') broker.reset()
        else {
          process.kill()
          await stage.worker('w2')
        }
        await stage.quiet(120_000)
        for (const id of names('t', 40)) assert.equal(stage.runs(id), 1, id)
        const at = entered(stage, 't')
        assert.ok((at.at(-1) ?? 0) >= 18, String(at.at(-1)))
        for (let n = 4; n < at.length; n++) assert.ok((at[n] ?? 0) - (at[n - 4] ?? 0) > 0.95, `${n} at ${at[n]}`)
      })
    })
  }

  test('one that cannot be read is refused where the task is defined, with its name', () => {
    for (const rateLimit of ['ten', '10/d', -1, [], ['10/s', 'x'], { limit: '1/s', scope: 'galaxy' }]) {
      assert.throws(
        () =>
          void new Rig(
            runtime => new MemoryPlace(runtime),
            app => void app.task('t', () => 1, { rateLimit } as never),
          ).app(),
        { code: 'LVG_BAD_OPTION', message: /rateLimit/ },
        JSON.stringify(rateLimit),
      )
    }
  })
})

describe('a rate that is changed at run time', () => {
  test('holds for what comes next; who waits already drains at the old rate', async () => {
    await onStage({ tasks: { t: [() => 1, limited('1/s')] } }, async stage => {
      const { worker } = await stage.worker('w', { concurrency: 4 })
      await sendAll(stage, 't', names('old', 11))
      await stage.world.sleep(200)
      worker.setRateLimit('t', '10/s')
      await sendAll(stage, 't', names('new', 20))
      await stage.quiet()
      const last = (prefix: string): number =>
        Math.max(...stage.journal.filter(entry => entry.id.startsWith(prefix)).map(entry => entry.at))
      assert.ok(last('new') < 3000, `new ones until ${last('new')}`)
      assert.ok(last('old') > 9000, `old ones until ${last('old')}`)
    })
  })

  test('can be given to a task that had none, and taken away', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      const { worker } = await stage.worker()
      worker.setRateLimit('t', '1/s')
      await sendAll(stage, 't', names('a', 5))
      await stage.quiet()
      assert.ok((entered(stage, 't').at(-1) ?? 0) >= 2.9)
      stage.journal.length = 0
      worker.setRateLimit('t', null)
      await sendAll(stage, 't', names('b', 20))
      await stage.quiet()
      assert.ok((entered(stage, 't').at(-1) ?? 9) < 0.5)
    })
  })

  test('a task that is not there, or a limit that cannot be read, is refused', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      const { worker } = await stage.worker()
      assert.throws(() => worker.setRateLimit('nobody', '1/s'), { code: 'LVG_BAD_OPTION', message: /nobody/ })
      assert.throws(() => worker.setRateLimit('t', '10/d'), { code: 'LVG_BAD_OPTION', message: /10\/d/ })
    })
  })
})

test('H35 a thousand of a limited task keep no others waiting, and their rate holds across a restart', async () => {
  const tasks = { a: [() => 1, limited('10/m')], b: [() => 1, LATE] } as const
  await onStage({ tasks }, async stage => {
    await sendAll(stage, 'a', names('a', 1000))
    await sendAll(stage, 'b', names('b', 100))
    const first = await stage.worker('w', { concurrency: 4 })
    await stage.world.until('all of b', () => names('b', 100).every(id => stage.runs(id) === 1), 5000)
    await stage.world.sleep(500)
    assert.ok((await stage.stats()).held <= 11, `${(await stage.stats()).held} held`)
    await stage.world.sleep(300_000)
    await first.worker.stop('warm')
    assert.equal((await stage.stats()).held, 0)
    const second = await stage.worker('w', { concurrency: 4 })
    await sendAll(stage, 'b', names('again', 100))
    await stage.world.until('all of b again', () => names('again', 100).every(id => stage.runs(id) === 1), 5000)
    await stage.world.sleep(600_000 - stage.world.now)
    const at = entered(stage, 'a')
    for (const minutes of [2, 5, 8, 10]) {
      const count = at.filter(seconds => seconds < minutes * 60).length
      assert.ok(Math.abs(count - minutes * 10) <= Math.max(2, minutes * 0.5), `${count} in ${minutes} minutes`)
    }
    assert.equal(second.worker.busy, 0)
  })
})

test('H35 whoever was sent back to the broker comes in time: none is forgotten, the rate has no gaps', async () => {
  await onStage({ tasks: { a: [() => 1, limited('30/m')] } }, async stage => {
    await stage.worker('w', { concurrency: 1 })
    await sendAll(stage, 'a', names('a', 200))
    await stage.quiet(420_000)
    for (const id of names('a', 200)) assert.equal(stage.runs(id), 1, id)
    const at = entered(stage, 'a')
    for (let n = 2; n < at.length; n++) assert.ok((at[n] ?? 0) - (at[n - 1] ?? 0) < 2.2, `${n} after ${at[n]}`)
  })
})

test('H35 on a broker that keeps no delays, too: held messages widen the window', async () => {
  const tasks = { a: [() => 1, limited('1/s')], b: [sleeper(10), LATE] } as const
  await onStage({ tasks, settings: { workerPrefetchMultiplier: 1 } }, async stage => {
    await stage.worker('w', { concurrency: 1 })
    await sendAll(stage, 'a', names('a', 50))
    await sendAll(stage, 'b', names('b', 50))
    await stage.world.until('all of b', () => names('b', 50).every(id => stage.runs(id) === 1), 5000)
    assert.ok(entered(stage, 'a').length <= 8)
  })
})
