import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import { type Deferred, deferred } from '../../src/lib/deferred.js'
import { type MemoryLog, memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { queueName } from '../../src/protocol/ids.js'
import { Worker } from '../../src/worker/worker.js'
import { eventually, openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'
import { privateRedis, redisServerMissing } from '../support/services/redis.js'
import { MemoryLines } from '../support/worker/rig.js'

/* Servers that let no more clients in (H79), or have no more memory (H80). */

const redis = { skip: redisServerMissing() ?? false }
const rabbit = { skip: (await rabbitMqMissing()) ?? false }

/** A worker with a task that ends when it is told to, and one that ends at once. */
class Shop implements AsyncDisposable {
  readonly app: App
  readonly worker: Worker
  readonly log: MemoryLog = memoryLog()
  readonly runs: string[] = []
  readonly gates = new Map<string, Deferred<void>>()

  constructor(settings: SettingsInput) {
    const runtime = nodeRuntime({ log: this.log.log })
    this.app = new App(
      'full',
      { taskAcksLate: true, brokerConnectionTimeout: 2, ...settings },
      { runtime, environment: {} },
    )
    this.app.task('quick', (id: string) => void this.runs.push(id))
    this.app.task('gated', async (id: string) => {
      this.runs.push(id)
      await this.gate(id).promise
      return id
    })
    this.worker = new Worker(this.app, { name: 'w@full', concurrency: 2 }, { spool: new MemoryLines() })
  }

  gate(id: string): Deferred<void> {
    const gate = this.gates.get(id) ?? deferred()
    this.gates.set(id, gate)
    return gate
  }

  says(pattern: RegExp): Promise<void> {
    return eventually(`${pattern}`, async () => this.log.lines.some(({ message }) => pattern.test(message)))
  }

  /** What is in the queue, wherever: ready, held, delayed. */
  async left(): Promise<number> {
    await using connection = await (await this.app.broker()).connect({ name: 'look' })
    const { ready, held, delayed } = await connection.stats(queueName('celery'))
    return ready + held + delayed
  }

  async ran(ids: readonly string[]): Promise<void> {
    await eventually(`${ids.length} runs`, async () => ids.every(id => this.runs.includes(id)))
    await eventually('an empty queue', async () => (await this.left()) === 0)
    assert.deepEqual(
      ids.filter(id => this.runs.filter(one => one === id).length !== 1),
      [],
      'these ran more than once',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gate of this.gates.values()) gate.resolve()
    await this.worker.stop('cold')
    await this.app[Symbol.asyncDispose]()
  }
}

function names(prefix: string): readonly string[] {
  return Array.from({ length: 10 }, (_, n) => `${prefix}${n}`)
}

describe('H79 a server that lets nobody in any more', () => {
  test(
    'H79 redis: workers wait outside and can be stopped meanwhile; in the end each task has run once',
    redis,
    async () => {
      await using server = await privateRedis()
      const settings = { brokerUrl: server.url, resultBackend: server.url }
      await using shop = new Shop(settings)
      await using outside = new Shop(settings)
      const admin = await server.client()
      await shop.worker.start()
      await shop.ran([])
      for (const id of names('before')) await shop.app.sendTask('quick', [id])
      await shop.ran(names('before'))
      const [, value] = (await admin.config('GET', 'maxclients')) as readonly string[]

      for (const id of names('queued')) await shop.app.sendTask('gated', [id])
      await eventually('two runs', async () => shop.runs.filter(id => id.startsWith('queued')).length === 2)
      await admin.config('SET', 'maxclients', '1')
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await shop.says(/max number of clients/)
      const starting = outside.worker.start()
      starting.catch(() => undefined)
      await outside.says(/max number of clients/)
      await outside.worker.stop('warm')
      assert.equal((await outside.worker.closed).kind, 'stopped')

      await admin.config('SET', 'maxclients', String(value))
      for (const id of names('queued')) shop.gate(id).resolve()
      await shop.ran(names('queued'))
      for (const id of names('after')) await shop.app.sendTask('quick', [id])
      await shop.ran(names('after'))
    },
  )

  test(
    'H79 rabbitmq: workers wait outside and can be stopped meanwhile; in the end nothing is left',
    rabbit,
    async () => {
      await using server = await openRabbitMq('full')
      const settings = { brokerUrl: server.url, resultBackend: 'disabled' }
      await using shop = new Shop(settings)
      await using outside = new Shop(settings)
      await shop.worker.start()
      for (const id of names('before')) await shop.app.sendTask('quick', [id])
      await shop.ran(names('before'))
      const limit = (most: number): Promise<unknown> =>
        server.ctl('set_vhost_limits', '-p', server.vhost, JSON.stringify({ 'max-connections': most }))

      await limit(0)
      await server.closeConnections('no room')
      await shop.says(/connection limit|NOT_ALLOWED|refused/i)
      const starting = outside.worker.start()
      starting.catch(() => undefined)
      await outside.says(/connection limit|NOT_ALLOWED|refused/i)
      await outside.worker.stop('warm')
      assert.equal((await outside.worker.closed).kind, 'stopped')

      await limit(-1)
      for (const id of names('after')) await shop.app.sendTask('quick', [id])
      await shop.ran(names('after'))
    },
  )

  test('H79 a worker that waits outside closes within its grace, and so does its app', redis, async () => {
    await using server = await privateRedis()
    const shop = new Shop({ brokerUrl: server.url, resultBackend: server.url })
    await shop.worker.start()
    const admin = await server.client()
    await admin.config('SET', 'maxclients', '1')
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await shop.says(/max number of clients/)
    await shop[Symbol.asyncDispose]()
    assert.equal((await shop.worker.closed).kind, 'stopped')
  })
})

describe('H80 a server without memory', () => {
  test(
    'H80 redis: publishing is refused with its reason, what runs is recorded when there is room again, once',
    redis,
    async () => {
      await using server = await privateRedis({ config: { 'maxmemory-policy': 'noeviction' } })
      await using shop = new Shop({ brokerUrl: server.url, resultBackend: server.url })
      await shop.worker.start()
      const running = await shop.app.sendTask<string>('gated', ['running'])
      await eventually('the run', async () => shop.runs.includes('running'))
      const admin = await server.client()
      await admin.config('SET', 'maxmemory', '1')

      await assert.rejects(shop.app.sendTask('quick', ['refused']), (error: unknown) => {
        assert.ok(error instanceof RejectedByBrokerError, String(error))
        assert.equal(error.code, 'LVG_REDIS_FULL')
        return true
      })
      shop.gate('running').resolve()
      await shop.says(/OOM|out of memory|maxmemory/i)
      await admin.config('SET', 'maxmemory', '0')

      assert.equal(await running.get({ timeout: 60 }), 'running')
      for (const id of names('after')) await shop.app.sendTask('quick', [id])
      await shop.ran(['running', ...names('after')])
      assert.equal(shop.runs.includes('refused'), false)
    },
  )

  test('H80 redis: a server that evicts is called unsafe when a worker starts', redis, async () => {
    await using server = await privateRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } })
    await using shop = new Shop({ brokerUrl: server.url, resultBackend: 'disabled' })
    await shop.worker.start()
    await shop.says(/maxmemory-policy allkeys-lru: when its memory is full it drops keys/)
  })
})
