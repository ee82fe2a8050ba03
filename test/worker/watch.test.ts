import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import type { Broker, Connection, Consumer } from '../../src/brokers/broker.js'
import { Worker } from '../../src/worker/worker.js'
import type { WorkerOptions } from '../../src/worker/worker-options.js'
import { MemoryLines, MemoryPlace, Rig } from '../support/worker/rig.js'
import { logLines, onStage, sleeper } from '../support/worker/stage.js'

/* G6, G2: a worker that is given nothing, and a queue that nobody serves. */

/** A broker whose first `times` consumers hear nothing, while everything else of their connections works. */
function deafBroker(broker: Broker, times: number): Broker & { readonly consumers: number } {
  let consumers = 0
  const connect: Broker['connect'] = async (options, signal) => {
    const connection = await broker.connect(options, signal)
    const consume: Connection['consume'] = (queues, prefetch) => {
      // Not what others tell of themselves.
      const isWork = queues.some(queue => queue.name === 'celery')
      const hears = !isWork || ++consumers > times
      return hears ? connection.consume(queues, prefetch) : Promise.resolve(deafConsumer(connection))
    }
    return proxied(connection, { consume })
  }
  return proxied(broker, {
    connect,
    get consumers() {
      return consumers
    },
  })
}

/** Everything of `target` but what is laid over it. */
function proxied<T extends object, O extends object>(target: T, over: O): T & O {
  return new Proxy(target, {
    get: (_, key) => {
      if (key in over) return Reflect.get(over, key)
      const value = Reflect.get(target, key) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as T & O
}

function deafConsumer({ closed }: Connection): Consumer {
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        await closed
        return { done: true, value: undefined }
      },
    }),
    setPrefetch: async () => undefined,
    add: async () => undefined,
    cancel: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
}

async function onDeafBroker(
  times: number,
  options: WorkerOptions,
  play: (rig: Rig<MemoryPlace>, worker: Worker, broker: { readonly consumers: number }, app: App) => Promise<void>,
): Promise<void> {
  await using rig = new Rig(
    runtime => new MemoryPlace(runtime),
    app => void app.task('demo.nothing', () => 'done'),
  )
  const app = rig.app()
  const broker = deafBroker(rig.place.broker(rig.runtime), times)
  const worker = new Worker(app, { name: 'w@rig', concurrency: 2, ...options }, { spool: new MemoryLines(), broker })
  await rig.wait(worker.start())
  await play(rig, worker, broker, app)
  await rig.wait(worker.stop('cold'))
}

const said = (rig: Rig<MemoryPlace>, what: RegExp): number => rig.runtime.lines.filter(l => what.test(l.message)).length

describe('G6 the watch over stalls', () => {
  test('messages wait, slots are free, nothing is delivered: said, not ready, connected anew, and then all is well', async () => {
    await onDeafBroker(1, {}, async (rig, worker, broker, app) => {
      await rig.wait(app.sendTask('demo.nothing', [], { taskId: 'a' }))
      assert.equal(worker.health.ready, true)
      await rig.pass(29_000)
      assert.deepEqual([worker.health.ready, broker.consumers], [true, 1])
      await rig.pass(15_000)
      assert.equal(said(rig, /^Stalled: Nothing was delivered for 30 s although queue 'celery' .*\(1 now\)/), 1)
      await rig.pass(5000)
      assert.equal(broker.consumers, 2)
      assert.equal((await rig.meta('a'))?.status, 'SUCCESS')
      assert.deepEqual([worker.health.ready, worker.health.reasons], [true, []])
      assert.deepEqual(
        rig.events
          .filter(({ type }) => type === 'worker-stalled')
          .map(({ fields }) => [fields['queue'], fields['depth']]),
        [['celery', 1]],
      )
    })
  })

  test('as long as it lasts the worker is not ready, and the reason names queue, depth and age', async () => {
    await onDeafBroker(10, {}, async (rig, worker, _broker, app) => {
      await rig.wait(app.sendTask('demo.nothing', [], { taskId: 'a' }))
      await rig.pass(90_000)
      assert.equal(said(rig, /^Stalled/), 2)
      assert.equal(said(rig, /It is the 2th time in a row/), 1)
      assert.equal(worker.health.ready, false)
      assert.match(
        worker.health.reasons[0] ?? '',
        /nothing has been delivered for 30\.0 s although queue 'celery' holds 1/,
      )
    })
  })

  test('D80 with exitOnStall a second stall in a row ends the worker', async () => {
    await onDeafBroker(10, { exitOnStall: true }, async (rig, worker, _broker, app) => {
      await rig.wait(app.sendTask('demo.nothing', [], { taskId: 'a' }))
      await rig.pass(45_000)
      assert.equal(worker.health.live, true)
      const end = await rig.wait(worker.closed)
      assert.equal(end.kind, 'failed')
      assert.equal(end.kind === 'failed' && (end.error as { code: string }).code, 'LVG_STALLED')
      assert.equal(said(rig, /The worker ends \(--exit-on-stall\)/), 1)
    })
  })

  test('an empty queue is no stall, however long', async () => {
    await onDeafBroker(10, {}, async (rig, worker, broker) => {
      await rig.pass(600_000)
      assert.deepEqual([said(rig, /Stalled/), worker.health.ready, broker.consumers], [0, true, 1])
    })
  })

  test('nor is a busy worker with a full queue', async () => {
    const tasks = { long: [sleeper(300_000), { acksLate: true }] as const }
    const report = await onStage({ tasks }, async stage => {
      const { worker } = await stage.worker('w', { concurrency: 1, prefetchMultiplier: 1 })
      for (let n = 0; n < 5; n++) await stage.app.sendTask('long', [], { taskId: `l${n}` })
      await stage.world.sleep(250_000)
      assert.equal(worker.health.ready, true)
    })
    assert.deepEqual(
      logLines(report).filter(line => /Stalled/.test(line)),
      [],
    )
  })

  test('nor one whose broker is away: that is told as what it is', async () => {
    const report = await onStage({ tasks: { quick: () => 1 } }, async stage => {
      const { worker, broker } = await stage.worker()
      broker.cut()
      await stage.world.sleep(120_000)
      assert.equal(worker.health.ready, false)
      assert.match(worker.health.reasons.join(), /not connected/)
      broker.heal()
      await stage.world.until('ready again', () => worker.health.ready, 60_000)
    })
    assert.deepEqual(
      logLines(report).filter(line => /Stalled/.test(line)),
      [],
    )
  })
})

test('H41 ten messages for a queue that no worker consumes: named within ten seconds with its depth, and quiet once it is served', async () => {
  const settings = { taskQueues: ['package', 'notify'] }
  const report = await onStage({ tasks: { quick: () => 1 }, settings }, async stage => {
    await stage.worker('w')
    for (let n = 0; n < 10; n++) await stage.app.sendTask('quick', [], { taskId: `q${n}`, queue: 'celery' })
    await stage.world.sleep(10_000)
    const found = () => stage.events.filter(event => event.type === 'queue-unserved' && event.on === 'w')
    assert.deepEqual(
      found().map(({ fields }) => [fields['queue'], fields['depth']]),
      [['celery', 10]],
    )
    await stage.world.sleep(60_000)
    assert.equal(found().length, 2)
    assert.ok(Number(found()[1]?.fields['age']) >= 55_000)
    await stage.worker('right', { queues: ['celery'] })
    await stage.quiet()
    await stage.world.sleep(120_000)
    assert.equal(found().length, 2)
    assert.equal(stage.runs('q9'), 1)
  })
  const lines = logLines(report).filter(line => /has no consumer/.test(line))
  assert.match(lines[0] ?? '', /warning Queue 'celery' holds 10 messages and has no consumer\..*-Q celery/)
})
