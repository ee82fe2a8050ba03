import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as realSleep } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { deferred } from '../../src/lib/deferred.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'

const HOUR = 3_600_000

test('a task that is published runs when the cluster is drained, and not before', async () => {
  const app = new App('shop')
  const total = app.task('shop.total', (prices: readonly number[]) => prices.reduce((sum, price) => sum + price, 0))
  await using cluster = await testCluster({ app })
  await total.delay([1, 2, 3])
  cluster.expect(total).notToHaveRun()
  cluster.expect(total).toBeWaiting({ args: [[1, 2, 3]], queue: 'celery' })
  await cluster.drain()
  cluster.expect(total).toHaveRun({ args: [[1, 2, 3]], times: 1 })
  cluster.expect(total).toHaveSucceeded({ value: 6 })
})

test('until moves time until a result is there', async () => {
  const app = new App('shop')
  const total = app.task('shop.total', (x: number, y: number) => x + y)
  await using cluster = await testCluster({ app })
  const began = cluster.now.getTime()
  const result = await total.applyAsync([1, 2], { countdown: '3d' })
  assert.equal(await cluster.until(result.get()), 3)
  assert.equal(cluster.now.getTime() - began, 72 * HOUR)
})

test('a countdown is kept to the millisecond of virtual time', async () => {
  const app = new App('shop')
  const remind = app.task('shop.remind', () => undefined)
  await using cluster = await testCluster({ app, now: '2026-03-01T00:00:00Z' })
  await remind.applyAsync([], { countdown: '2h' })
  await cluster.advance('1h59m59s')
  cluster.expect('shop.remind').notToHaveRun()
  cluster.expect('shop.remind').toBeWaiting({ eta: new Date('2026-03-01T02:00:00Z') })
  await cluster.advance('1s')
  const [task] = cluster.expect('shop.remind').toHaveRun({ times: 1 })
  assert.equal(task?.runs[0]?.startedAt.toISOString(), '2026-03-01T02:00:00.000Z')
})

test('retries over days take no time, and each is listed with its eta and its error', async () => {
  const app = new App('shop')
  const fetchRates = app.task(
    'shop.fetchRates',
    () => {
      throw new RangeError('closed today')
    },
    { autoretryFor: [RangeError], maxRetries: 3, defaultRetryDelay: '1d' },
  )
  await using cluster = await testCluster({ app, now: '2026-03-01T00:00:00Z' })
  await fetchRates.delay()
  await cluster.advance('36h')
  const [waiting] = cluster.expect(fetchRates).toBeWaiting()
  assert.deepEqual(
    waiting?.retries.map(({ eta }) => eta?.toISOString()),
    ['2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'],
  )
  assert.ok(waiting?.retries[0]?.error instanceof RangeError)
  await cluster.drain()
  cluster.expect(fetchRates).toHaveRun({ times: 4 })
  cluster.expect(fetchRates).toHaveRetried({ times: 3 })
  const [failed] = cluster.expect(fetchRates).toHaveFailed({ error: RangeError })
  assert.equal(failed?.error instanceof RangeError && failed.error.message, 'closed today')
  assert.equal(cluster.now.toISOString(), '2026-03-04T00:00:00.000Z')
  assert.throws(() => cluster.expectNoFailures(), {
    code: 'LVG_TEST_FAILURES',
    message: /shop\.fetchRates.*closed today/,
  })
})

test("currentTask().clock is the cluster's, and soft and hard limits fire in its time", async () => {
  const app = new App('shop')
  const slow = app.task(
    'shop.slow',
    async () => {
      const { clock, signal } = currentTask()
      await clock.sleep(10 * HOUR, signal)
    },
    { softTimeLimit: '1h' },
  )
  const deaf = app.task('shop.deaf', () => new Promise(() => undefined), { timeLimit: '2h' })
  await using cluster = await testCluster({ app })
  await slow.delay()
  await deaf.delay()
  await cluster.advance('59m')
  assert.deepEqual(
    cluster.tasks.map(({ state }) => state),
    ['running', 'running'],
  )
  await cluster.advance('1m')
  cluster.expect(slow).toHaveFailed({ error: /3600/ })
  await cluster.drain()
  cluster.expect(deaf).toHaveFailed()
  assert.equal(cluster.expect(deaf).toHaveRun()[0]?.runs[0]?.outcome, 'abandoned')
})

test('handlers may use real timers and real I/O: virtual time waits for them', async () => {
  const app = new App('shop')
  const upload = app.task(
    'shop.upload',
    async () => {
      await realSleep(30)
      await realSleep(30)
      return 'there'
    },
    { timeLimit: '1s' },
  )
  await using cluster = await testCluster({ app })
  const before = cluster.now
  await upload.delay()
  await cluster.drain()
  cluster.expect(upload).toHaveSucceeded({ value: 'there' })
  assert.deepEqual(cluster.now, before)
})

test('tasks that tasks publish are followed, with their parents', async () => {
  const app = new App('shop')
  const mail = app.task('shop.mail', (_to: string) => undefined)
  const order = app.task('shop.order', async (to: string) => {
    await mail.applyAsync([to], { countdown: '10m' })
  })
  await using cluster = await testCluster({ app })
  const { id } = await order.delay('ada')
  await cluster.advance(0)
  const [sent] = cluster.expect(mail).toBeWaiting({ args: ['ada'] })
  assert.equal(sent?.parentId, id)
  await cluster.drain()
  cluster.expect(mail).toHaveRun({ times: 1 })
})

test('a crashed worker loses nothing that is acknowledged late: another one runs it, redelivered', async () => {
  const app = new App('shop')
  const pay = app.task('shop.pay', () => currentTask().clock.sleep(60_000), { acksLate: true })
  await using cluster = await testCluster({ app, workers: 2 })
  await pay.delay()
  await cluster.advance('10s')
  const [running] = cluster.expect(pay).toHaveRun()
  const first = running?.runs[0]?.worker ?? ''
  cluster.crash(first)
  await cluster.drain()
  const [task] = cluster.expect(pay).toHaveRun({ times: 2 })
  assert.deepEqual(
    task?.runs.map(({ outcome, redelivered }) => [outcome, redelivered]),
    [
      ['abandoned', false],
      ['returned', true],
    ],
  )
  assert.notEqual(task?.runs[1]?.worker, first)
  cluster.expect(pay).toHaveSucceeded()
})

test('what a crashed worker had acknowledged early is lost', async () => {
  const app = new App('shop')
  const pay = app.task('shop.pay', () => currentTask().clock.sleep(60_000))
  await using cluster = await testCluster({ app, workers: 1 })
  await pay.delay()
  await cluster.advance('10s')
  cluster.crash('w1')
  await cluster.startWorker({ name: 'w1' })
  await cluster.drain()
  assert.equal(cluster.tasks[0]?.state, 'lost')
})

test('a worker that crashes between the end of a handler and telling of it runs the handler again', async () => {
  const app = new App('shop')
  const charged: string[] = []
  const charge = app.task('shop.charge', (order: string) => void charged.push(order), { acksLate: true })
  await using cluster = await testCluster({ app, workers: 2 })
  cluster.crashAfterNext(charge)
  await charge.delay('o-1')
  await cluster.drain()
  assert.deepEqual(charged, ['o-1', 'o-1'])
  assert.equal(cluster.workers.length, 1)
})

test('a task can be delivered again whatever became of it', async () => {
  const app = new App('shop')
  const seen: boolean[] = []
  const charge = app.task('shop.charge', () => void seen.push(currentTask().deliveryInfo.redelivered))
  await using cluster = await testCluster({ app })
  const { id } = await charge.delay()
  await cluster.drain()
  await cluster.redeliver(id)
  await cluster.drain()
  assert.deepEqual(seen, [false, true])
  await assert.rejects(cluster.redeliver('nobody'), { code: 'LVG_CLUSTER_NO_TASK' })
})

test('routes are what they are in production: a queue that nobody consumes keeps its tasks, and drain says so', async () => {
  const app = new App('shop', { taskRoutes: { 'mail.*': 'mail' } })
  const send = app.task('mail.send', (_to: string) => undefined)
  await using cluster = await testCluster({ app })
  await send.delay('ada')
  await assert.rejects(cluster.drain(), {
    code: 'LVG_CLUSTER_NOT_DRAINED',
    message: /queue mail: 1 ready, 0 held, 0 delayed, and no worker consumes it\n.*mail\.send\('ada'\)/,
  })
  cluster.expect(send).toBeWaiting({ queue: 'mail' })
  await cluster.startWorker({ name: 'mailer', queues: ['mail'] })
  await cluster.drain()
  cluster.expect(send).toHaveRun({ worker: 'mailer' })
})

test('dead letters are listed with their reasons', async () => {
  const app = new App('shop')
  const pay = app.task('shop.pay', () => currentTask().clock.sleep(60_000), { acksLate: true, maxDeliveries: 1 })
  await using cluster = await testCluster({ app, workers: 3 })
  await pay.delay()
  for (let deaths = 0; deaths < 2; deaths++) {
    await cluster.advance('30s')
    const running = cluster.tasks[0]?.runs.at(-1)
    if (running?.outcome === 'running') cluster.crash(running.worker)
  }
  await cluster.drain()
  cluster.expect(pay).toBeDeadLettered({ reason: 'poison', times: 1 })
  assert.throws(() => cluster.expectNoFailures(), /poison/)
})

test('an app is afterwards what it was before, and can be in the next cluster', async () => {
  const app = new App('shop', { brokerUrl: 'memory://', resultBackend: 'cache+memory://' })
  const add = app.task('shop.add', (x: number, y: number) => x + y)
  const { runtime, settings } = app
  for (let round = 0; round < 2; round++) {
    await using cluster = await testCluster({ app, settings: { taskAcksLate: true } })
    assert.equal(app.settings.taskAcksLate, true)
    await assert.rejects(testCluster({ app }), { code: 'LVG_APP_IN_TEST' })
    await add.delay(1, 2)
    await cluster.drain()
    cluster.expect(add).toHaveRun({ times: 1 })
  }
  assert.equal(app.runtime, runtime)
  assert.equal(app.settings, settings)
  assert.deepEqual(app.extensions, [])
  await app[Symbol.asyncDispose]()
})

test('the same seed gives the same run, another one other chances', async () => {
  const run = async (seed: number): Promise<string> => {
    await using cluster = await testCluster({
      now: 0,
      seed,
      workers: 2,
      define: app => {
        app.task(
          'flaky',
          () => {
            if (currentTask().retries < 3) throw new Error('not yet')
          },
          { autoretryFor: [Error], retryBackoff: true, retryJitter: true },
        )
      },
    })
    await cluster.app.sendTask('flaky')
    await cluster.drain()
    return JSON.stringify(cluster.tasks.map(({ id, runs }) => [id, runs]))
  }
  assert.equal(await run(1), await run(1))
  assert.notEqual(await run(1), await run(2))
})

test('another app uses the same broker and results when it is adopted', async () => {
  const web = new App('web')
  await using cluster = await testCluster({ define: app => void app.task('shop.add', (x: number, y: number) => x + y) })
  cluster.adopt(web)
  const result = await web.sendTask<number>('shop.add', [1, 2])
  assert.equal(await cluster.until(result.get()), 3)
})

test('a test that waits for a result without moving time is told so', async () => {
  const app = new App('shop')
  const add = app.task('shop.add', (x: number, y: number) => x + y)
  await using cluster = await testCluster({ app })
  const result = await add.delay(1, 2)
  await assert.rejects(result.get(), { code: 'LVG_CLUSTER_STILL', message: /cluster\.until/ })
  cluster.expect(add).notToHaveRun()
})

test('a promise that never settles is told with what is left', async () => {
  await using cluster = await testCluster({ define: () => undefined })
  const never = new Promise(() => undefined)
  await assert.rejects(cluster.until(never), { code: 'LVG_CLUSTER_STALLED', message: /7d.*Nothing is left to happen/ })
})

test('a worker that is stopped hands back what it holds, and its handlers hear of a cold shutdown', async () => {
  const app = new App('shop', { taskAcksLate: true })
  const reasons: unknown[] = []
  const watch = app.task('shop.watch', async () => {
    const { clock, signal } = currentTask()
    await clock.sleep(10 * HOUR, signal).catch(reason => {
      reasons.push(reason.name)
      throw reason
    })
  })
  await using cluster = await testCluster({ app, workers: 1 })
  await watch.delay()
  await cluster.advance('1m')
  await cluster.stopWorker('w1', 'cold')
  assert.deepEqual(reasons, ['WorkerShutdown'])
  cluster.expect(watch).toBeWaiting()
})

test('log lines of workers are kept', async () => {
  await using cluster = await testCluster({ define: () => undefined })
  assert.ok(cluster.log.some(({ message }) => message === 'w1@test ready.'))
})

test('a handler that hangs does not hold time for longer than patience, whatever else keeps the process alive', async () => {
  const app = new App('shop')
  const hang = app.task('shop.hang', () => new Promise(() => undefined), { timeLimit: '10m' })
  await using cluster = await testCluster({ app, patience: '20ms' })
  const others = setInterval(() => undefined, 60_000)
  try {
    await hang.delay()
    await cluster.drain()
    cluster.expect(hang).toHaveFailed()
  } finally {
    clearInterval(others)
  }
})

test('a crashed handler that goes on for real publishes nothing and changes nothing', async () => {
  const app = new App('shop')
  const mail = app.task('shop.mail', () => undefined)
  const { promise: goOn, resolve: release } = deferred()
  const slow = app.task('shop.slow', async () => {
    await goOn
    await mail.delay()
  })
  await using cluster = await testCluster({ app })
  await slow.delay()
  await cluster.advance(0)
  cluster.crash('w1')
  assert.throws(() => cluster.crash('w1'), { code: 'LVG_CLUSTER_NO_WORKER' })
  release()
  await cluster.advance('1h')
  cluster.expect(mail).notToBePublished()
  assert.equal(cluster.tasks[0]?.state, 'lost')
})

test('an expired task is revoked without having run', async () => {
  const app = new App('shop')
  const late = app.task('shop.late', () => undefined)
  await using cluster = await testCluster({ app, workers: 0 })
  await late.applyAsync([], { expires: '10s' })
  await cluster.advance('20s')
  await cluster.startWorker()
  await cluster.drain()
  cluster.expect(late).notToHaveRun()
  assert.equal(cluster.tasks[0]?.state, 'revoked')
})
