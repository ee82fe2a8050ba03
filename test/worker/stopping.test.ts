import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import type { SimWorkerNode } from '../../src/testing/sim/sim-cluster.js'
import { type StopKind, Worker } from '../../src/worker/worker.js'
import { logLines, onStage, type Stage, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const
type Process = Parameters<ReturnType<typeof sleeper>>[1]

/** Runs for `ms`, ends at once when its signal fires. */
const polite = (ms: number) => async (_stage: Stage, process: Process) => {
  await process.runtime.clock.sleep(ms, currentTask().signal)
  return 'done'
}

/** Virtual time that stopping takes. */
async function stopTime(stage: Stage, { worker }: SimWorkerNode, how: StopKind): Promise<number> {
  const began = stage.world.now
  await worker.stop(how)
  await worker.closed
  return stage.world.now - began
}

describe('a worker that is told to stop while it connects consumes nothing any more', () => {
  test('at any instant of its start', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      for (let after = 0; after < 12; after += 0.25) {
        const node = stage.cluster.worker(`w${after}`)
        await stage.world.sleep(after)
        await node.worker.stop('warm')
        assert.equal((await node.worker.closed).kind, 'stopped')
        await stage.app.sendTask('t', [], { taskId: `t${after}` })
        await stage.world.sleep(2000)
        assert.equal((await stage.stats()).consumers, 0, `stopped ${after} ms after its start`)
        node.process.kill()
      }
    })
  })

  test('at any instant of connecting again', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      for (let after = 0; after < 120; after += 2) {
        const node = await stage.worker(`w${after}`)
        node.broker.reset()
        await stage.world.sleep(after)
        const began = stage.world.now
        await node.worker.stop('warm')
        assert.ok(stage.world.now - began < 1000, `stopped ${after} ms after the loss, it took its time`)
        await stage.app.sendTask('t', [], { taskId: `t${after}` })
        await stage.world.sleep(5000)
        const { ready, held } = await stage.stats()
        assert.deepEqual({ ready, held }, { ready: 1, held: 0 }, `stopped ${after} ms after the loss`)
        node.process.kill()
      }
    })
  })
})

describe('warm', () => {
  test('running tasks finish, late and early; what waited is back within a second; nothing new starts', async () => {
    await onStage({ tasks: { late: [sleeper(5000), LATE], early: sleeper(5000) } }, async stage => {
      const node = await stage.worker('w', { concurrency: 2, prefetchMultiplier: 8 })
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.app.sendTask('early', [], { taskId: 'e' })
      await Promise.all([stage.started('l'), stage.started('e')])
      for (let n = 0; n < 10; n++) await stage.app.sendTask('late', [], { taskId: `x${n}` })
      const stopping = node.worker.stop('warm')
      await stage.world.sleep(1000)
      assert.deepEqual([(await stage.stats()).ready, node.worker.busy], [10, 2])
      await stopping
      assert.deepEqual(await node.worker.closed, { kind: 'stopped', how: 'warm' })
      assert.deepEqual([await stage.status('l'), await stage.status('e')], ['SUCCESS', 'SUCCESS'])
      assert.equal(stage.journal.length, 2)
    })
  })

  test('an idle worker stops at once', async () => {
    await onStage({}, async stage => {
      assert.ok((await stopTime(stage, await stage.worker(), 'warm')) < 100)
    })
  })

  test('messages held for their eta go back and keep it', async () => {
    await onStage({ tasks: { t: [() => 1, LATE] } }, async stage => {
      const first = await stage.worker('w1')
      await stage.app.sendTask('t', [], { taskId: 'a', countdown: 20 })
      await stage.world.sleep(1000)
      await first.worker.stop('warm')
      await stage.worker('w2')
      await stage.quiet()
      const [entry] = stage.entries('a')
      assert.deepEqual([entry?.worker, Math.floor((entry?.at ?? 0) / 1000)], ['w2', 20])
    })
  })

  test('leases are kept while it takes its time: nothing is delivered twice', async () => {
    await onStage({ tasks: { t: [sleeper(30_000), LATE] } }, async stage => {
      const first = await stage.worker('w1')
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      await stage.worker('w2')
      await first.worker.stop('warm')
      assert.equal(stage.runs('a'), 1)
      assert.equal(await stage.status('a'), 'SUCCESS')
      await stage.quiet()
    })
  })

  test('workerWarmShutdownTimeout turns it cold', async () => {
    const settings = { workerWarmShutdownTimeout: 3 }
    await onStage({ tasks: { t: [polite(60_000), LATE] }, settings }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      const took = await stopTime(stage, node, 'warm')
      assert.ok(took >= 3000 && took < 3500, String(took))
      assert.deepEqual(await node.worker.closed, { kind: 'stopped', how: 'cold' })
    })
  })
})

describe('soft', () => {
  test('waits that long for running tasks, then it is cold', async () => {
    const settings = { workerSoftShutdownTimeout: 4 }
    await onStage({ tasks: { t: [polite(60_000), LATE], quick: sleeper(2000) }, settings }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.app.sendTask('quick', [], { taskId: 'q' })
      await Promise.all([stage.started('a'), stage.started('q')])
      const took = await stopTime(stage, node, 'soft')
      assert.ok(took >= 4000 && took < 4500, String(took))
      assert.deepEqual([await stage.status('a'), await stage.status('q')], [undefined, 'SUCCESS'])
      assert.equal((await stage.stats()).ready, 1)
    })
  })

  test('is over as soon as nothing runs', async () => {
    await onStage({ tasks: { t: sleeper(1000) }, settings: { workerSoftShutdownTimeout: 60 } }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      assert.ok((await stopTime(stage, node, 'soft')) < 1500)
    })
  })

  test('without a timeout it is cold at once', async () => {
    await onStage({ tasks: { t: [polite(60_000), LATE] } }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      assert.ok((await stopTime(stage, node, 'soft')) < 100)
    })
  })
})

describe('cold', () => {
  test('late: interrupted and returned, nothing stored; early: FAILURE WorkerShutdown', async () => {
    const reasons: unknown[] = []
    const watch = async (stage: Stage, process: Process) => {
      try {
        return await polite(60_000)(stage, process)
      } catch (error) {
        reasons.push((error as Error).name)
        throw error
      }
    }
    await onStage({ tasks: { late: [watch, LATE], early: watch } }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.app.sendTask('early', [], { taskId: 'e' })
      await Promise.all([stage.started('l'), stage.started('e')])
      assert.ok((await stopTime(stage, node, 'cold')) < 500)
      assert.equal(await stage.status('l'), undefined)
      assert.equal((await stage.stats()).ready, 1)
      const meta = await stage.meta('e')
      assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'WorkerShutdown'])
      assert.deepEqual(reasons, ['WorkerShutdown', 'WorkerShutdown'])
    })
  })

  test('a task that is acked and about to begin does not begin any more, and its end is told', async () => {
    const settings = { taskTrackStarted: true }
    await onStage({ tasks: { early: sleeper(60_000) }, settings }, async stage => {
      const node = await stage.worker()
      node.backend.slow(200)
      await stage.app.sendTask('early', [], { taskId: 'e' })
      await stage.world.until('it has a slot', () => node.worker.busy > 0, 60_000)
      await node.worker.stop('cold')
      assert.equal(stage.runs('e'), 0)
      const meta = await stage.meta('e')
      assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'WorkerShutdown'])
    })
  })

  test('a task that is deaf is abandoned after workerColdShutdownTimeout', async () => {
    const settings = { workerColdShutdownTimeout: 2 }
    await onStage({ tasks: { late: [sleeper(600_000), LATE], early: sleeper(600_000) }, settings }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.app.sendTask('early', [], { taskId: 'e' })
      await Promise.all([stage.started('l'), stage.started('e')])
      const took = await stopTime(stage, node, 'cold')
      assert.ok(took >= 2000 && took < 2500, String(took))
      assert.deepEqual([(await stage.stats()).ready, (await stage.meta('e'))?.error?.type], [1, 'WorkerShutdown'])
    })
  })

  test('a task that ends well within the grace counts as ended well', async () => {
    await onStage({ tasks: { late: [sleeper(500, 'made it'), LATE] } }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('late', [], { taskId: 'l' })
      await stage.started('l')
      await stage.world.sleep(200)
      await node.worker.stop('cold')
      assert.equal((await stage.meta('l'))?.result, 'made it')
      assert.equal((await stage.stats()).ready, 0)
    })
  })
})

describe('escalation', () => {
  test('a harder stop overtakes a softer one, a softer one changes nothing', async () => {
    await onStage({ tasks: { t: [polite(600_000), LATE] } }, async stage => {
      const node = await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      const warm = node.worker.stop('warm')
      await stage.world.sleep(1000)
      void node.worker.stop('warm')
      await stage.world.sleep(1000)
      assert.equal(node.worker.busy, 1)
      const cold = node.worker.stop('cold')
      void node.worker.stop('warm')
      await Promise.all([warm, cold])
      assert.ok(stage.world.now < 3000)
      assert.deepEqual(await node.worker.closed, { kind: 'stopped', how: 'cold' })
    })
  })

  test('hard returns at once whatever runs; the broker notices and another worker takes over, counted', async () => {
    const faults: number[] = []
    const tasks = {
      t: [
        async (_s: Stage, process: Process) => {
          faults.push(currentTask().deliveryInfo.faults)
          await process.runtime.clock.sleep(faults.length === 1 ? 600_000 : 10)
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks, settings: { workerColdShutdownTimeout: 600 } }, async stage => {
      const node = await stage.worker('w1')
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      void node.worker.stop('cold')
      await stage.world.sleep(1000)
      assert.equal(await stopTime(stage, node, 'hard'), 0)
      assert.deepEqual(await node.worker.closed, { kind: 'stopped', how: 'hard' })
      node.process.kill()
      await stage.worker('w2')
      await stage.quiet()
      assert.deepEqual(faults, [0, 1])
    })
  })
})

/** §8.1: idle, busy or starting: a stop ends within its grace and the deadline of each step. */
const BOUND = 20_000

describe('D81 every stop ends, whatever is away', () => {
  for (const how of ['warm', 'soft', 'cold'] as const) {
    for (const away of ['broker', 'backend'] as const) {
      for (const fault of ['cut', 'blackhole'] as const) {
        test(`${how} with the ${away} ${fault === 'cut' ? 'refusing' : 'silent'}, tasks running`, async () => {
          const settings = { workerSoftShutdownTimeout: 2, workerWarmShutdownTimeout: 2 }
          const tasks = {
            late: [polite(1000), LATE] as const,
            early: polite(1000),
            deaf: [sleeper(600_000), LATE] as const,
          }
          await onStage({ tasks, settings }, async stage => {
            const node = await stage.worker('w', { concurrency: 4, prefetchMultiplier: 4 })
            for (const task of ['late', 'early', 'deaf']) await stage.app.sendTask(task, [], { taskId: task })
            await Promise.all(['late', 'early', 'deaf'].map(id => stage.started(id)))
            for (let n = 0; n < 8; n++) await stage.app.sendTask('deaf', [], { taskId: `x${n}` })
            await stage.world.sleep(200)
            node[away][fault]()
            const took = await stopTime(stage, node, how)
            assert.ok(took <= BOUND, `it took ${took} ms`)
          })
        })
      }
    }
  }

  test('an early-acked task that ended while the backend was away is in the spool, not lost, by the end of the stop', async () => {
    await onStage({ tasks: { t: sleeper(500, 'v') } }, async stage => {
      const node = await stage.worker('w')
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      node.backend.cut()
      const took = await stopTime(stage, node, 'warm')
      assert.ok(took < 10_000, `D81: not the whole resultWriteTimeout, but ${took} ms`)
      await stage.worker('w')
      await stage.world.sleep(1000)
      assert.equal((await stage.meta('a'))?.result, 'v')
    })
  })

  test('during start-up, while the broker cannot be reached', async () => {
    await onStage({}, async stage => {
      const node = stage.startWorker('w')
      node.broker.cut()
      await stage.world.sleep(5000)
      assert.ok((await stopTime(stage, node, 'warm')) < 1000)
    })
  })

  test('during start-up, while the broker does not answer', async () => {
    await onStage({}, async stage => {
      const node = stage.startWorker('w')
      node.broker.blackhole()
      await stage.world.sleep(5000)
      assert.ok((await stopTime(stage, node, 'warm')) < BOUND)
    })
  })

  test('during start-up, in the very first moment', async () => {
    await onStage({}, async stage => {
      const node = stage.startWorker('w')
      assert.ok((await stopTime(stage, node, 'warm')) < 1000)
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.world.sleep(5000)
      const { ready, held } = await stage.stats()
      assert.deepEqual([ready, held], [1, 0], 'it consumes no more')
    })
  })

  test('while reconnecting', async () => {
    await onStage({}, async stage => {
      const node = await stage.worker('w')
      node.broker.cut()
      await stage.world.sleep(30_000)
      assert.ok((await stopTime(stage, node, 'warm')) < 1000)
    })
  })

  test('before it was ever started', async () => {
    await onStage({}, async stage => {
      const worker = new Worker(stage.app, { name: 'never@sim' })
      await worker.stop('warm')
      assert.deepEqual(await worker.closed, { kind: 'stopped', how: 'warm' })
    })
  })
})

describe('D82 what was already asked for is never discarded', () => {
  test('F08 over many stops at random moments every accepted task ran exactly once', async () => {
    await onStage({ tasks: { t: [sleeper(20), LATE], e: sleeper(20) } }, async stage => {
      const draw = stage.world.random.split('stops')
      let sent = 0
      for (let round = 0; round < 40; round++) {
        const node = stage.startWorker('w', { concurrency: 2, prefetchMultiplier: 4 })
        for (let n = 0; n < 10; n++) await stage.app.sendTask(n % 2 === 0 ? 't' : 'e', [], { taskId: `${sent++}` })
        await stage.world.sleep(draw.between(0, 80))
        await node.worker.stop('warm')
        assert.equal((await stage.stats()).held, 0)
      }
      await stage.worker('last')
      await stage.quiet()
      for (let id = 0; id < sent; id++) assert.equal(stage.runs(`${id}`), 1, `${id}`)
    })
  })
})

test('a cold stop says in the log how many tasks it interrupts', async () => {
  const report = await onStage({ tasks: { t: [polite(60_000), LATE] } }, async stage => {
    const node = await stage.worker()
    await stage.app.sendTask('t', [], { taskId: 'a' })
    await stage.started('a')
    await node.worker.stop('cold')
  })
  assert.ok(logLines(report).includes('warning Cold shutdown: 1 running tasks are interrupted.'))
})
