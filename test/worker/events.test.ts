import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { Reject } from '../../src/app/errors.js'
import type { SettingsInput } from '../../src/app/settings.js'
import type { Connection } from '../../src/brokers/broker.js'
import type { QueueName } from '../../src/protocol/ids.js'
import type { WorkerOptions } from '../../src/worker/worker-options.js'
import { vectors } from '../support/vectors.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

type Event = Readonly<Record<string, unknown>>

interface Heard {
  readonly routingKey: string
  readonly body: Event | readonly Event[]
}

const EARS = 'ears' as QueueName

/** A cluster of one worker, and somebody who hears all of its events. */
class Cluster implements AsyncDisposable {
  readonly rig: Rig
  readonly app: App
  readonly #ears: Connection

  private constructor(rig: Rig, ears: Connection) {
    this.rig = rig
    this.app = rig.app()
    this.#ears = ears
  }

  static async start(options: WorkerOptions = {}, settings: SettingsInput = {}): Promise<Cluster> {
    const rig = new Rig(runtime => new MemoryPlace(runtime), define, {
      workerSendTaskEvents: true,
      taskSendSentEvent: true,
      ...settings,
    })
    const ears = await rig.connection()
    const exchange = { name: 'celeryev', type: 'topic', durable: true } as const
    await rig.wait(ears.declare({ queues: [{ name: EARS, exchange, routingKey: '#' }] }))
    const cluster = new Cluster(rig, ears)
    await rig.worker('w', { withoutHeartbeat: false, ...options })
    return cluster
  }

  /** What came since the last time. */
  async heard(): Promise<readonly Heard[]> {
    const deliveries = await this.rig.wait(this.#ears.get(EARS, 10_000))
    await this.rig.wait(Promise.all(deliveries.map(delivery => delivery.ack())))
    return deliveries.map(({ message, routingKey }) => ({
      routingKey,
      body: JSON.parse(Buffer.from(message.body).toString()),
    }))
  }

  async events(): Promise<readonly Event[]> {
    return (await this.heard()).flatMap(({ body }) => body as Event | readonly Event[])
  }

  async call(task: string, args: readonly unknown[] = [], options: Parameters<App['sendTask']>[2] = {}): Promise<void> {
    await this.rig.wait(this.app.sendTask(task, args, options))
    await this.rig.pass(1000)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]()
  }
}

function define(app: App): void {
  app.task('add', (x: number, y: number) => x + y)
  app.task('fail', (message: string) => {
    throw new TypeError(message)
  })
  app.task('reject', () => {
    throw new Reject('on purpose')
  })
  app.task('retry', () => {
    if (currentTask().retries === 0) throw currentTask().retry({ countdown: 0.1 })
  })
  app.task('silent', () => 1, { sendEvents: false })
}

/** null, text, number, …; what may be null in one capture and text in another. */
function kind(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}

function shape(event: Event): string {
  return Object.keys(event).sort().join(' ')
}

describe('events of a worker', () => {
  test('for the same situations have the members and types of both Celerys', async () => {
    const ours = new Map<string, Event[]>()
    {
      await using cluster = await Cluster.start({}, { unknownTask: 'reject' })
      await cluster.call('nobody')
      await cluster.call('add', [2, 3])
      await cluster.call('fail', ['broken: ž'])
      await cluster.call('reject')
      await cluster.call('retry')
      await cluster.call('add', [1, 1], { expires: new Date(cluster.rig.runtime.clock.now() - 1000) })
      await cluster.rig.pass(4000)
      for (const event of await cluster.events()) keep(ours, event)
    }
    const theirs = vectors('celery-').filter(({ path }) => /^celery-[\d.]+\/events\//.test(path))
    const compared = new Set<string>()
    for (const { path, vector } of theirs) {
      for (const { event } of vector.events as readonly { readonly event: Event }[]) {
        const type = String(event['type'])
        if (type === 'task-custom' || type === 'worker-offline') continue
        const same = (ours.get(type) ?? []).find(own => shape(own) === shape(event))
        if (same === undefined) assert.fail(`${path}: ${shape(event)}; ours: ${ours.get(type)?.map(shape).join(' | ')}`)
        for (const [name, value] of Object.entries(event)) {
          const kinds: readonly string[] = [kind(value), kind(same[name])]
          if (!kinds.includes('null')) assert.equal(kinds[1], kinds[0], `${path}: ${name}`)
        }
        compared.add(type)
      }
    }
    assert.deepEqual([...compared].sort(), [...ours.keys()].sort())
  })

  test('tell a task from its sending to its end, in their order', async () => {
    await using cluster = await Cluster.start()
    await cluster.heard()
    await cluster.call('add', [2, 3], { taskId: 'a', kwargs: {} })
    const all = (await cluster.events()).filter(event => event['uuid'] === 'a')
    const byType = new Map(all.map(event => [event['type'], event]))
    const [sent, received, , succeeded] = ['sent', 'received', 'started', 'succeeded'].map(
      subject => byType.get(`task-${subject}`) ?? assert.fail(subject),
    )
    assert.deepEqual(
      all.filter(({ hostname }) => hostname === 'w@rig').map(({ type }) => type),
      ['task-received', 'task-started', 'task-succeeded'],
    )
    const { name, args, kwargs, queue, exchange, routing_key: key } = sent ?? {}
    assert.deepEqual([name, args, kwargs, queue, exchange, key], ['add', '(2, 3)', '{}', 'celery', '', 'celery'])
    assert.deepEqual([received?.['name'], received?.['args'], received?.['root_id']], ['add', '(2, 3)', 'a'])
    assert.deepEqual([succeeded?.['result'], sent?.['hostname']], ['5', 'gen7@here'])
  })

  test('about tasks travel as lists, those of the worker alone', async () => {
    await using cluster = await Cluster.start()
    await cluster.call('add', [1, 1])
    await cluster.rig.pass(2000)
    for (const { routingKey, body } of await cluster.heard()) {
      assert.equal(Array.isArray(body), routingKey === 'task.multi', routingKey)
    }
  })

  test('a worker announces itself, beats every two seconds, and says good-bye', async () => {
    const types: unknown[] = []
    const rest: Promise<readonly Event[]>[] = []
    {
      await using cluster = await Cluster.start()
      await cluster.call('add', [1, 1])
      await cluster.rig.pass(5100)
      const events = (await cluster.events()).filter(({ type }) => String(type).startsWith('worker-'))
      types.push(...events.map(({ type }) => type))
      const { freq, active, processed, loadavg, sw_ident: ident, sw_sys: system } = events.at(-1) ?? {}
      assert.deepEqual([freq, active, processed, loadavg], [2, 0, 1, [0.5, 0.25, 0.13]])
      assert.deepEqual([ident, system], ['lovage', 'Linux'])
      for (const worker of cluster.rig.workers) await cluster.rig.wait(worker.stop('warm'))
      rest.push(Promise.resolve(await cluster.events()))
    }
    assert.deepEqual(types, ['worker-online', 'worker-heartbeat', 'worker-heartbeat', 'worker-heartbeat'])
    assert.deepEqual(
      (await rest[0])?.map(({ type }) => type),
      ['worker-offline'],
    )
  })

  test('without heartbeats there are none of these three', async () => {
    await using cluster = await Cluster.start({ withoutHeartbeat: true })
    await cluster.rig.pass(10_000)
    assert.deepEqual(await cluster.events(), [])
  })

  test('another interval is kept and told', async () => {
    await using cluster = await Cluster.start({ heartbeatInterval: '500ms' })
    await cluster.rig.pass(1600)
    const beats = (await cluster.events()).filter(({ type }) => type === 'worker-heartbeat')
    assert.ok(beats.length >= 3, String(beats.length))
    assert.equal(beats[0]?.['freq'], 0.5)
  })

  test('without -E there are none about tasks; a task without sendEvents never has any', async () => {
    await using quiet = await Cluster.start({}, { workerSendTaskEvents: false, taskSendSentEvent: false })
    await quiet.call('add', [1, 1])
    assert.deepEqual(
      (await quiet.events()).filter(({ uuid }) => uuid !== undefined),
      [],
    )
    await using cluster = await Cluster.start({}, { taskSendSentEvent: false })
    await cluster.call('silent')
    await cluster.call('add', [1, 1], { taskId: 'a' })
    assert.deepEqual(new Set((await cluster.events()).map(({ uuid }) => uuid)), new Set([undefined, 'a']))
  })

  test('of a task that nobody knows tell its exception', async () => {
    await using cluster = await Cluster.start({}, { unknownTask: 'reject' })
    await cluster.call('nobody', [], { taskId: 'x' })
    const failed = (await cluster.events()).find(({ type }) => type === 'task-failed') ?? assert.fail()
    assert.deepEqual(
      [failed['uuid'], failed['exception'], 'traceback' in failed],
      ['x', "NotRegistered('nobody')", false],
    )
  })
})

function keep(all: Map<string, Event[]>, event: Event): void {
  const type = String(event['type'])
  all.set(type, [...(all.get(type) ?? []), event])
}
