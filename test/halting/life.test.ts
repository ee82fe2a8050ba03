import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { createSqliteBroker } from '../../src/brokers/sqlite/sqlite-broker.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import type { QueueName } from '../../src/protocol/ids.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { onStage, type Stage, sig, sleeper } from '../support/worker/stage.js'

/* Halting cases about starting, ending, and what is left behind. */

const LATE = { acksLate: true } as const
type Process = Parameters<ReturnType<typeof sleeper>>[1]
const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`)

test('H12 a worker starts within five seconds, whatever state its neighbours are in', async () => {
  await onStage({ tasks: { probe: [sleeper(50), LATE] } }, async stage => {
    const frozen = await stage.worker('frozen')
    frozen.process.freeze()
    const silent = await stage.worker('silent')
    silent.broker.blackhole()
    const full = await stage.worker('full')
    full.worker.revoke(names('r', 50_000))
    await full.worker.stop('warm')
    const began = stage.world.now
    stage.startWorker('new')
    const ids = names('p', 20)
    for (const taskId of ids) await stage.app.sendTask('probe', [], { taskId })
    await stage.world.until('work', () => ids.some(id => stage.entries(id).some(e => e.worker === 'new')), 5000)
    assert.ok(stage.world.now - began <= 5000)
  })
})

test('H15 two hundred connections, opened and closed again, leave no descriptor and no handle behind', {
  skip: process.platform === 'linux' ? false : 'descriptors are counted in /proc',
}, async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'queue.db')
  const broker = createSqliteBroker({ url: 'sqlite:///queue.db', path, durability: 'os', runtime: nodeRuntime() })
  const once = async (): Promise<void> => {
    const connection = await broker.connect({ name: 'h15' })
    const queue = { name: 'q' as QueueName }
    await connection.declare({ queues: [queue] })
    const consumer = await connection.consume([queue], 1)
    await consumer[Symbol.asyncDispose]()
    await connection[Symbol.asyncDispose]()
  }
  const descriptors = (): number => readdirSync('/proc/self/fd').length
  for (let n = 0; n < 5; n++) await once()
  const before = [descriptors(), process.getActiveResourcesInfo().length]
  for (let n = 0; n < 200; n++) await once()
  const after = [descriptors(), process.getActiveResourcesInfo().length]
  assert.ok(
    after.every((count, i) => count <= (before[i] ?? 0) + 2),
    `${before} before, ${after} after`,
  )
  await broker[Symbol.asyncDispose]()
})

test('H21 what ten dead workers held is back after a lease and two sweeps, all at once, in its queue and order', async () => {
  const settings = { taskMaxDeliveries: 10 }
  await onStage({ tasks: { probe: [sleeper(600_000), LATE], quick: [() => 1, LATE] }, settings }, async stage => {
    const nodes = []
    for (const name of names('w', 10)) nodes.push(await stage.worker(name, { concurrency: 5, prefetchMultiplier: 10 }))
    for (const taskId of names('p', 500)) await stage.app.sendTask('probe', [], { taskId })
    await stage.world.sleep(2000)
    assert.equal((await stage.stats()).held, 500)
    await stage.app.sendTask('quick', [], { taskId: 'younger', priority: 0 })
    for (const { process } of nodes) process.kill()
    // Leases of 2 s, swept by whoever is there: one that only looks.
    await using sweeper = await stage.cluster.observe()
    await sweeper.declare({ queues: [{ name: 'celery' as QueueName }] })
    await stage.world.sleep(2000 + 2 * 500 + 500)
    assert.deepEqual([(await stage.stats()).ready, (await stage.stats()).held], [501, 0])
    const [first] = await sweeper.get('celery' as QueueName, 1)
    assert.notEqual(first?.message.headers['id'], 'younger')
  })
})

for (const waiting of [4, 40]) {
  test(`H34 ${waiting} tasks for later and four slots: a hundred for now run at once`, async () => {
    await onStage({ tasks: { later: [() => 1, LATE], now: [sleeper(10), LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 4, prefetchMultiplier: 1 })
      for (const taskId of names('l', waiting)) await stage.app.sendTask('later', [], { taskId, countdown: 600 })
      await stage.world.sleep(1000)
      const ids = names('n', 100)
      for (const taskId of ids) await stage.app.sendTask('now', [], { taskId })
      await stage.world.until('the hundred', () => ids.every(id => stage.runs(id) === 1), 3000)
      assert.equal(stage.runs('l0'), 0)
      await stage.quiet(700_000)
      assert.ok(names('l', waiting).every(id => stage.runs(id) === 1))
    })
  })
}

/** What becomes of one part of a chord. */
const FATES = {
  succeeds: 'ok',
  retries: 'ok',
  'loses its worker': 'ok',
  'is delivered twice': 'ok',
  fails: 'error',
  'is revoked': 'error',
  'is late': 'error',
  'takes too long': 'error',
} as const

for (const [fate, end] of Object.entries(FATES)) {
  test(`H53 a part of a chord ${fate}: ${end === 'ok' ? 'the body runs once, with every value' : 'the body ends as a failure, and never runs'}`, async () => {
    const part = async (stage: Stage, process: Process, n: number) => {
      const { retries } = currentTask()
      if (n === 1) {
        if (fate === 'retries' && retries === 0) throw currentTask().retry({ countdown: 1 })
        if (fate === 'loses its worker' && stage.runs('p1') === 1) {
          process.kill()
          await new Promise(() => undefined)
        }
        if (fate === 'fails') throw new Error('no')
        if (fate === 'takes too long') await process.runtime.clock.sleep(3_600_000)
      }
      return n
    }
    const sum = (_s: Stage, _p: Process, values: readonly number[]) => values.join()
    const tasks = { part: [part, { ...LATE, timeLimit: 20 }] as const, sum: [sum, LATE] as const }
    await onStage({ tasks }, async stage => {
      const workers = [await stage.worker('w1'), await stage.worker('w2')]
      await stage.cluster.results().setChordSize('g' as never, 3, undefined)
      const chord = sig('sum', 'body')
      for (const n of [0, 1, 2]) {
        const own = { taskId: `p${n}`, groupId: 'g', groupIndex: n, chord }
        if (n === 1 && fate === 'is late') await stage.app.sendTask('part', [n], { ...own, countdown: 5, expires: 1 })
        else if (n === 1 && fate === 'is revoked') await stage.app.sendTask('part', [n], { ...own, countdown: 5 })
        else await stage.app.sendTask('part', [n], own)
        if (n === 1 && fate === 'is delivered twice') await stage.app.sendTask('part', [n], own)
      }
      if (fate === 'is revoked') for (const { worker } of workers) worker.revoke(['p1'])
      await stage.quiet(300_000)
      const body = await stage.meta('body')
      assert.equal(stage.runs('body'), end === 'ok' ? 1 : 0)
      assert.equal(body?.status, end === 'ok' ? 'SUCCESS' : 'FAILURE')
      if (end === 'ok') assert.equal(body?.result, '0,1,2')
    })
  })
}

for (const resultExpires of [0, 1]) {
  test(`H55 results that expire after ${resultExpires === 0 ? 'no time at all, which is never' : 'a second'}: the chord outlives its slowest part`, async () => {
    const part = async (_s: Stage, process: Process, n: number) => {
      await process.runtime.clock.sleep(n * 10_000)
      return n
    }
    const sum = (_s: Stage, _p: Process, values: readonly number[]) => values.join()
    const tasks = { part: [part, LATE] as const, sum: [sum, LATE] as const }
    await onStage({ tasks, settings: { resultExpires } }, async stage => {
      await stage.worker('w1')
      await stage.cluster.results().setChordSize('g' as never, 3, undefined)
      for (const n of [0, 1, 2])
        await stage.app.sendTask('part', [n], {
          taskId: `p${n}`,
          groupId: 'g',
          groupIndex: n,
          chord: sig('sum', 'body'),
        })
      await stage.quiet(120_000)
      assert.equal(stage.runs('body'), 1)
    })
  })
}
