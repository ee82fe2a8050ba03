import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { Reject } from '../../src/app/errors.js'
import type { SimWorkerNode } from '../../src/testing/sim/sim-cluster.js'
import type { WorkerOptions } from '../../src/worker/worker-options.js'
import { logLines, onStage, type Stage, sig, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

/** Faults the handler sees, per run. */
function countingFaults(seen: number[], ms: number) {
  return async (_stage: Stage, process: { readonly runtime: Stage['world']['runtime'] }): Promise<string> => {
    seen.push(currentTask().deliveryInfo.faults)
    await process.runtime.clock.sleep(ms)
    return 'done'
  }
}

describe('D40 what counts as a fault', () => {
  test('the death of the worker that ran it counts', async () => {
    const seen: number[] = []
    await onStage({ tasks: { t: [countingFaults(seen, 1000), LATE] } }, async stage => {
      const { process } = await stage.worker('w1')
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      process.kill()
      await stage.worker('w2')
      await stage.world.sleep(5000)
      await stage.quiet()
      assert.deepEqual(seen, [0, 1])
    })
  })

  for (const how of ['warm', 'soft', 'cold'] as const) {
    test(`a ${how} stop hands back uncounted, what ran and what waited`, async () => {
      const seen: number[] = []
      const tasks = { t: [countingFaults(seen, 20_000), LATE] as const }
      const settings = { workerWarmShutdownTimeout: 2, workerSoftShutdownTimeout: 2 }
      await onStage({ tasks, settings }, async stage => {
        const { worker } = await stage.worker('w1', { concurrency: 1 })
        for (const taskId of ['ran', 'waited']) await stage.app.sendTask('t', [], { taskId })
        await stage.started('ran')
        await worker.stop(how)
        assert.equal((await stage.stats()).ready, 2, 'both are back at once')
        await stage.worker('w2')
        await stage.world.sleep(500)
        assert.deepEqual(seen, [0, 0, 0])
        await stage.quiet()
      })
    })
  }

  test('Reject with requeue counts, so it ends as poison instead of going round for ever', async () => {
    const seen: number[] = []
    const tasks = {
      t: [
        () => {
          seen.push(currentTask().deliveryInfo.faults)
          throw new Reject('not now', { requeue: true })
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual(seen, [0, 1, 2])
      assert.deepEqual(await stage.reasons(), ['poison'])
    })
  })

  test('a hard limit with acksOnTimeout off counts', async () => {
    const seen: number[] = []
    const options = { ...LATE, acksOnTimeout: false, timeLimit: '1s', maxDeliveries: 2 }
    await onStage({ tasks: { t: [countingFaults(seen, 60_000), options] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual(seen, [0, 1])
      assert.equal((await stage.meta('a'))?.error?.type, 'PoisonTaskError')
    })
  })

  test('D52 redeliveries do not use retries up, and retries are no faults', async () => {
    const seen: [number, number][] = []
    const tasks = {
      t: [
        async (_s: Stage, process: { readonly runtime: Stage['world']['runtime'] }) => {
          const { retries, deliveryInfo } = currentTask()
          seen.push([retries, deliveryInfo.faults])
          await process.runtime.clock.sleep(1000)
          throw currentTask().retry({ countdown: 1, error: new RangeError('again') })
        },
        { ...LATE, maxRetries: 2 },
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      const first = await stage.worker('w1')
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.started('a')
      first.process.kill()
      await stage.worker('w2')
      await stage.world.sleep(5000)
      await stage.quiet()
      assert.deepEqual(seen, [
        [0, 0],
        [0, 1],
        [1, 0],
        [2, 0],
      ])
      assert.deepEqual((await stage.meta('a'))?.error?.args, ['again'])
    })
  })
})

describe('D60 a task that kills its worker', () => {
  const tasks = {
    kill: [
      (_s: Stage, process: { kill(): void }) => {
        process.kill()
        return new Promise(() => undefined)
      },
      LATE,
    ] as const,
    ok: [(_s: Stage, _p: unknown, n: number) => n, LATE] as const,
    told: (_s: Stage, _p: unknown, id: string) => id,
  }

  /** Somebody always starts another worker. By default each takes no more than it can start. */
  function keepAlive(
    stage: Stage,
    options: WorkerOptions = { concurrency: 1, prefetchMultiplier: 1 },
  ): { stop(): void } {
    let going = true
    const start = (n: number): void => {
      if (!going) return
      const node: SimWorkerNode = stage.startWorker(`w${n}`, options)
      node.process.onDeath(() => stage.world.after(100, () => start(n + 1)))
    }
    start(1)
    return {
      stop: () => {
        going = false
      },
    }
  }

  test('is executed maxDeliveries times, then fails, tells its errbacks, and is a dead letter; the others run', async () => {
    await onStage({ tasks }, async stage => {
      const original = { taskId: 'p', linkError: sig('told', 'e'), headers: { mine: 'kept' } }
      const alive = keepAlive(stage)
      await stage.app.sendTask('kill', [1, { deep: ['ü'] }], original)
      for (let n = 0; n < 20; n++) await stage.app.sendTask('ok', [n], { taskId: `g${n}` })
      await stage.world.sleep(30_000)
      await stage.quiet()
      alive.stop()
      assert.equal(stage.runs('p'), 3)
      const meta = await stage.meta('p')
      assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'PoisonTaskError'])
      assert.equal((await stage.meta('e'))?.result, 'p')
      const [letter] = await stage.dead()
      assert.deepEqual([letter?.record.reason, letter?.record.deliveries], ['poison', 3])
      assert.equal(letter?.message.headers['mine'], 'kept')
      for (let n = 0; n < 20; n++) assert.equal((await stage.meta(`g${n}`))?.result, n)
    })
  })

  test('F60 H25 takes nobody along: what a worker only held when it died is not counted towards poison', async () => {
    await onStage({ tasks }, async stage => {
      const alive = keepAlive(stage, { concurrency: 2, prefetchMultiplier: 4 })
      await stage.app.sendTask('kill', [], { taskId: 'p' })
      for (let n = 0; n < 20; n++) await stage.app.sendTask('ok', [n], { taskId: `g${n}` })
      await stage.world.sleep(60_000)
      await stage.quiet()
      alive.stop()
      assert.deepEqual(
        (await stage.dead()).map(letter => letter.message.headers['id']),
        ['p'],
      )
      for (let n = 0; n < 20; n++) assert.equal((await stage.meta(`g${n}`))?.result, n)
    })
  })

  test('takes no task along that has ended before it, but whose effects are not confirmed yet', async () => {
    await onStage({ tasks, effectMs: 50 }, async stage => {
      const alive = keepAlive(stage, { concurrency: 1 })
      for (let n = 0; n < 10; n++) await stage.app.sendTask('ok', [n], { taskId: `g${n}` })
      await stage.app.sendTask('kill', [], { taskId: 'p' })
      await stage.world.sleep(60_000)
      await stage.quiet()
      alive.stop()
      assert.equal(stage.runs('p'), 3)
      for (let n = 0; n < 10; n++) {
        assert.equal((await stage.meta(`g${n}`))?.result, n)
        assert.ok(stage.runs(`g${n}`) <= 2, `g${n} was taken along once at most`)
      }
    })
  })

  test('inside a chord makes the chord fail, once', async () => {
    await onStage({ tasks: { ...tasks, sum: () => 'never' } }, async stage => {
      const body = sig('sum', 'body')
      await stage.cluster.results().setChordSize('g' as never, 2, undefined)
      const alive = keepAlive(stage)
      await stage.app.sendTask('ok', [1], { taskId: 'p0', groupId: 'g', groupIndex: 0, chord: body })
      await stage.app.sendTask('kill', [], { taskId: 'p1', groupId: 'g', groupIndex: 1, chord: body })
      await stage.world.sleep(30_000)
      await stage.quiet()
      alive.stop()
      const meta = await stage.meta('body')
      assert.deepEqual([meta?.status, meta?.error?.type], ['FAILURE', 'ChordError'])
      assert.match(String(meta?.error?.args[0]), /Dependency p1 raised PoisonTaskError/)
      assert.equal(stage.runs('body'), 0)
    })
  })

  test('maxDeliveries 1 means never again', async () => {
    await onStage({ tasks: { kill: [tasks.kill[0], { ...LATE, maxDeliveries: 1 }] } }, async stage => {
      const alive = keepAlive(stage)
      await stage.app.sendTask('kill', [], { taskId: 'p' })
      await stage.world.sleep(10_000)
      await stage.quiet()
      alive.stop()
      assert.equal(stage.runs('p'), 1)
      assert.deepEqual(await stage.reasons(), ['poison'])
    })
  })

  test('put back by an operator it gets a fresh count', async () => {
    let harmless = false
    const mended = {
      kill: [
        (stage: Stage, process: { kill(): void }) => (harmless ? 'mended' : tasks.kill[0](stage, process)),
        LATE,
      ] as const,
    }
    await onStage({ tasks: mended }, async stage => {
      const alive = keepAlive(stage)
      await stage.app.sendTask('kill', [], { taskId: 'p', ignoreResult: true })
      await stage.world.sleep(30_000)
      await stage.quiet()
      alive.stop()
      harmless = true
      await using observer = await stage.cluster.observe()
      const [letter] = await stage.dead()
      assert.ok(letter !== undefined)
      const { message, record } = letter
      const requeued = { ...message, headers: { ...message.headers, lovage_requeued: 'once' } }
      await observer.publish(requeued, { exchange: '', routingKey: record.queue }, { publishId: 'requeue' })
      await stage.quiet()
      assert.equal(stage.runs('p'), 4)
    })
  })
})

test('a poison task is said in the log with its id, reason and number of deliveries', async () => {
  const tasks = {
    kill: [
      (_s: Stage, process: { kill(): void }) => {
        process.kill()
        return new Promise(() => undefined)
      },
      { ...LATE, maxDeliveries: 1 },
    ] as const,
  }
  const report = await onStage({ tasks }, async stage => {
    await stage.worker('w1')
    await stage.app.sendTask('kill', [], { taskId: 'p' })
    await stage.started('p')
    await stage.worker('w2')
    await stage.world.sleep(5000)
    await stage.quiet()
  })
  const lines = logLines(report)
  assert.ok(
    lines.some(line => line === 'warning Task kill[p] is a dead letter (poison): 1 deliveries ended in a fault'),
  )
})

test('sleeping user code of a killed worker never comes to its end', async () => {
  let ended = 0
  const tasks = {
    t: [
      async (stage: Stage, process: Parameters<ReturnType<typeof sleeper>>[1]) => {
        await sleeper(1000)(stage, process)
        ended++
      },
      LATE,
    ] as const,
  }
  await onStage({ tasks }, async stage => {
    const { process } = await stage.worker('w1')
    await stage.app.sendTask('t', [], { taskId: 'a' })
    await stage.started('a')
    process.kill()
    await stage.world.sleep(10_000)
    assert.equal(ended, 0)
  })
})
