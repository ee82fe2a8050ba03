import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskOptions } from '../../src/app/task-options.js'
import { onStage, type Stage, sig, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const
type Play = ReturnType<typeof sleeper>

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`)

async function sendAll(
  stage: Stage,
  task: string,
  ids: readonly string[],
  args: readonly unknown[] = [],
): Promise<void> {
  await stage.app.publishMany(ids.map(id => sig(task, id, args)) as never)
}

const starts = (stage: Stage, task = 't'): readonly number[] =>
  stage.journal.filter(entry => entry.task === task).map(entry => entry.at)

/** Never more than `max` starts in any `ms`, but for the way from store to handler. */
function assertWindow(at: readonly number[], max: number, ms: number): void {
  for (let n = max; n < at.length; n++) {
    const span = (at[n] ?? 0) - (at[n - max] ?? 0)
    assert.ok(span >= ms - 30, `${max + 1} starts in ${span} ms`)
  }
}

/** Runs for so long, and tells how many run at the same time, of each key. */
function counted(ms: number, most: Map<string, number>): Play {
  const now = new Map<string, number>()
  return (async (_stage: Stage, process: Parameters<Play>[1], key = 'all') => {
    const running = (now.get(key) ?? 0) + 1
    now.set(key, running)
    most.set(key, Math.max(most.get(key) ?? 0, running))
    try {
      await process.runtime.clock.sleep(ms)
    } finally {
      now.set(key, (now.get(key) ?? 1) - 1)
    }
  }) as Play
}

describe('a rate over the cluster', () => {
  const options: TaskOptions = { ...LATE, rateLimit: { limit: ['5/s', '60/m'], scope: 'cluster' } }

  test('holds for all workers together, in every one of its windows', async () => {
    await onStage({ tasks: { t: [() => 1, options] } }, async stage => {
      for (const name of ['w1', 'w2', 'w3']) await stage.worker(name)
      await sendAll(stage, 't', names('t', 130))
      await stage.quiet(400_000)
      for (const id of names('t', 130)) assert.equal(stage.runs(id), 1, id)
      const at = starts(stage)
      assertWindow(at, 5, 1000)
      assertWindow(at, 60, 60_000)
      assert.ok((at.at(-1) ?? 0) - (at[0] ?? 0) < 140_000, `${at.at(-1)} ms for 130`)
      const workers = new Set(stage.journal.map(entry => entry.worker))
      assert.equal(workers.size, 3)
    })
  })

  test('keeps no other task waiting', async () => {
    await onStage({ tasks: { t: [() => 1, options], free: [() => 1, LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 2 })
      await sendAll(stage, 't', names('t', 200))
      await sendAll(stage, 'free', names('f', 100))
      await stage.world.until('the others', () => names('f', 100).every(id => stage.runs(id) === 1), 5000)
    })
  })

  test('by key: each key has its own', async () => {
    const byKey: TaskOptions = {
      ...LATE,
      rateLimit: { limit: '2/s', scope: 'cluster', key: ([host]) => String(host) },
    }
    await onStage({ tasks: { t: [() => 1, byKey] } }, async stage => {
      for (const name of ['w1', 'w2']) await stage.worker(name, { concurrency: 8 })
      for (const host of ['a', 'b', 'c']) await sendAll(stage, 't', names(host, 8), [host])
      await stage.quiet(60_000)
      for (const host of ['a', 'b', 'c']) {
        const at = stage.journal.filter(entry => entry.id.startsWith(host)).map(entry => entry.at)
        assert.equal(at.length, 8)
        assertWindow(at, 2, 1000)
      }
      assert.ok((starts(stage).at(-1) ?? 0) < 10_000, 'keys do not wait for each other')
    })
  })

  test('of one worker only: scope worker counts by itself', async () => {
    const own: TaskOptions = { ...LATE, rateLimit: ['3/s', '10/m'] }
    await onStage({ tasks: { t: [() => 1, own] } }, async stage => {
      await stage.worker('w')
      await sendAll(stage, 't', names('t', 20))
      await stage.quiet(150_000)
      assertWindow(starts(stage), 3, 1000)
      assertWindow(starts(stage), 10, 60_000)
    })
  })

  test('a key function that throws is said, and its task waits among those without a key', async () => {
    const broken: TaskOptions = {
      ...LATE,
      rateLimit: {
        limit: '1/s',
        scope: 'cluster',
        key: () => {
          throw new Error('no such host')
        },
      },
    }
    const report = await onStage({ tasks: { t: [() => 1, broken] } }, async stage => {
      await stage.worker('w')
      await sendAll(stage, 't', names('t', 3))
      await stage.quiet(30_000)
      assertWindow(starts(stage), 1, 1000)
    })
    assert.ok(report.trace.some(line => line.includes('no such host')))
  })
})

describe('so many at a time over the cluster', () => {
  for (const acksLate of [true, false]) {
    test(`never more, and none is forgotten (${acksLate ? 'late' : 'early'} acks)`, async () => {
      const most = new Map<string, number>()
      const options: TaskOptions = { acksLate, maxConcurrent: 3 }
      await onStage({ tasks: { t: [counted(400, most), options], free: [() => 1, LATE] } }, async stage => {
        for (const name of ['w1', 'w2', 'w3']) await stage.worker(name)
        await sendAll(stage, 't', names('t', 60))
        await sendAll(stage, 'free', names('f', 50))
        await stage.world.until('the others', () => names('f', 50).every(id => stage.runs(id) === 1), 5000)
        await stage.quiet(300_000)
        await stage.world.sleep(2000)
        for (const id of names('t', 60)) assert.deepEqual([stage.runs(id), await stage.status(id)], [1, 'SUCCESS'], id)
        assert.equal(most.get('all'), 3)
      })
    })
  }

  test('by key, and the places are used: a key that is full keeps no other waiting', async () => {
    const most = new Map<string, number>()
    const options: TaskOptions = { ...LATE, maxConcurrent: 1, concurrencyKey: ([key]) => String(key) }
    await onStage({ tasks: { t: [counted(300, most), options] } }, async stage => {
      for (const name of ['w1', 'w2']) await stage.worker(name, { concurrency: 8 })
      for (const key of ['a', 'b', 'c', 'd']) await sendAll(stage, 't', names(key, 6), [key])
      await stage.quiet(60_000)
      assert.deepEqual([...most.values()], [1, 1, 1, 1])
      assert.ok((starts(stage).at(-1) ?? 0) < 12_000, `${starts(stage).at(-1)} ms`)
    })
  })

  test('together with a rate', async () => {
    const most = new Map<string, number>()
    const options: TaskOptions = { ...LATE, maxConcurrent: 2, rateLimit: { limit: '3/s', scope: 'cluster' } }
    await onStage({ tasks: { t: [counted(900, most), options] } }, async stage => {
      for (const name of ['w1', 'w2']) await stage.worker(name)
      await sendAll(stage, 't', names('t', 20))
      await stage.quiet(120_000)
      assert.equal(most.get('all'), 2)
      assertWindow(starts(stage), 3, 1000)
    })
  })

  test('a revoked one that waits leaves at once, one that fails or is retried gives its place back', async () => {
    let fails = 0
    const play = ((_stage: Stage) => {
      fails++
      throw new Error('always')
    }) as Play
    const options: TaskOptions = { ...LATE, maxConcurrent: 1 }
    await onStage({ tasks: { bad: [play, options], long: [sleeper(60_000), options] } }, async stage => {
      const { worker } = await stage.worker('w')
      await sendAll(stage, 'bad', names('b', 10))
      await sendAll(stage, 'long', names('l', 2))
      await stage.world.sleep(15_000)
      assert.equal(fails, 10)
      worker.revoke(['l1'])
      await stage.world.sleep(2000)
      assert.equal((await stage.stats()).held, 1)
      assert.deepEqual([stage.runs('l1'), await stage.status('l1')], [0, 'REVOKED'])
    })
  })
})

describe('limits over the cluster while workers die and connections break', () => {
  for (const seed of ['one', 'two', 'three']) {
    test(`no limit is broken, no waiting task is forgotten (${seed})`, async () => {
      const options: TaskOptions = { ...LATE, maxConcurrent: 3, rateLimit: { limit: '4/s', scope: 'cluster' } }
      const running: Parameters<Play>[1][] = []
      const play: Play = async (_stage, process) => {
        running.push(process)
        await process.runtime.clock.sleep(700)
        running.splice(running.indexOf(process), 1)
      }
      await onStage(
        { tasks: { t: [play, options] } },
        async stage => {
          const dead = new Set<Parameters<Play>[1]>()
          stage.world.always(() => {
            const alive = running.filter(process => !dead.has(process)).length
            assert.ok(alive <= 3, `${alive} at a time`)
          })
          const draw = stage.world.random.split('faults')
          let nodes = await Promise.all(['w1', 'w2', 'w3'].map(name => stage.worker(name)))
          await sendAll(stage, 't', names('t', 80))
          for (let round = 0; round < 6; round++) {
            await stage.world.sleep(draw.between(1000, 5000))
            const node = nodes[Math.floor(draw.between(0, nodes.length))]
            if (node === undefined) continue
            if (draw.between(0, 2) < 1) node.broker.reset()
            else {
              node.process.kill()
              dead.add(node.process)
              nodes = [...nodes.filter(one => one !== node), await stage.worker(`w${4 + round}`)]
            }
          }
          await stage.quiet(300_000)
          for (const id of names('t', 80)) {
            assert.ok(stage.runs(id) >= 1, id)
            assert.equal(await stage.status(id), 'SUCCESS', id)
          }
          assertWindow(starts(stage), 4, 1000)
        },
        seed,
      )
    })
  }

  test('the places of a dead worker come back when its messages do', async () => {
    const options: TaskOptions = { ...LATE, maxConcurrent: 2 }
    await onStage({ tasks: { t: [sleeper(5000), options] } }, async stage => {
      const first = await stage.worker('w1')
      await sendAll(stage, 't', names('t', 6))
      await stage.world.until('two run', () => starts(stage).length === 2, 5000)
      first.process.kill()
      await stage.worker('w2')
      await stage.quiet(120_000)
      for (const id of names('t', 6)) assert.equal(await stage.status(id), 'SUCCESS', id)
    })
  })

  test('what runs on while the connection is made anew keeps its place', async () => {
    const most = new Map<string, number>()
    const options: TaskOptions = { acksLate: false, maxConcurrent: 2 }
    await onStage({ tasks: { t: [counted(20_000, most), options] } }, async stage => {
      const first = await stage.worker('w1')
      await stage.worker('w2')
      await sendAll(stage, 't', names('t', 6))
      await stage.world.until('two run', () => starts(stage).length === 2, 5000)
      first.broker.reset()
      await stage.quiet(200_000)
      await stage.world.sleep(25_000)
      assert.equal(most.get('all'), 2)
      for (const id of names('t', 6)) assert.equal(await stage.status(id), 'SUCCESS', id)
    })
  })
})
