import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import { onStage, type Stage, sig, sleeper } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

describe('the order of effects', () => {
  test('late: token check, state, callbacks, event, and the ack last', async () => {
    await onStage({ tasks: { add: [(_s, _p, a: number) => a + 1, LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('add', [1], { taskId: 'a', link: sig('add', 'b') })
      await stage.quiet()
      assert.deepEqual(stage.effectsOf('a'), ['check-token', 'store SUCCESS', 'publish add', 'task-succeeded', 'ack'])
      assert.equal((await stage.meta('b'))?.result, 3)
    })
  })

  test('late: while a task runs its message is held, early: it is gone before user code is entered', async () => {
    const held: Record<string, number> = {}
    const look = async (stage: Stage): Promise<void> => {
      held[currentTask().id] = (await stage.stats()).held
    }
    await onStage({ tasks: { late: [look, LATE], early: look } }, async stage => {
      await stage.worker()
      for (const task of ['late', 'early']) {
        await stage.app.sendTask(task, [], { taskId: task })
        await stage.quiet()
      }
      assert.deepEqual(held, { late: 1, early: 0 })
      assert.deepEqual(stage.effectsOf('early'), ['store SUCCESS', 'task-succeeded'])
    })
  })

  test('early: a worker killed while it runs the task loses it for good; late: another one runs it', async () => {
    await onStage({ tasks: { early: sleeper(3000), late: [sleeper(3000), LATE] } }, async stage => {
      const { process } = await stage.worker('w1')
      await stage.app.sendTask('early', [], { taskId: 'early' })
      await stage.app.sendTask('late', [], { taskId: 'late' })
      await Promise.all([stage.started('early'), stage.started('late')])
      process.kill()
      await stage.worker('w2')
      await stage.world.sleep(10_000)
      await stage.quiet()
      assert.deepEqual([stage.runs('early'), stage.runs('late')], [1, 2])
      assert.deepEqual([await stage.status('early'), await stage.status('late')], [undefined, 'SUCCESS'])
    })
  })

  test('D42 a state is visible before the callback of it starts', async () => {
    const seen: (string | undefined)[] = []
    const tasks = {
      first: [() => 7, LATE] as const,
      next: async (stage: Stage) => void seen.push(await stage.status('a')),
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await stage.app.sendTask('first', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.quiet()
      assert.deepEqual(seen, ['SUCCESS'])
    })
  })
})

describe('D44 a redelivered message whose state is final is not run again', () => {
  test('its callbacks are published again from the stored value, under the same ids', async () => {
    const got: number[] = []
    const tasks = {
      draw: [() => Math.floor(performanceOfChance.next()), LATE] as const,
      next: (_s: Stage, _p: unknown, n: number) => void got.push(n),
    }
    const performanceOfChance = counter()
    await onStage({ tasks }, async stage => {
      const { process } = stage.cluster.worker(
        'w1',
        {},
        {
          afterEffect: effect => {
            if (effect.kind !== 'store') return undefined
            process.kill()
            return new Promise(() => undefined)
          },
        },
      )
      await stage.app.sendTask('draw', [], { taskId: 'a', link: sig('next', 'b') })
      await stage.world.until('the kill', () => !process.alive, 10_000)
      await stage.worker('w2')
      await stage.world.sleep(5000)
      await stage.quiet()
      assert.equal(stage.runs('a'), 1)
      assert.deepEqual(
        stage.effectsOf('a').filter(line => line !== 'check-token'),
        ['publish next', 'ack'],
      )
      assert.deepEqual(got, [(await stage.meta('a'))?.result])
    })
  })

  test('while the backend does not answer nothing is decided: it is neither run nor acked', async () => {
    await onStage({ tasks: { ok: [() => 1, LATE] } }, async stage => {
      const { process } = stage.cluster.worker(
        'w1',
        {},
        {
          afterEffect: effect => {
            if (effect.kind !== 'store') return undefined
            process.kill()
            return new Promise(() => undefined)
          },
        },
      )
      await stage.app.sendTask('ok', [], { taskId: 'a' })
      await stage.world.until('the kill', () => !process.alive, 10_000)
      const { backend } = stage.startWorker('w2')
      backend.cut()
      await stage.world.sleep(20_000)
      const { ready, held, delayed } = await stage.stats()
      assert.deepEqual([stage.runs('a'), ready + held + delayed], [1, 1])
      backend.heal()
      await stage.quiet()
      assert.deepEqual([stage.runs('a'), await stage.status('a')], [1, 'SUCCESS'])
    })
  })
})

function counter(): { next(): number } {
  let n = 40
  return { next: () => ++n }
}

describe('D45 a later attempt wins', () => {
  test('H51 a frozen worker that thaws after another one has finished changes neither state nor value', async () => {
    const tasks = {
      who: [
        async (_s: Stage, process: { readonly name: string; readonly runtime: Stage['world']['runtime'] }) => {
          await process.runtime.clock.sleep(1000)
          return process.name
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      const { process } = await stage.worker('w1')
      await stage.app.sendTask('who', [], { taskId: 'a' })
      await stage.started('a')
      process.freeze()
      await stage.worker('w2')
      await stage.world.until('the second run', () => stage.runs('a') === 2, 20_000)
      await stage.world.sleep(3000)
      assert.equal((await stage.meta('a'))?.result, 'w2')
      process.thaw()
      await stage.world.sleep(20_000)
      await stage.quiet()
      assert.equal((await stage.meta('a'))?.result, 'w2')
      assert.equal(stage.runs('a'), 2)
    })
  })

  test('the fence of an attempt is known to its handler and grows with every delivery', async () => {
    const fences: number[] = []
    const tasks = {
      fenced: [
        async (_s: Stage, process: { readonly runtime: Stage['world']['runtime'] }) => {
          fences.push(currentTask().fence?.claim ?? -1)
          await process.runtime.clock.sleep(1000)
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      const { process } = await stage.worker('w1')
      await stage.app.sendTask('fenced', [], { taskId: 'a' })
      await stage.started('a')
      process.kill()
      await stage.worker('w2')
      await stage.world.until('the second run', () => fences.length === 2, 20_000)
      await stage.quiet()
      assert.ok((fences[1] ?? 0) > (fences[0] ?? 0), String(fences))
    })
  })

  test('progress of an attempt that lost its lease is refused', async () => {
    const tasks = {
      tell: [
        async (_s: Stage, process: { readonly name: string; readonly runtime: Stage['world']['runtime'] }) => {
          await process.runtime.clock.sleep(1000)
          await currentTask().updateState('PROGRESS', process.name)
          await process.runtime.clock.sleep(30_000)
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      const { process } = await stage.worker('w1')
      await stage.app.sendTask('tell', [], { taskId: 'a' })
      await stage.started('a')
      process.freeze()
      await stage.worker('w2')
      await stage.world.until('the second run', () => stage.runs('a') === 2, 20_000)
      await stage.world.sleep(2000)
      process.thaw()
      await stage.world.sleep(5000)
      assert.deepEqual([await stage.status('a'), (await stage.meta('a'))?.result], ['PROGRESS', 'w2'])
    })
  })
})

test('D21 an ack that finds its message lost is told, one that is taken is not', async () => {
  await onStage({ tasks: { late: [sleeper(3000), LATE] } }, async stage => {
    const { broker } = await stage.worker()
    const told = (): number => stage.events.filter(({ type }) => type === 'stale-ack').length
    await stage.app.sendTask('late', [], { taskId: 'taken' })
    await stage.quiet()
    assert.equal(told(), 0)
    await stage.app.sendTask('late', [], { taskId: 'lost' })
    await stage.started('lost')
    broker.cut()
    await stage.world.sleep(5000)
    assert.equal(told(), 1)
    broker.heal()
    await stage.quiet()
    assert.equal(stage.runs('lost'), 1)
  })
})

describe('D46 a second delivery of what this worker runs or ran is not executed', () => {
  test('after a reset the running execution adopts its redelivery and acks it', async () => {
    await onStage({ tasks: { long: [sleeper(6000), LATE], ok: () => 1 } }, async stage => {
      const { broker } = await stage.worker()
      await stage.app.sendTask('long', [], { taskId: 'a' })
      await stage.started('a')
      broker.reset()
      await stage.world.sleep(4000)
      assert.equal((await stage.stats()).held, 1, 'the redelivery is held by the run')
      await stage.quiet()
      assert.equal(stage.runs('a'), 1)
      assert.equal(await stage.status('a'), 'SUCCESS')
      assert.deepEqual(
        stage.effectsOf('a').filter(line => line === 'ack'),
        ['ack'],
      )
    })
  })

  test('what was finished here is only acked when it comes again', async () => {
    await onStage({ tasks: { ok: [() => 1, { ...LATE, ignoreResult: true }] } }, async stage => {
      const { process, broker } = stage.cluster.worker(
        'w1',
        {},
        {
          afterEffect: effect => {
            // The ack is on its way; its answer and all else is lost with the connection.
            if (effect.kind === 'emit' && effect.event.type === 'task-succeeded') broker.cut()
            return undefined
          },
        },
      )
      await stage.world.sleep(100)
      await stage.app.sendTask('ok', [], { taskId: 'a' })
      await stage.started('a')
      await stage.world.sleep(3000)
      assert.equal((await stage.stats()).ready, 1, 'the ack did not arrive')
      broker.heal()
      await stage.quiet()
      assert.equal(process.alive, true)
      assert.equal(stage.runs('a'), 1)
    })
  })

  test('F44 the same task published twice while it runs is run once and both messages are gone', async () => {
    await onStage({ tasks: { long: [sleeper(2000), LATE] } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('long', [], { taskId: 'a' })
      await stage.started('a')
      await stage.app.sendTask('long', [], { taskId: 'a' })
      await stage.quiet()
      assert.equal(stage.runs('a'), 1)
    })
  })

  test('F44 a second copy of a message is not run after the first has ended, another message with its id is', async () => {
    await onStage({ tasks: { ok: [() => 1, { ...LATE, ignoreResult: true }] } }, async stage => {
      await stage.worker()
      const connection = await stage.cluster.observe()
      const copy = async (messageId: string | undefined, publishId: string): Promise<number> => {
        const message = {
          headers: { task: 'ok', id: 'a' },
          properties: { contentType: 'application/json', ...(messageId === undefined ? {} : { messageId }) },
          body: Buffer.from('[[], {}, {}]'),
        }
        await connection.publish(message, { exchange: '', routingKey: 'celery' }, { publishId })
        await stage.quiet()
        return stage.runs('a')
      }
      // What a broker without memory makes of a publish that was repeated: two messages with one name.
      assert.deepEqual([await copy('m1', 'p1'), await copy('m1', 'p2')], [1, 1])
      assert.deepEqual([await copy('m2', 'p3'), await copy('m2', 'p4')], [2, 2])
      // Without a name nobody can tell: taken for a copy.
      assert.equal(await copy(undefined, 'p5'), 2)
    })
  })

  test('a task id that is used again on purpose runs again', async () => {
    await onStage({ tasks: { ok: [() => 1, LATE] } }, async stage => {
      await stage.worker()
      for (const runs of [1, 2, 3]) {
        await stage.app.sendTask('ok', [], { taskId: 'a' })
        await stage.quiet()
        assert.equal(stage.runs('a'), runs)
      }
    })
  })

  test('a retry of the same id is another attempt and runs', async () => {
    const tasks = {
      again: [
        () => {
          if (currentTask().retries === 0) throw currentTask().retry({ countdown: 1 })
          return 'second'
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await stage.app.sendTask('again', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual(
        stage.entries('a').map(entry => entry.retries),
        [0, 1],
      )
    })
  })
})

describe('early acks on a broker with leases', () => {
  test('I03 a message that was handed to somebody else before its ack arrived is not run here', async () => {
    await onStage({ tasks: { ok: sleeper(100), long: [sleeper(6000), LATE] } }, async stage => {
      const first = await stage.worker('w1', { concurrency: 1, prefetchMultiplier: 4 })
      await stage.app.sendTask('long', [], { taskId: 'long' })
      await stage.started('long')
      await stage.app.sendTask('ok', [], { taskId: 'a' })
      await stage.world.sleep(100)
      // It waits here for the slot; its holder falls silent and another worker gets it.
      first.broker.blackhole()
      first.process.freeze()
      await stage.worker('w2')
      await stage.world.until('the run elsewhere', () => stage.runs('a') === 1, 30_000)
      first.process.thaw()
      first.broker.heal()
      await stage.world.sleep(20_000)
      await stage.quiet()
      assert.equal(stage.runs('a'), 1)
    })
  })
})
