import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { isAlive } from '../../src/testing/conformance/pool-tasks.js'
import { eventually, PoolStage } from '../support/pools/pool-stage.js'

/* Workers with real children, over SQLite. */

/** `lose` ends its child unless the file `spared` is there. */
const TASKS = `
import { existsSync, appendFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
const here = () => process.pid + ':' + threadId
export const add = app.task('add', (x: number, y: number) => x + y)
export const place = app.task('place', here)
export const lose = app.task('lose', (spared: string) => existsSync(spared) ? 'spared' : process.exit(7))
export const loseLate = app.task('lose-late', (spared: string) => existsSync(spared) ? 'spared' : process.exit(7), { acksLate: true })
export const poison = app.task('poison', () => process.exit(7), { acksLate: true, rejectOnWorkerLost: true, maxDeliveries: 2 })
export const back = app.task('back', (spared: string, seen: string) => {
  appendFileSync(seen, '.')
  return existsSync(spared) ? 'spared' : process.exit(7)
}, { acksLate: true, rejectOnWorkerLost: true, maxDeliveries: 50 })
export const spin = app.task('spin', (): never => { for (;;); }, { timeLimit: '500ms' })
export const spinLate = app.task('spin-late', async (): Promise<never> => {
  await currentTask().updateState('SPINS', process.pid)
  for (;;);
}, { acksLate: true })
export const soft = app.task('soft', async () => {
  const { signal, clock } = currentTask()
  await clock.sleep(600_000, signal)
}, { softTimeLimit: '100ms' })
export const parent = app.task('parent', async () => {
  const child = await add.delay(1, 2)
  await currentTask().progress(1, 2)
  return child.id
})
export const hold = app.task('hold', async (release: string) => {
  await currentTask().updateState('HOLDS', here())
  while (!existsSync(release)) await currentTask().clock.sleep(10)
  return 'held'
})
export const heed = app.task('heed', async () => {
  await currentTask().updateState('HEEDS', here())
  const { signal, clock } = currentTask()
  await clock.sleep(600_000, signal)
}, { acksLate: true })
export const stray = app.task('stray', async () => {
  setTimeout(() => { throw new RangeError('nobody catches') }, 1)
  await currentTask().clock.sleep(600_000)
})
`

for (const pool of ['prefork', 'threads']) {
  describe(`a worker with pool ${pool}`, () => {
    test('runs tasks in its children, which publish, tell states, and end each in its own way', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      const place = await stage.run('place')
      assert.notEqual(place.result, `${process.pid}:0`)
      const parent = await stage.run('parent')
      assert.deepEqual(
        parent.children?.map(child => child.id),
        [parent.result],
      )
      assert.equal((await stage.end(String(parent.result))).result, 3)
      const [soft, spin, stray] = await Promise.all(['soft', 'spin', 'stray'].map(task => stage.run(task)))
      assert.deepEqual([soft?.error?.type, soft?.error?.module], ['SoftTimeLimitExceeded', 'billiard.exceptions'])
      assert.deepEqual([spin?.error?.type, spin?.error?.args], ['TimeLimitExceeded', [0.5]])
      assert.deepEqual([stray?.error?.type, stray?.error?.args], ['ValueError', ['nobody catches']])
      assert.match(stage.lines, /left behind an exception that nobody caught: ValueError\('nobody catches'\)/)
      assert.equal((await stage.run('add', 1, 1)).result, 2)
    })

    test('F02 a task whose child is gone is a WorkerLostError, early and late', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      for (const task of ['lose', 'lose-late']) {
        const { status, error } = await stage.run(task, 'nowhere')
        assert.deepEqual([status, error?.type], ['FAILURE', 'WorkerLostError'])
        assert.deepEqual(error?.args, ['Worker exited prematurely: exitcode 7.'])
      }
      assert.equal((await stage.run('add', 1, 1)).result, 2)
    })

    test('F02 with rejectOnWorkerLost it goes back and runs again', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      const [spared, seen] = [stage.project.path('spared'), stage.project.path('seen')]
      const id = await stage.send('back', [spared, seen])
      await eventually('a second attempt', () => existsSync(seen) && readFileSync(seen, 'utf8').length >= 2)
      writeFileSync(spared, '')
      assert.equal((await stage.end(id)).result, 'spared')
    })

    test('F60 a task that kills its child each time is poison after maxDeliveries, and others are not kept from running', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      const poison = await stage.send('poison')
      for (let n = 0; n < 5; n++) assert.equal((await stage.run('add', n, 1)).result, n + 1)
      assert.equal((await stage.end(poison)).error?.type, 'PoisonTaskError')
    })

    test('a warm stop lets running tasks finish, and no child is left', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      const release = stage.project.path('release')
      const id = await stage.send('hold', [release])
      const { result } = await stage.until(id, 'HOLDS')
      const stopped = stage.worker.stop('warm')
      writeFileSync(release, '')
      await stopped
      assert.equal((await stage.end(id)).result, 'held')
      assertGone(result, pool)
    })

    test('a soft stop becomes a cold one: who heeds the signal goes back, a busy loop is ended, and no child is left', async () => {
      await using stage = await PoolStage.open(pool, TASKS, 'workerSoftShutdownTimeout: 0.2')
      const [heed, spin] = [await stage.send('heed'), await stage.send('spin-late')]
      const heeds = await stage.until(heed, 'HEEDS')
      await stage.until(spin, 'SPINS')
      await stage.worker.stop('soft')
      assert.deepEqual(await stage.worker.closed, { kind: 'stopped', how: 'cold' })
      assertGone(heeds.result, pool)
      const broker = await stage.app.broker()
      await using connection = await broker.connect({ name: 'look' })
      const { ready } = await connection.stats('celery' as Parameters<typeof connection.stats>[0])
      assert.equal(ready, 2)
    })

    test('a hard stop waits for nothing, and no child is left', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      const { result } = await stage.until(await stage.send('spin-late'), 'SPINS')
      await stage.worker.stop('hard')
      if (pool === 'prefork') await eventually('the end of the child', () => !isAlive(Number(result)))
    })

    test('H60 terminate ends a task that does not listen as REVOKED, twice is once, and too late is harmless', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      const id = await stage.send('spin-late')
      await stage.until(id, 'SPINS')
      stage.worker.revoke([id], { terminate: true })
      stage.worker.revoke([id], { terminate: true })
      assert.equal((await stage.end(id)).status, 'REVOKED')
      stage.worker.revoke([id], { terminate: true, signal: 'SIGKILL' })
      assert.equal((await stage.run('add', 1, 1)).result, 2)
    })

    test('its pool grows, shrinks and restarts with modules loaded anew while it works', async () => {
      await using stage = await PoolStage.open(pool, TASKS)
      await stage.worker.resize(3)
      assert.equal(stage.worker.concurrency, 3)
      await stage.worker.resize(1)
      const file = stage.project.path('app-1.mjs')
      writeFileSync(file, readFileSync(file, 'utf8').replace('=> x + y', '=> x * y'))
      assert.equal((await stage.run('add', 3, 4)).result, 7)
      await stage.worker.restartPool()
      assert.equal((await stage.run('add', 3, 4)).result, 12)
    })

    for (const [name, more, code] of [
      [
        'does not load in children',
        `if (process.env.LOVAGE_POOL_CHILD) throw new Error('not here')`,
        'LVG_MODULE_FAILED',
      ],
      [
        'starts a worker itself',
        `import { Worker } from 'lovage/worker'
         if (process.env.LOVAGE_POOL_CHILD) await new Worker(app, { pool: '${pool}', module: import.meta.url }).start()`,
        'LVG_POOL_IN_CHILD',
      ],
      ['ends the child', `if (process.env.LOVAGE_POOL_CHILD) process.exit(5)`, 'LVG_POOL_CHILD'],
    ] as const) {
      test(`does not start with a module that ${name}`, async () => {
        await using stage = await PoolStage.prepare(pool, `${TASKS}\n${more}\n`)
        await assert.rejects(stage.worker.start(), { name: 'ConfigError', code })
      })
    }

    test('does not start without knowing the module', async () => {
      await using stage = await PoolStage.prepare(pool, TASKS)
      const { Worker } = await import('../../src/worker/worker.js')
      const worker = new Worker(stage.app, { pool })
      await assert.rejects(worker.start(), { code: 'LVG_POOL_MODULE', message: /module: import\.meta\.url/ })
      const elsewhere = new Worker(stage.app, { pool, module: './nowhere.ts' })
      await assert.rejects(elsewhere.start(), { code: 'LVG_POOL_MODULE', message: /nowhere\.ts/ })
    })
  })
}

test('F06 a child process that stands still is ended at the limit of its task, and the worker goes on', async () => {
  const tasks = `
export const add = app.task('add', (x: number, y: number) => x + y)
export const stop = app.task('stop', async () => {
  await currentTask().updateState('STOPS', process.pid)
  process.kill(process.pid, 'SIGSTOP')
  await currentTask().clock.sleep(600_000)
}, { timeLimit: 1 })
`
  await using stage = await PoolStage.open('prefork', tasks)
  const id = await stage.send('stop')
  assert.equal((await stage.run('add', 1, 1)).result, 2)
  assert.deepEqual((await stage.end(id)).error?.type, 'TimeLimitExceeded')
  for (let n = 0; n < 4; n++) assert.equal((await stage.run('add', n, 1)).result, n + 1)
})

/** `pid:thread`, as tasks tell it. */
function assertGone(place: unknown, pool: string): void {
  if (pool === 'prefork') assert.equal(isAlive(Number(String(place).split(':')[0])), false)
}
