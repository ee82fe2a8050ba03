import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import type { TaskOptions } from '../../src/app/task-options.js'
import type { Ms } from '../../src/lib/time.js'
import { formatIso } from '../../src/protocol/iso8601.js'
import { onStage, type Stage, type StageOptions, sleeper } from '../support/worker/stage.js'

const LATE: TaskOptions = { acksLate: true }

function ids(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, i) => `t${from + i}`)
}

async function send(stage: Stage, names: readonly string[], options: object = {}): Promise<void> {
  for (const taskId of names) await stage.app.sendTask('t', [], { taskId, ...options })
}

function states(stage: Stage, names: readonly string[]): Promise<readonly (string | undefined)[]> {
  return Promise.all(names.map(id => stage.status(id)))
}

/** As Python does it: the broker knows of no delay, so the worker holds it. */
async function sendWithEta(stage: Stage, id: string, wait: Ms): Promise<void> {
  const eta = formatIso(stage.client.process.runtime.clock.now() + wait)
  const message = {
    headers: { lang: 'py', task: 't', id, root_id: id, eta, argsrepr: '()', kwargsrepr: '{}' },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8' },
    body: Buffer.from('[[], {}, {}]'),
  }
  await using connection = await stage.cluster.observe()
  await connection.publish(message, { exchange: '', routingKey: 'celery' }, { publishId: id })
}

describe('H57 what was revoked is not forgotten', () => {
  test('while all workers are down: none of them runs, and all are REVOKED at once', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      await send(stage, ids(0, 100))
      await stage.app.control.revoke(ids(0, 50))
      assert.ok((await states(stage, ids(0, 50))).every(state => state === 'REVOKED'))
      await stage.worker()
      await stage.quiet()
      assert.deepEqual(
        ids(0, 100).map(id => stage.runs(id)),
        [...Array(50).fill(0), ...Array(50).fill(1)],
      )
    })
  })

  test('during a rolling restart, one by one', async () => {
    await onStage({ tasks: { t: [sleeper(200), LATE] } }, async stage => {
      let old = await stage.worker('w0', { concurrency: 1 })
      await send(stage, ids(0, 60))
      for (let round = 1; round < 6; round++) {
        const told = ids(round * 10, round * 10 + 5).filter(id => stage.runs(id) === 0)
        const stopped = old.worker.stop('warm')
        const next = stage.startWorker(`w${round}`, { concurrency: 1 })
        for (const id of told) {
          await stage.app.control.revoke(id)
          await stage.world.sleep(3)
        }
        await stopped
        old = next
        await stage.world.sleep(300)
      }
      await stage.quiet()
      const late: string[] = []
      for (const id of ids(0, 60)) {
        if ((await stage.status(id)) === 'REVOKED' && stage.runs(id) > 0) late.push(id)
      }
      assert.deepEqual(late, [])
    })
  })

  test('by stamp', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      await send(stage, ids(0, 3), { stamps: { team: 'blue' } })
      await send(stage, ids(3, 6), { stamps: { team: 'red' } })
      await stage.app.control.revokeByStampedHeaders({ team: ['blue'] })
      await stage.worker()
      await stage.quiet()
      assert.deepEqual(await states(stage, ids(0, 6)), [...Array(3).fill('REVOKED'), ...Array(3).fill('SUCCESS')])
    })
  })

  test('the store of results is away: who revokes is told, the workers that live know it', async () => {
    await onStage({ tasks: { t: [sleeper(1000), LATE] }, settings: { resultWriteTimeout: 1 } }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      await send(stage, ids(0, 2))
      await stage.started('t0')
      stage.client.backend.cut()
      await assert.rejects(stage.app.control.revoke('t1'))
      stage.client.backend.heal()
      await stage.quiet()
      assert.equal(stage.runs('t1'), 0)
      assert.equal(await stage.status('t1'), 'REVOKED')
    })
  })

  test('a revoke that is told to some workers only is not kept for others', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      await send(stage, ['t0'])
      await stage.app.control.revoke('t0', { destination: 'elsewhere@sim' })
      assert.equal(await stage.status('t0'), undefined)
      await stage.worker()
      await stage.quiet()
      assert.equal(await stage.status('t0'), 'SUCCESS')
    })
  })
})

test('a revoked task does not start after its worker has heard, whatever the order of things', async () => {
  for (let seed = 0; seed < 40; seed++) {
    await onStage(
      { tasks: { t: [sleeper(40), LATE] } },
      async stage => {
        await stage.worker('a', { concurrency: 2 })
        await stage.worker('b', { concurrency: 2 })
        await stage.world.sleep(500)
        const draw = stage.world.random.split('revokes')
        const heard = new Map<string, number>()
        const revokes: Promise<void>[] = []
        for (const id of ids(0, 30)) {
          await stage.app.sendTask('t', [], { taskId: id, countdown: draw.between(0, 1) })
          await stage.world.sleep(draw.between(0, 20))
          if (draw.between(0, 1) < 0.5) continue
          const chosen = `t${Math.floor(draw.between(0, Number(id.slice(1)) + 1))}`
          revokes.push(
            stage.app.control.revoke(chosen, { reply: true, limit: 2 }).then(answers => {
              assert.equal(Object.keys(answers).length, 2)
              heard.set(chosen, Math.min(heard.get(chosen) ?? Number.POSITIVE_INFINITY, stage.world.now))
            }),
          )
        }
        await Promise.all(revokes)
        await stage.quiet()
        for (const [id, at] of heard)
          for (const entry of stage.entries(id)) assert.ok(entry.at < at, `${id}, seed ${seed}`)
      },
      `revoke ${seed}`,
    )
  }
})

describe('H59 what is revoked leaves its place', () => {
  test('delayed, prefetched: gone from the lists and from the prefetch within a second', async () => {
    await onStage({ tasks: { t: [sleeper(60_000), LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      await send(stage, ['runs'])
      await stage.started('runs')
      await send(stage, ['next'])
      await sendWithEta(stage, 'held', 30_000)
      await stage.world.sleep(500)
      const inspect = stage.app.inspect({ limit: 1 })
      const reserved = (await inspect.reserved())['w@sim'] as readonly { readonly id: string }[]
      const scheduled = (await inspect.scheduled())['w@sim'] as readonly { readonly request: { readonly id: string } }[]
      assert.deepEqual([reserved.map(({ id }) => id), scheduled.map(({ request }) => request.id)], [['next'], ['held']])
      const before = (await inspect.stats())['w@sim'] as { readonly prefetch_count: number }
      await stage.app.control.revoke(['next', 'held'])
      await stage.world.sleep(1000)
      assert.deepEqual([(await inspect.reserved())['w@sim'], (await inspect.scheduled())['w@sim']], [[], []])
      const after = (await inspect.stats())['w@sim'] as { readonly prefetch_count: number }
      assert.equal(after.prefetch_count, before.prefetch_count - 1)
      assert.equal((await stage.stats()).held, 1)
      assert.deepEqual(await states(stage, ['next', 'held']), ['REVOKED', 'REVOKED'])
    })
  })

  test('parked at the broker: it is refused when it comes back', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      await stage.worker()
      await send(stage, ['parked'], { countdown: 600 })
      await stage.world.sleep(1000)
      await stage.app.control.revoke('parked')
      await stage.quiet(700_000)
      assert.deepEqual([stage.runs('parked'), await stage.status('parked')], [0, 'REVOKED'])
    })
  })
})

describe('H60 terminate', () => {
  type Play = NonNullable<StageOptions['tasks']>[string]

  const catches: Play = [
    async (_stage, process) => {
      try {
        await process.runtime.clock.sleep(60_000, currentTask().signal)
      } catch {
        // It cleans up and returns, as if nothing had happened.
        return 'cleaned up'
      }
      return 'done'
    },
    LATE,
  ]

  test('a task that catches its end and returns, one that is deaf, one that waits: all end REVOKED, once', async () => {
    const tasks = { catches, t: [sleeper(600_000), LATE] as const, other: () => 1 }
    await onStage({ tasks }, async stage => {
      await stage.worker('w', { concurrency: 2 })
      await stage.app.sendTask('catches', [], { taskId: 'c' })
      await send(stage, ['deaf', 'waits'])
      await Promise.all([stage.started('c'), stage.started('deaf')])
      await stage.world.sleep(200)
      const all = ['c', 'deaf', 'waits', 'never-was']
      await Promise.all([stage.app.control.terminate(all), stage.app.control.terminate(all)])
      await stage.quiet(10_000)
      assert.deepEqual(await states(stage, ['c', 'deaf', 'waits']), ['REVOKED', 'REVOKED', 'REVOKED'])
      assert.equal(stage.runs('waits'), 0)
      for (const id of ['c', 'deaf', 'waits']) {
        assert.equal(stage.types(id).filter(type => type === 'task-revoked').length, 1, id)
      }
      // What takes the slot afterwards is not hit.
      await stage.app.sendTask('other', [], { taskId: 'o' })
      await stage.quiet()
      assert.equal(await stage.status('o'), 'SUCCESS')
    })
  })

  test('after the end nothing changes', async () => {
    const tasks = {
      t: () => 1,
      fails: () => {
        throw new RangeError('no')
      },
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await send(stage, ['good'])
      await stage.app.sendTask('fails', [], { taskId: 'bad' })
      await stage.quiet()
      await stage.app.control.terminate(['good', 'bad'])
      await stage.world.sleep(5000)
      assert.deepEqual(await states(stage, ['good', 'bad']), ['SUCCESS', 'FAILURE'])
    })
  })

  test('a task whose worker was killed a second ago is refused where it comes next', async () => {
    await onStage({ tasks: { t: [sleeper(30_000), LATE] } }, async stage => {
      const first = await stage.worker('a', { concurrency: 1 })
      await send(stage, ['t0'])
      await stage.started('t0')
      first.process.kill()
      await stage.worker('b')
      await stage.world.sleep(1000)
      await stage.app.control.terminate('t0')
      await stage.quiet()
      assert.deepEqual([stage.runs('t0'), await stage.status('t0')], [1, 'REVOKED'])
    })
  })
})

test('terminate by stamps ends those that run, and names what matched', async () => {
  await onStage({ tasks: { t: [sleeper(600_000), LATE] } }, async stage => {
    await stage.worker()
    await send(stage, ['blue'], { stamps: { team: ['blue', 'green'] } })
    await send(stage, ['red'], { stamps: { team: 'red' } })
    await Promise.all([stage.started('blue'), stage.started('red')])
    const stamps = { team: ['blue', 'grey'] }
    const answer = await stage.app.control.revokeByStampedHeaders(stamps, { terminate: true, reply: true, limit: 1 })
    assert.deepEqual(answer, { 'w@sim': { ok: "headers defaultdict(<class 'set'>, {'team': {'blue'}}) revoked" } })
    await stage.world.sleep(5000)
    assert.deepEqual(await states(stage, ['blue', 'red']), ['REVOKED', undefined])
    await stage.app.control.terminate('red')
    await stage.quiet(10_000)
  })
})

test('AsyncResult.revoke tells everybody', async () => {
  await onStage({ tasks: { t: () => 1 } }, async stage => {
    const result = await stage.app.sendTask('t', [], { taskId: 'a' })
    await result.revoke()
    assert.equal(await result.state(), 'REVOKED')
    await stage.worker()
    await stage.quiet()
    assert.equal(stage.runs('a'), 0)
  })
})
