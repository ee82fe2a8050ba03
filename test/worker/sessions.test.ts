import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import type { Broker, Connection } from '../../src/brokers/broker.js'
import { BrokerError } from '../../src/brokers/errors.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { Worker } from '../../src/worker/worker.js'
import { type HandRuntime, handRuntime } from '../app/hand-runtime.js'
import { MemoryLines } from '../support/worker/rig.js'
import { logLines, onStage, type Stage, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const
type Process = Parameters<ReturnType<typeof sleeper>>[1]

describe('D84 the connection is lost', () => {
  test('running tasks go on; late ones are acked on the new connection, early ones are stored', async () => {
    await onStage({ tasks: { late: [sleeper(4000), LATE], early: sleeper(4000) } }, async stage => {
      const { broker } = await stage.worker()
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.app.sendTask('early', [], { taskId: 'e' })
      await Promise.all([stage.started('l'), stage.started('e')])
      broker.cut()
      await stage.world.sleep(1000)
      broker.heal()
      await stage.quiet()
      await stage.world.sleep(1000)
      assert.deepEqual([stage.runs('l'), stage.runs('e')], [1, 1])
      assert.deepEqual([await stage.status('l'), await stage.status('e')], ['SUCCESS', 'SUCCESS'])
    })
  })

  test('a task that ends while there is no connection is stored, and its redelivery only acked', async () => {
    await onStage({ tasks: { late: [sleeper(2000), LATE] } }, async stage => {
      const { broker } = await stage.worker()
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.started('l')
      broker.cut()
      await stage.world.sleep(10_000)
      assert.equal(await stage.status('l'), 'SUCCESS')
      broker.heal()
      await stage.quiet()
      assert.equal(stage.runs('l'), 1)
    })
  })

  test('with workerCancelLongRunningTasksOnConnectionLoss late ones are interrupted and run again, early ones go on', async () => {
    const reasons: string[] = []
    const watch = async (_s: Stage, process: Process) => {
      try {
        await process.runtime.clock.sleep(4000, currentTask().signal)
      } catch (error) {
        reasons.push(`${currentTask().id} ${(error as Error).name}`)
        throw error
      }
    }
    const settings = { workerCancelLongRunningTasksOnConnectionLoss: true }
    await onStage({ tasks: { late: [watch, LATE], early: watch }, settings }, async stage => {
      const { broker } = await stage.worker()
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.app.sendTask('early', [], { taskId: 'e' })
      await Promise.all([stage.started('l'), stage.started('e')])
      broker.reset()
      await stage.quiet()
      assert.deepEqual(reasons, ['l LeaseLostError'])
      assert.deepEqual([stage.runs('l'), stage.runs('e')], [2, 1])
      assert.deepEqual([await stage.status('l'), await stage.status('e')], ['SUCCESS', 'SUCCESS'])
    })
  })

  test('one that takes its time to end after that has adopted its redelivery meanwhile, and gives it back', async () => {
    const act = async (_s: Stage, process: Process) => {
      try {
        await process.runtime.clock.sleep(3000, currentTask().signal)
        return 'done'
      } finally {
        await process.runtime.clock.sleep(8000)
      }
    }
    const settings = { workerCancelLongRunningTasksOnConnectionLoss: true }
    await onStage({ tasks: { t: [act, LATE] }, settings }, async stage => {
      const { broker } = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      broker.reset()
      await stage.quiet(60_000)
      assert.deepEqual([stage.runs('a'), await stage.status('a')], [2, 'SUCCESS'])
    })
  })

  test('prefetched ones that never started are dropped here and come again, each once', async () => {
    await onStage({ tasks: { t: [sleeper(300), LATE] } }, async stage => {
      const { broker } = await stage.worker('w', { concurrency: 2, prefetchMultiplier: 8 })
      for (let n = 0; n < 16; n++) await stage.app.sendTask('t', [], { taskId: `t${n}` })
      await stage.world.sleep(400)
      broker.reset()
      await stage.quiet()
      for (let n = 0; n < 16; n++) assert.equal(stage.runs(`t${n}`), 1, `t${n}`)
    })
  })
})

describe('D85 reconnecting', () => {
  test('never gives up after the first success, with pauses that grow to 5 s', async () => {
    const report = await onStage(
      { tasks: { t: () => 1 }, settings: { brokerConnectionMaxRetries: 3 } },
      async stage => {
        const { broker } = await stage.worker()
        broker.cut()
        await stage.world.sleep(3_600_000)
        broker.heal()
        await stage.app.sendTask('t', [], { taskId: 'a' })
        await stage.world.until('the task', () => stage.runs('a') === 1, 10_000)
      },
    )
    const tries = logLines(report).filter(line => line.startsWith('error Cannot connect')).length
    assert.ok(tries > 700 && tries < 2100, `${tries} tries in an hour`)
  })

  test('at start-up it gives up after brokerConnectionMaxRetries', async () => {
    await onStage({ settings: { brokerConnectionMaxRetries: 3 } }, async stage => {
      const node = stage.startWorker('w')
      node.broker.cut()
      const end = await node.worker.closed
      assert.equal(end.kind, 'failed')
    })
  })

  test('brokerConnectionRetryOnStartup off: the first failure is the last', async () => {
    await onStage({ settings: { brokerConnectionRetryOnStartup: false } }, async stage => {
      const node = stage.startWorker('w')
      node.broker.cut()
      assert.equal((await node.worker.closed).kind, 'failed')
      assert.ok(stage.world.now < 1000)
    })
  })

  test('brokerConnectionRetry off: a loss ends the worker', async () => {
    await onStage({ settings: { brokerConnectionRetry: false } }, async stage => {
      const { worker, broker } = await stage.worker()
      broker.cut()
      assert.equal((await worker.closed).kind, 'failed')
    })
  })

  for (const when of ['at start-up', 'after a loss']) {
    test(`an answer that waiting does not change (a refused password) ends it ${when}`, async () => {
      await using stand = new Stand()
      stand.error = new BrokerError('LVG_ACCESS_REFUSED', 'The password is wrong.', { transient: false })
      if (when === 'after a loss') {
        const error = stand.error
        stand.error = undefined
        await stand.started()
        stand.error = error
        stand.drop()
        await stand.runtime.clock.pass(60_000)
      } else {
        await assert.rejects(stand.started(), { code: 'LVG_ACCESS_REFUSED' })
      }
      const end = await stand.worker.closed
      assert.ok(end.kind === 'failed' && end.error instanceof BrokerError && end.error.code === 'LVG_ACCESS_REFUSED')
      assert.ok(stand.connects <= 2)
    })
  }

  test('H02 connections that die during the handshake leave exactly one consumer in the end', async () => {
    await onStage({ tasks: { t: () => 1 } }, async stage => {
      const { broker } = await stage.worker()
      const draw = stage.world.random.split('flaps')
      for (let k = 0; k < 40; k++) {
        broker.reset()
        await stage.world.sleep(draw.between(0, 400))
      }
      for (let n = 0; n < 20; n++) await stage.app.sendTask('t', [], { taskId: `t${n}` })
      await stage.quiet(40_000)
      for (let n = 0; n < 20; n++) assert.equal(stage.runs(`t${n}`), 1)
      // The store forgets those that broke when their leases have run out.
      await stage.world.sleep(10_000)
      assert.equal((await stage.stats()).consumers, 1)
    })
  })
})

/** A worker on a memory broker whose connections can be refused and dropped, and whose prefetch calls are seen. */
class Stand implements AsyncDisposable {
  readonly runtime: HandRuntime = handRuntime()
  readonly windows: number[] = []
  readonly app: App
  readonly worker: Worker
  error: BrokerError | undefined
  connects = 0
  /** How long the broker takes to answer that tasks are consumed, ms. */
  consuming = 0
  #drop: (() => void) | undefined

  constructor(
    settings: ConstructorParameters<typeof App>[1] = {},
    options: ConstructorParameters<typeof Worker>[1] = {},
  ) {
    const inner = createMemoryBroker({ runtime: this.runtime })
    const broker: Broker = {
      url: inner.url,
      features: { ...inner.features, delays: false },
      connect: async (how, signal) => {
        this.connects++
        if (this.error !== undefined) throw this.error
        return this.#watched(await inner.connect(how, signal))
      },
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    }
    // Its mailbox has a window of its own.
    const own = { workerEnableRemoteControl: false, ...settings }
    this.app = new App('stand', own, { runtime: this.runtime, broker })
    this.worker = new Worker(this.app, { name: 'w@stand', ...options }, { spool: new MemoryLines() })
  }

  async started(): Promise<void> {
    const starting = this.worker.start()
    starting.catch(() => undefined)
    await this.runtime.clock.pass(1000)
    await starting
  }

  drop(): void {
    this.#drop?.()
  }

  async wait<T>(promise: Promise<T>): Promise<T> {
    await this.runtime.clock.pass(1000)
    return promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopping = this.worker.stop('cold')
    await this.runtime.clock.pass(20_000)
    await stopping
    const closing = this.app[Symbol.asyncDispose]()
    await this.runtime.clock.pass(20_000)
    await closing
  }

  #watched(connection: Connection): Connection {
    let lose: (reason: Awaited<Connection['closed']>) => void = () => undefined
    const lost = new Promise<Awaited<Connection['closed']>>(resolve => {
      lose = resolve
    })
    const drop = (): void => {
      lose({ kind: 'lost', error: new BrokerError('LVG_TEST', 'dropped', { transient: true }) })
      void connection[Symbol.asyncDispose]()
    }
    const { windows, runtime } = this
    // Other connections, to publish over, come and go.
    const setDrop = (how: () => void): void => {
      this.#drop = how
    }
    const answer = (): Promise<void> => runtime.clock.sleep(this.consuming)
    return new Proxy(connection, {
      get(target, key) {
        if (key === 'closed') return Promise.race([lost, target.closed])
        if (key === 'consume') {
          return async (...args: Parameters<Connection['consume']>) => {
            const consumer = await target.consume(...args)
            // Others consume mailboxes and events.
            if (args[0].every(queue => queue.name !== 'celery')) return consumer
            setDrop(drop)
            windows.push(args[1])
            await answer()
            const setPrefetch = consumer.setPrefetch.bind(consumer)
            consumer.setPrefetch = count => {
              windows.push(count)
              return setPrefetch(count)
            }
            return consumer
          }
        }
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

describe('the prefetch window', () => {
  test('is concurrency times multiplier, plus one for each held message, less one when it is released', async () => {
    await using stand = new Stand({}, { concurrency: 3, prefetchMultiplier: 4 })
    stand.app.task('t', () => 1)
    await stand.started()
    for (const countdown of [30, 40]) {
      await stand.wait(stand.app.sendTask('t', [], { countdown }))
      await stand.runtime.clock.pass(1000)
    }
    await stand.runtime.clock.pass(60_000)
    assert.deepEqual(stand.windows, [12, 13, 14, 13, 12])
  })

  test('grows no further than workerEtaTaskLimit', async () => {
    await using stand = new Stand({ workerEtaTaskLimit: 1 }, { concurrency: 1, prefetchMultiplier: 2 })
    stand.app.task('t', () => 1)
    await stand.started()
    for (let n = 0; n < 3; n++) await stand.wait(stand.app.sendTask('t', [], { countdown: 100 }))
    await stand.runtime.clock.pass(1000)
    assert.deepEqual(stand.windows, [2, 3])
  })

  test('0 is no limit but workerPrefetchLimit, where the broker leases', async () => {
    await using stand = new Stand({}, { concurrency: 1, prefetchMultiplier: 0 })
    stand.app.task('t', () => 1)
    await stand.started()
    await stand.wait(stand.app.sendTask('t', [], { countdown: 100 }))
    await stand.runtime.clock.pass(1000)
    assert.deepEqual(stand.windows, [1000, 1001])
  })

  test('D87 H08 after a reconnect with tasks running it is whole again', async () => {
    await using stand = new Stand({}, { concurrency: 4, prefetchMultiplier: 2 })
    stand.app.task('t', () => stand.runtime.clock.sleep(5000), LATE)
    await stand.started()
    for (let n = 0; n < 4; n++) await stand.wait(stand.app.sendTask('t'))
    assert.equal(stand.worker.busy, 4)
    stand.drop()
    await stand.runtime.clock.pass(60_000)
    assert.deepEqual([stand.windows[0], stand.windows[1], stand.windows.at(-1)], [8, 2, 8])
  })

  test('H08 it is whole also when tasks end while the broker is being told of a smaller one', async () => {
    await using stand = new Stand({}, { concurrency: 4, prefetchMultiplier: 2 })
    stand.app.task('t', () => stand.runtime.clock.sleep(10_000), LATE)
    await stand.started()
    for (let n = 0; n < 4; n++) await stand.wait(stand.app.sendTask('t'))
    stand.consuming = 20_000
    stand.drop()
    await stand.runtime.clock.pass(60_000)
    assert.deepEqual(stand.windows, [8, 2, 8])
  })

  test('a message held for its eta holds no slot, and one more can come for it', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 1, prefetchMultiplier: 1 })
      for (let n = 0; n < 20; n++) await stage.app.sendTask('t', [], { taskId: `late${n}`, countdown: 50 })
      await stage.world.sleep(500)
      await stage.app.sendTask('t', [], { taskId: 'now' })
      await stage.world.until('the one that is due', () => stage.runs('now') === 1, 250)
    })
  })
})

describe('D87 as before', () => {
  test('all queues are consumed again, and revoked ids stay revoked', async () => {
    const settings = { taskQueues: ['celery', 'other'] }
    await onStage({ tasks: { t: [() => 1, LATE] }, settings }, async stage => {
      const { broker, worker } = await stage.worker()
      worker.revoke(['gone'])
      broker.cut()
      await stage.world.sleep(3000)
      broker.heal()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.app.sendTask('t', [], { taskId: 'b', queue: 'other' })
      await stage.app.sendTask('t', [], { taskId: 'gone' })
      await stage.quiet()
      assert.deepEqual([stage.runs('a'), stage.runs('b'), stage.runs('gone')], [1, 1, 0])
      assert.equal(await stage.status('gone'), 'REVOKED')
    })
  })

  test('a queue paused by its full dead-letter place stays paused', async () => {
    const { Reject } = await import('../../src/app/errors.js')
    const tasks = {
      reject: [
        () => {
          throw new Reject('no')
        },
        LATE,
      ] as const,
      ok: () => 1,
    }
    await onStage({ tasks, settings: { deadLetterMax: 1, taskQueues: ['celery', 'other'] } }, async stage => {
      const { broker } = await stage.worker()
      for (let n = 0; n < 3; n++) await stage.app.sendTask('reject', [], { taskId: `r${n}` })
      await stage.world.sleep(2000)
      broker.reset()
      await stage.world.sleep(10_000)
      await stage.app.sendTask('ok', [], { taskId: 'same' })
      await stage.app.sendTask('ok', [], { taskId: 'b', queue: 'other' })
      await stage.world.sleep(10_000)
      assert.deepEqual([stage.runs('same'), stage.runs('b')], [0, 1])
    })
  })
})

test('a loss and its end are said once each', async () => {
  const report = await onStage({}, async stage => {
    const { broker } = await stage.worker()
    broker.reset()
    await stage.world.sleep(5000)
  })
  const lines = logLines(report)
  assert.equal(lines.filter(line => /^warning Connection to memory:\/\/ lost: .* Reconnecting\.$/.test(line)).length, 1)
  assert.equal(lines.filter(line => line === 'info Connected to memory:// again.').length, 1)
})
