import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { SettingsInput } from '../../../src/app/settings.js'
import { App, BrokerError } from '../../../src/index.js'
import { deferred } from '../../../src/lib/deferred.js'
import { Worker, type WorkerOptions } from '../../../src/worker.js'
import { AmqpRig } from '../../support/brokers/amqp-rig.js'
import { eventually, openRabbitMq } from '../../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('worker')
after(() => rabbit[Symbol.asyncDispose]())

let places = 0

/** An app on a queue of its own, with a worker that is stopped with it. */
class Shop implements AsyncDisposable {
  readonly queue = `shop${++places}`
  readonly app: App
  readonly #workers: Worker[] = []

  constructor(settings: SettingsInput = {}) {
    this.app = new App('shop', {
      brokerUrl: rabbit.url,
      resultBackend: 'cache+memory://',
      taskDefaultQueue: this.queue,
      taskAcksLate: true,
      publishTimeout: 20,
      brokerNativeDelayedDeliveryQueueType: 'classic',
      logLevel: 'critical',
      ...settings,
    })
  }

  async work(options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(this.app, { concurrency: 4, ...options })
    this.#workers.push(worker)
    await worker.start()
    return worker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) await worker[Symbol.asyncDispose]()
    await this.app[Symbol.asyncDispose]()
  }
}

test('tasks run, fail, are retried and tell their results', rabbit.needed, async () => {
  await using shop = new Shop()
  let tries = 0
  const add = shop.app.task('add', (a: number, b: number) => a + b)
  const flaky = shop.app.task(
    'flaky',
    () => {
      if (tries++ === 0) throw new RangeError('once')
      return 'at last'
    },
    { autoretryFor: [RangeError], defaultRetryDelay: 0.2, maxRetries: 2 },
  )
  await shop.work()
  const sums = await Promise.all([1, 2, 3].map(each => add.delay(each, each)))
  assert.deepEqual(await Promise.all(sums.map(each => each.get({ timeout: 30 }))), [2, 4, 6])
  assert.equal(await (await flaky.delay()).get({ timeout: 30 }), 'at last')
})

test(
  'H34 D32 tasks with a far eta occupy neither slot nor window, of classic and of quorum queues',
  rabbit.needed,
  async () => {
    for (const taskDefaultQueueType of ['classic', 'quorum'] as const) {
      await using shop = new Shop({ taskDefaultQueueType, workerPrefetchMultiplier: 1 })
      const now = shop.app.task('now', (x: number) => x)
      const later = shop.app.task('later', () => 'later')
      for (let i = 0; i < 12; i++) await later.applyAsync([], { countdown: 600 })
      await shop.work()
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => now.delay(i)))
      await Promise.all(results.map(each => each.get({ timeout: 60 })))
      await using rig = new AmqpRig(rabbit.url)
      const looker = await rig.connect()
      await eventually('nothing held', async () => (await looker.stats(shop.queue as never)).ready === 0)
    }
  },
)

test(
  'D84 H28 a connection lost under running tasks: each runs once, and the worker goes on',
  rabbit.needed,
  async () => {
    await using shop = new Shop()
    const begun: number[] = []
    const gate = deferred()
    const slow = shop.app.task('slow', async (x: number) => {
      begun.push(x)
      await gate.promise
      return x
    })
    await shop.work()
    const results = await Promise.all([0, 1, 2].map(each => slow.delay(each)))
    await eventually('three running', () => begun.length === 3)
    await rabbit.closeConnections('test of D84')
    const after = await slow.delay(3)
    await eventually('the worker to consume again', () => begun.includes(3))
    gate.resolve()
    assert.deepEqual(await Promise.all([...results, after].map(each => each.get({ timeout: 30 }))), [0, 1, 2, 3])
    assert.deepEqual(begun.toSorted(), [0, 1, 2, 3])
    await using rig = new AmqpRig(rabbit.url)
    const looker = await rig.connect()
    await eventually('no message left', async () => (await looker.get(shop.queue as never, 1)).length === 0)
  },
)

test('D60 H25 a task whose workers die every time is dead-lettered after three beginnings', rabbit.needed, async () => {
  await using shop = new Shop()
  let beginnings = 0
  shop.app.task('poison', () => {
    beginnings++
  })
  await shop.app.sendTask('poison')
  await using rig = new AmqpRig(rabbit.url)
  // A worker that dies: its connections end under it, and it never hears of its task again.
  for (let round = 1; round <= 3; round++) {
    const doomed = new Shop({ taskDefaultQueue: shop.queue, brokerConnectionRetry: false })
    doomed.app.task('poison', () => {
      beginnings++
      return new Promise<void>(() => {})
    })
    const worker = new Worker(doomed.app, { concurrency: 1 })
    await worker.start()
    await eventually(`beginning ${round}`, () => beginnings === round)
    await rabbit.closeConnections('death of a worker')
    await worker.stop('cold')
    await doomed[Symbol.asyncDispose]()
  }
  const fresh = await rig.connect()
  await shop.work()
  await eventually('the dead letter', async () => (await fresh.stats(`${shop.queue}.dead` as never)).ready === 1)
  assert.equal(beginnings, 3)
})

test(
  'D85 a wrong password ends the start of a worker at once, although it is told to retry',
  rabbit.needed,
  async () => {
    await using shop = new Shop({ brokerUrl: rabbit.urlAs('guest', 'wrong'), brokerConnectionRetryOnStartup: true })
    await assert.rejects(shop.work(), error => error instanceof BrokerError && error.code === 'LVG_BROKER_LOGIN')
  },
)

test('queue arguments that differ end the start of a worker at once', rabbit.needed, async () => {
  await using shop = new Shop()
  await shop.work()
  await using other = new Shop({ taskDefaultQueue: shop.queue, taskQueueMaxPriority: 5 })
  await assert.rejects(other.work(), error => error instanceof BrokerError && error.code === 'LVG_TOPOLOGY_CONFLICT')
})
