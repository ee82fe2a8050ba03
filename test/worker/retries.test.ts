import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentTask } from '../../src/app/current-task.js'
import type { TaskOptions } from '../../src/app/task-options.js'
import type { QueueName } from '../../src/protocol/ids.js'
import type { Message } from '../../src/protocol/message.js'
import { logLines, onStage, type Stage, sig } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

/** Publishes a message and what its first retry looks like in the queue. */
async function retryOf(stage: Stage, message: Message, queue = 'celery'): Promise<Message> {
  const { worker } = await stage.worker('w1')
  await using observer = await stage.cluster.observe()
  await observer.publish(message, { exchange: '', routingKey: queue }, { publishId: 'raw' })
  await stage.world.until('the first attempt', () => stage.effects.some(line => line.includes('publish retry')), 10_000)
  await stage.world.sleep(100)
  await worker.stop('warm')
  const copies: Message[] = []
  for (let tries = 0; tries < 200 && copies.length === 0; tries++) {
    await stage.world.sleep(1000)
    const taken = await observer.get(queue as QueueName, 10)
    copies.push(...taken.map(delivery => delivery.message))
  }
  assert.equal(copies.length, 1, 'exactly one copy')
  return copies[0] as Message
}

const embed = { callbacks: [sig('next', 'n')], errbacks: [sig('told', 'e')], chain: [sig('last', 'l')], chord: null }
const body = (args: readonly unknown[]): Uint8Array =>
  new TextEncoder().encode(`[ ${JSON.stringify(args)},  {"k": 1.0}, ${JSON.stringify(embed)} ]`)

const FULL: Message = {
  headers: {
    lang: 'py',
    task: 'again',
    id: 'a',
    root_id: 'r',
    parent_id: 'p',
    group: 'g',
    group_index: 3,
    retries: 0,
    timelimit: [30, 20],
    expires: '2026-01-01T01:00:00+00:00',
    eta: null,
    shadow: 'Again!',
    origin: 'gen1@py',
    stamped_headers: ['tenant'],
    stamps: { tenant: ['t1'] },
    replaced_task_nesting: 2,
    argsrepr: '(1,)',
    kwargsrepr: "{'k': 1.0}",
    x_unknown: { nested: [1, 'two'] },
  },
  properties: {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    correlationId: 'a',
    replyTo: 'somebody',
    deliveryMode: 2,
    priority: 7,
  },
  body: body([1]),
}

const asking = (options: TaskOptions, ask: () => unknown = () => currentTask().retry({ countdown: 5 })) =>
  [
    () => {
      throw ask()
    },
    options,
  ] as const

describe('D50 a retry is the same task, one attempt later', () => {
  for (const acksLate of [false, true]) {
    test(`${acksLate ? 'late' : 'early'} acks: everything is kept but retries and eta, the body byte for byte`, async () => {
      await onStage({ tasks: { again: asking({ acksLate, params: ['n', 'k'] }) } }, async stage => {
        const copy = await retryOf(stage, FULL)
        const { retries, eta, ignore_result, ...kept } = copy.headers
        const { retries: _r, eta: _e, ...given } = FULL.headers
        assert.deepEqual(kept, given)
        assert.deepEqual([retries, ignore_result], [1, null])
        assert.match(String(eta), /^2026-01-01T00:00:05\.\d{6}\+00:00$/)
        assert.deepEqual(copy.properties, FULL.properties)
        assert.deepEqual(Buffer.from(copy.body), Buffer.from(FULL.body))
      })
    })
  }

  test('arguments of the next attempt may be given; callbacks and the rest of the body stay', async () => {
    const ask = () => currentTask().retry({ countdown: 5, args: [2, 'ü'], kwargs: {} })
    await onStage({ tasks: { again: asking(LATE, ask) } }, async stage => {
      const copy = await retryOf(stage, FULL)
      const [args, kwargs, kept] = JSON.parse(new TextDecoder().decode(copy.body))
      assert.deepEqual([args, kwargs, kept], [[2, 'ü'], {}, embed])
      assert.deepEqual([copy.headers['argsrepr'], copy.headers['kwargsrepr']], ["(2, 'ü')", '{}'])
      assert.deepEqual([copy.headers['group'], copy.headers['stamps']], ['g', { tenant: ['t1'] }])
    })
  })

  test('it goes back to the queue it came from, not to where new ones are routed', async () => {
    const settings = { taskRoutes: { again: 'fresh' }, taskQueues: ['celery', 'fresh', 'old'] }
    await onStage({ tasks: { again: asking(LATE) }, settings }, async stage => {
      await retryOf(stage, FULL, 'old')
      assert.equal((await stage.stats('fresh')).ready, 0)
    })
  })

  test('an expiry that was kept ends the attempts', async () => {
    await onStage({ tasks: { again: asking({ ...LATE, maxRetries: null }) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('again', [], { taskId: 'a', expires: 12 })
      await stage.quiet()
      assert.equal(stage.runs('a'), 3)
      assert.equal(await stage.status('a'), 'REVOKED')
    })
  })

  test('while it waits its state is RETRY with the error that led to it', async () => {
    const ask = () => currentTask().retry({ countdown: 5, error: new RangeError('not yet') })
    await onStage({ tasks: { again: asking(LATE, ask) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('again', [], { taskId: 'a' })
      await stage.world.sleep(1000)
      const meta = await stage.meta('a')
      assert.deepEqual([meta?.status, meta?.error?.args], ['RETRY', ['not yet']])
    })
  })
})

describe('D51 a crash between the copy and the ack', () => {
  test('leaves one further attempt, not two', async () => {
    const tasks = {
      again: [
        () => {
          if (currentTask().retries === 0) throw currentTask().retry({ countdown: 3 })
          return 'done'
        },
        LATE,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      const { process } = stage.cluster.worker(
        'w1',
        {},
        {
          afterEffect: effect => {
            if (effect.kind !== 'publish') return undefined
            process.kill()
            return new Promise(() => undefined)
          },
        },
      )
      await stage.app.sendTask('again', [], { taskId: 'a' })
      await stage.world.until('the kill', () => !process.alive, 10_000)
      await stage.worker('w2')
      await stage.world.sleep(10_000)
      await stage.quiet()
      assert.deepEqual(
        stage.entries('a').map(entry => entry.retries),
        [0, 1],
      )
    })
  })
})

describe('D51 a copy that somebody else publishes has the arguments that the handler asked for', () => {
  const again = (_stage: Stage, _process: unknown, ...given: readonly unknown[]) => {
    if (currentTask().retries === 0) throw currentTask().retry({ countdown: 3, args: [2, 'ü'], kwargs: {} })
    return given
  }

  test('late acks: the worker dies before the copy is out', async () => {
    await onStage({ tasks: { again: [again, LATE] } }, async stage => {
      const { process } = stage.cluster.worker(
        'w1',
        {},
        { afterEffect: effect => void (effect.kind === 'store' && process.kill()) },
      )
      await stage.app.sendTask('again', [1], { taskId: 'a' })
      await stage.world.until('the kill', () => !process.alive, 10_000)
      await stage.worker('w2')
      await stage.world.sleep(20_000)
      await stage.quiet()
      assert.deepEqual([(await stage.meta('a'))?.result, stage.runs('a')], [[2, 'ü'], 2])
    })
  })

  test('early acks: the broker is away, and the copy comes from the spool', async () => {
    await onStage({ tasks: { again }, settings: { resultWriteTimeout: 5 } }, async stage => {
      const { broker } = await stage.worker('w1')
      await stage.app.sendTask('again', [1], { taskId: 'a' })
      await stage.started('a')
      broker.cut()
      await stage.world.until('it is in the spool', () => stage.cluster.spooling('w1'), 30_000)
      broker.heal()
      await stage.world.sleep(60_000)
      assert.deepEqual([(await stage.meta('a'))?.result, stage.runs('a')], [[2, 'ü'], 2])
    })
  })
})

describe('D52 maxRetries counts retries', () => {
  for (const [given, runs] of [
    [0, 1],
    [2, 3],
  ] as const) {
    test(`maxRetries ${given} means ${runs} runs`, async () => {
      await onStage({ tasks: { again: asking({ ...LATE, maxRetries: given }) } }, async stage => {
        await stage.worker()
        await stage.app.sendTask('again', [1], { taskId: 'a', kwargs: { b: 'x' } })
        await stage.quiet()
        assert.equal(stage.runs('a'), runs)
        const meta = await stage.meta('a')
        assert.equal(meta?.error?.type, 'MaxRetriesExceededError')
        assert.deepEqual(meta?.error?.args, ["Can't retry again[a] args:(1,) kwargs:{'b': 'x'}"])
      })
    })
  }

  test('the error of the last attempt is stored instead, when there is one', async () => {
    const ask = () => currentTask().retry({ countdown: 1, error: new TypeError('the cause') })
    await onStage({ tasks: { again: asking({ ...LATE, maxRetries: 1 }, ask) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('again', [], { taskId: 'a' })
      await stage.quiet()
      assert.deepEqual((await stage.meta('a'))?.error?.args, ['the cause'])
    })
  })

  test('a handler may decide otherwise for this time', async () => {
    const ask = () => currentTask().retry({ countdown: 1, maxRetries: 5 })
    await onStage({ tasks: { again: asking({ ...LATE, maxRetries: 1 }, ask) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('again', [], { taskId: 'a' })
      await stage.quiet()
      assert.equal(stage.runs('a'), 6)
    })
  })
})

describe('D53 a swallowed retry signal counts', () => {
  const swallow = {
    'caught and ended well': () => {
      try {
        throw currentTask().retry({ countdown: 1 })
      } catch {
        return 'all is well'
      }
    },
    'caught and turned into another error': () => {
      try {
        throw currentTask().retry({ countdown: 1 })
      } catch {
        throw new Error('something else')
      }
    },
    'never thrown': () => {
      currentTask().retry({ countdown: 1 })
    },
    'asked for twice': () => {
      currentTask().retry({ countdown: 1 })
      throw currentTask().retry({ countdown: 90 })
    },
  }
  for (const [how, act] of Object.entries(swallow)) {
    test(`H30 ${how}: the attempt ends as RETRY, with exactly one copy`, async () => {
      const tasks = { t: [() => (currentTask().retries === 0 ? act() : 'second'), LATE] as const }
      await onStage({ tasks }, async stage => {
        await stage.worker()
        await stage.app.sendTask('t', [], { taskId: 'a' })
        await stage.world.sleep(500)
        assert.equal(await stage.status('a'), 'RETRY')
        await stage.world.sleep(5000)
        assert.deepEqual(
          stage.entries('a').map(entry => entry.retries),
          [0, 1],
        )
        assert.equal((await stage.meta('a'))?.result, 'second')
      })
    })
  }
})

describe('D54 delays', () => {
  test('backoff doubles up to its cap; without jitter exactly', async () => {
    const options = {
      ...LATE,
      autoretryFor: [Error],
      retryBackoff: true,
      retryBackoffMax: 5,
      retryJitter: false,
      maxRetries: 5,
    }
    await onStage({ tasks: { t: asking(options, () => new Error('no')) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      const at = stage.entries('a').map(entry => entry.at)
      const waits = at.slice(1).map((one, i) => Math.floor((one - (at[i] ?? 0)) / 1000))
      assert.deepEqual(waits, [1, 2, 4, 5, 5])
    })
  })

  test('with jitter a wait is a whole number of seconds in [0, that], and not always the same', async () => {
    const delays = new Set<number>()
    const options = { ...LATE, autoretryFor: [Error], retryBackoff: 8, retryBackoffMax: 8, maxRetries: 12 }
    await onStage({ tasks: { t: asking(options, () => new Error('no')) } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      for (const event of stage.events) if (event.type === 'task-retried') delays.add(Number(event.fields['delay']))
    })
    assert.ok(delays.size > 2, [...delays].join())
    for (const delay of delays) assert.ok(delay >= 0 && delay <= 8000 && delay % 1000 === 0, String(delay))
  })

  test('dontAutoretryFor wins over autoretryFor; other errors fail at once', async () => {
    const options = {
      ...LATE,
      autoretryFor: [Error],
      dontAutoretryFor: [TypeError],
      defaultRetryDelay: 1,
      maxRetries: 1,
    }
    const errors = [new RangeError('r'), new TypeError('t'), 'no error at all']
    const tasks = {
      t: [
        (_s: Stage, _p: unknown, n: number) => {
          throw errors[n]
        },
        options,
      ] as const,
    }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      for (const n of [0, 1, 2]) await stage.app.sendTask('t', [n], { taskId: `a${n}` })
      await stage.quiet()
      assert.deepEqual([stage.runs('a0'), stage.runs('a1'), stage.runs('a2')], [2, 1, 1])
      assert.deepEqual((await stage.meta('a0'))?.error?.args, ['r'])
    })
  })

  test("without a countdown a retry waits for the task's own delay, 180 s by default", async () => {
    const tasks = { t: asking({ ...LATE, maxRetries: 1 }, () => currentTask().retry()) }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet(300_000)
      const [first, second] = stage.entries('a').map(entry => entry.at)
      assert.equal(Math.round(((second ?? 0) - (first ?? 0)) / 1000), 180)
    })
  })

  test('a retry may name the instant', async () => {
    const at = Date.UTC(2026, 0, 1, 0, 0, 42)
    const tasks = { t: asking({ ...LATE, maxRetries: 1 }, () => currentTask().retry({ eta: new Date(at) })) }
    await onStage({ tasks }, async stage => {
      await stage.worker()
      await stage.app.sendTask('t', [], { taskId: 'a' })
      await stage.quiet()
      assert.equal(Math.floor((stage.entries('a')[1]?.at ?? 0) / 1000), 42)
    })
  })

  for (const step of [3_600_000, -3_600_000]) {
    test(`the instant is fixed when the retry is published: a wall clock that is ${step / 1000} s off for a while does not move it`, async () => {
      const tasks = { t: asking({ ...LATE, maxRetries: 1 }, () => currentTask().retry({ countdown: 30 })) }
      await onStage({ tasks }, async stage => {
        const { process } = await stage.worker()
        await stage.app.sendTask('t', [], { taskId: 'a' })
        await stage.started('a')
        await stage.world.sleep(1000)
        process.stepWallClock(step)
        await stage.world.sleep(20_000)
        process.stepWallClock(-step)
        await stage.quiet()
        assert.equal(Math.floor((stage.entries('a')[1]?.at ?? 0) / 1000), 30)
      })
    })
  }
})

test('a retry is logged with its delay and cause, as an operator of Celery knows it', async () => {
  const ask = () => currentTask().retry({ countdown: 7, error: new RangeError('busy') })
  const report = await onStage({ tasks: { t: asking({ ...LATE, maxRetries: 1 }, ask) } }, async stage => {
    await stage.worker()
    await stage.app.sendTask('t', [], { taskId: 'a' })
    await stage.quiet()
  })
  assert.ok(
    logLines(report).includes("info Task t[a] retry: Retry in 7s: ValueError('busy')"),
    logLines(report).join('\n'),
  )
})
