import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { onStage, type Stage, type sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

/** Sleeps as long as it is told. */
const work = async (_stage: Stage, process: Parameters<ReturnType<typeof sleeper>>[1], ms: number): Promise<void> =>
  process.runtime.clock.sleep(ms)

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`)

describe('H45 a pool that follows its load', () => {
  for (const acksLate of [true, false]) {
    test(`under a saw-tooth load no task is killed or stranded, and the pool keeps its bounds (${acksLate ? 'late' : 'early'} acks)`, async () => {
      await onStage({ tasks: { t: [work, { acksLate }] } }, async stage => {
        const { worker } = await stage.worker('w', { autoscale: '10,1' })
        stage.world.always(() =>
          assert.ok(worker.concurrency >= 1 && worker.concurrency <= 10, `${worker.concurrency} slots`),
        )
        const draw = stage.world.random.split('load')
        const ids: string[] = []
        let most = 0
        for (let second = 0; second < 300; second += 5) {
          const wanted = Math.round(((second % 60) / 60) * 12)
          for (let n = 0; n < wanted; n++) {
            ids.push(`t${ids.length}`)
            await stage.app.sendTask('t', [draw.between(200, 5000)], { taskId: `t${ids.length - 1}` })
          }
          await stage.world.sleep(5000)
          most = Math.max(most, worker.concurrency)
        }
        await stage.quiet(120_000)
        for (const id of ids) {
          assert.equal(stage.runs(id), 1, id)
          assert.equal(await stage.status(id), 'SUCCESS', id)
        }
        assert.equal(most, 10)
        await stage.world.until('the pool at its minimum', () => worker.concurrency === 1, 61_000)
      })
    })
  }

  test('it grows when work arrives, and shrinks at the first look after keepalive: 1 → 4 → 1, as Celery was measured to do', async () => {
    await onStage({ tasks: { t: [work, LATE] } }, async stage => {
      const { worker } = await stage.worker('w', { autoscale: '4,1' })
      for (const taskId of names('t', 4)) await stage.app.sendTask('t', [2000], { taskId })
      await stage.world.until('four slots', () => worker.concurrency === 4, 500)
      await stage.quiet()
      await stage.world.sleep(20_000)
      assert.equal(worker.concurrency, 4)
      await stage.world.until('one slot', () => worker.concurrency === 1, 45_000)
    })
  })

  test('it takes ahead for its maximum from the start: 4 × 4', async () => {
    await onStage({ tasks: { t: [work, LATE] } }, async stage => {
      await stage.worker('w', { autoscale: '4,1' })
      for (const taskId of names('t', 30)) await stage.app.sendTask('t', [60_000], { taskId })
      await stage.world.sleep(1000)
      assert.equal((await stage.stats()).held, 16)
    })
  })
})

describe('H36 without prefetch', () => {
  for (const acksLate of [true, false]) {
    test(`no short task waits behind a long one while any slot of the fleet is idle (${acksLate ? 'late' : 'early'} acks)`, async () => {
      await onStage({ tasks: { t: [work, { acksLate }] }, settings: { workerDisablePrefetch: true } }, async stage => {
        for (const name of ['w1', 'w2']) await stage.worker(name, { concurrency: 2 })
        for (const taskId of names('long', 3)) await stage.app.sendTask('t', [30_000], { taskId })
        await stage.world.until('the long ones', () => names('long', 3).every(id => stage.runs(id) === 1), 1000)
        const short = names('short', 50)
        const sent = stage.world.now
        for (const taskId of short) await stage.app.sendTask('t', [100], { taskId })
        await stage.world.until('the short ones', () => short.every(id => stage.runs(id) === 1), 10_000)
        // One slot was free, and never idle for longer than it takes to fetch.
        assert.ok(stage.world.now - sent < 50 * 150, `${stage.world.now - sent} ms`)
        await stage.quiet()
      })
    })

    test(`a worker whose slots are full holds nothing more (${acksLate ? 'late' : 'early'} acks)`, async () => {
      await onStage({ tasks: { t: [work, { acksLate }] }, settings: { workerDisablePrefetch: true } }, async stage => {
        await stage.worker('w', { concurrency: 3 })
        for (const taskId of names('t', 10)) await stage.app.sendTask('t', [10_000], { taskId })
        await stage.world.sleep(5000)
        const { ready, held } = await stage.stats()
        assert.deepEqual([ready, held], [7, acksLate ? 3 : 0])
        await stage.quiet()
        for (const id of names('t', 10)) assert.equal(stage.runs(id), 1, id)
      })
    })
  }

  test('after a lost connection with every slot full nothing is taken that cannot run', async () => {
    await onStage({ tasks: { t: [work, {}] }, settings: { workerDisablePrefetch: true } }, async stage => {
      const { broker } = await stage.worker('w', { concurrency: 2 })
      for (const taskId of names('t', 6)) await stage.app.sendTask('t', [20_000], { taskId })
      await stage.world.sleep(2000)
      broker.reset()
      await stage.world.sleep(10_000)
      assert.deepEqual([(await stage.stats()).ready, (await stage.stats()).held], [4, 0])
      await stage.quiet()
      for (const id of names('t', 6)) assert.equal(stage.runs(id), 1, id)
    })
  })
})
