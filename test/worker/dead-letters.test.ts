import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { Reject } from '../../src/app/errors.js'
import type { Broker, Connection } from '../../src/brokers/broker.js'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import type { Runtime } from '../../src/lib/runtime.js'
import type { QueueName } from '../../src/protocol/ids.js'
import type { Message } from '../../src/protocol/message.js'
import { MemoryPlace, type Place, Rig, SqlitePlace } from '../support/worker/rig.js'
import { logLines, onStage, type Stage } from '../support/worker/stage.js'

const LATE = { acksLate: true } as const

const PLACES: readonly (readonly [string, (runtime: Runtime) => Place])[] = [
  ['memory', runtime => new MemoryPlace(runtime)],
  ['sqlite', () => new SqlitePlace()],
]

const define = (app: App): void => {
  app.task('ok', (n: number) => n)
  app.task(
    'reject',
    () => {
      throw new Reject('not mine')
    },
    LATE,
  )
  app.task(
    'strict',
    () => {
      throw new TypeError('no')
    },
    { acksLate: true, acksOnFailure: false },
  )
}

const ODD: Message = {
  headers: { task: 'reject', id: 'r', lang: 'py', x: [1, { y: null }], flag: true },
  properties: { contentType: 'application/json', contentEncoding: 'utf-8', priority: 3, correlationId: 'r' },
  body: new TextEncoder().encode('[ [1,   2.0 , "\\u00e4"], {"__proto__": 1}, {} ]'),
}

for (const [name, place] of PLACES) {
  describe(`D61 the dead-letter place on ${name}`, () => {
    test('holds the original bytes, headers and properties, and beside them what is known', async () => {
      await using rig = new Rig(place, define)
      const { clock } = rig.runtime
      const published = clock.now()
      await rig.publish(ODD, 'one')
      await rig.pass(5000)
      await rig.worker()
      await rig.pass(2000)
      const [letter] = await rig.dead()
      assert.deepEqual(letter?.message.headers, ODD.headers)
      assert.deepEqual(letter?.message.properties, ODD.properties)
      assert.deepEqual(Buffer.from(letter?.message.body ?? []), Buffer.from(ODD.body))
      const { firstSeen, diedAt, ...record } = letter?.record ?? { firstSeen: undefined, diedAt: undefined }
      assert.deepEqual(record, {
        reason: 'rejected',
        detail: 'not mine',
        queue: 'celery',
        exchange: '',
        routingKey: 'celery',
        deliveries: 0,
        worker: 'w@rig',
      })
      assert.ok((firstSeen ?? 0) >= published && (firstSeen ?? 0) < published + 5000)
      assert.ok((diedAt ?? 0) >= published + 5000)
      assert.equal((await rig.meta('r'))?.error?.type, 'Reject')
    })
  })
}

/** A memory broker that takes no dead letters until told to. */
class RefusingPlace extends MemoryPlace {
  refuses = true

  override broker(runtime: Runtime): Broker {
    const broker = super.broker(runtime)
    return {
      url: broker.url,
      features: broker.features,
      connect: async (options, signal) => this.#refusing(await broker.connect(options, signal)),
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    }
  }

  #refusing(connection: Connection): Connection {
    return new Proxy(connection, {
      get: (target, key) => {
        if (key === 'publish') {
          return (...args: Parameters<Connection['publish']>) =>
            this.refuses && args[1].routingKey.endsWith('.dead')
              ? Promise.reject(new RejectedByBrokerError('LVG_TEST', 'No room.', { transient: true }))
              : target.publish(...args)
        }
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
}

describe('D61 written before the ack', () => {
  for (const [what, given] of [
    ['a rejected task', ODD],
    ['a message that is no task', { ...ODD, headers: { nothing: 'of the kind' } }],
  ] as const) {
    test(`${what}: while the dead letter cannot be written the message stays, then it is moved, once`, async () => {
      await using rig = new Rig(runtime => new RefusingPlace(runtime), define, { resultWriteTimeout: 5 })
      await rig.worker()
      await rig.publish(given, 'one')
      await rig.pass(60_000)
      const connection = await rig.connection()
      const left = async (): Promise<number> => {
        const { ready, held, delayed } = await rig.wait(connection.stats('celery' as QueueName))
        return ready + held + delayed
      }
      assert.deepEqual([await left(), (await rig.dead()).length], [1, 0])
      rig.place.refuses = false
      await rig.pass(60_000)
      assert.deepEqual([await left(), (await rig.dead()).length], [0, 1])
    })
  }
})

describe('D62 reasons', () => {
  test('are told of what was no task, too', async () => {
    await using rig = new Rig(place('memory'), define)
    await rig.worker()
    await rig.publish({ headers: {}, properties: {}, body: Buffer.from('who are you?') }, 'x')
    await rig.pass(2000)
    const told = rig.events.filter(({ type }) => type === 'dead-letter-written')
    assert.deepEqual(
      told.map(({ fields }) => fields),
      [{ queue: 'celery', reason: 'disallowed-content', worker: 'w@rig' }],
    )
  })

  test('acksOnFailure off: rejected, after the state', async () => {
    await using rig = new Rig(place('memory'), define)
    await rig.worker()
    const app = rig.app()
    await rig.wait(app.sendTask('strict', [], { taskId: 's' }))
    await rig.pass(2000)
    const [letter] = await rig.dead()
    assert.deepEqual([letter?.record.reason, letter?.record.detail], ['rejected', 'TypeError; acksOnFailure is off'])
    assert.equal((await rig.meta('s'))?.status, 'FAILURE')
  })

  test('early acks: a rejected task is a failure, nothing is left to put aside', async () => {
    const early = (app: App): void => {
      app.task('reject', () => {
        throw new Reject('too late')
      })
    }
    await using rig = new Rig(place('memory'), early)
    await rig.worker()
    await rig.wait(rig.app().sendTask('reject', [], { taskId: 's' }))
    await rig.pass(2000)
    assert.equal((await rig.dead()).length, 0)
    assert.equal((await rig.meta('s'))?.error?.type, 'Reject')
  })

  test('a retry that can never be published: unroutable-retry, and the task fails', async () => {
    const { currentTask } = await import('../../src/app/current-task.js')
    const bad = (app: App): void => {
      app.task(
        'again',
        () => {
          throw currentTask().retry({ countdown: 1, args: [() => 'no message can hold this'] })
        },
        LATE,
      )
    }
    await using rig = new Rig(place('memory'), bad)
    await rig.worker()
    await rig.wait(rig.app().sendTask('again', [], { taskId: 's' }))
    await rig.pass(5000)
    assert.deepEqual(
      (await rig.dead()).map(letter => letter.record.reason),
      ['unroutable-retry'],
    )
    assert.deepEqual([(await rig.meta('s'))?.status, (await rig.meta('s'))?.error?.type], ['FAILURE', 'EncodeError'])
  })
})

describe('D64 a full dead-letter place', () => {
  const tasks = {
    reject: [
      () => {
        throw new Reject('no')
      },
      LATE,
    ] as const,
    ok: [() => 1, LATE] as const,
  }
  const settings = { deadLetterMax: 2, taskQueues: ['celery', 'other'] }

  test('pause: consuming that queue stops and says so, nothing is lost, other queues go on', async () => {
    const report = await onStage({ tasks, settings }, async stage => {
      const { worker } = await stage.worker('w', { concurrency: 1, prefetchMultiplier: 1 })
      assert.equal(worker.health.ready, true)
      for (let n = 0; n < 5; n++) await stage.app.sendTask('reject', [], { taskId: `r${n}` })
      await stage.world.sleep(5000)
      await stage.app.sendTask('ok', [], { taskId: 'other', queue: 'other' })
      await stage.app.sendTask('ok', [], { taskId: 'same' })
      await stage.world.sleep(60_000)
      assert.equal((await stage.dead()).length, 2)
      const { ready, held, delayed } = await stage.stats()
      assert.deepEqual([ready + held + delayed, held], [4, 0])
      assert.deepEqual([stage.runs('other'), stage.runs('same')], [1, 0])
      const { health } = worker
      assert.deepEqual([health.live, health.ready], [true, false])
      assert.deepEqual(health.reasons, ["queue 'celery' is not consumed: its dead-letter place is full"])
      const told = stage.events.filter(({ type }) => type === 'dead-letters-full')
      assert.deepEqual(
        told.map(({ fields, on }) => [fields['queue'], on]),
        [['celery', 'w']],
      )
    })
    const critical = logLines(report).filter(line => line.startsWith('critical'))
    assert.match(critical[0] ?? '', /dead-letter place of queue 'celery' holds 2 messages; consuming 'celery' stops/)
    assert.equal(critical.length, 1)
  })

  test('pause: with room again a restarted worker goes on where it stopped', async () => {
    await onStage({ tasks, settings }, async stage => {
      const first = await stage.worker('w', { concurrency: 1, prefetchMultiplier: 1 })
      for (let n = 0; n < 3; n++) await stage.app.sendTask('reject', [], { taskId: `r${n}` })
      await stage.app.sendTask('ok', [], { taskId: 'same' })
      await stage.world.sleep(20_000)
      await first.worker.stop('warm')
      await using observer = await stage.cluster.observe()
      await observer.purge('celery.dead' as QueueName)
      await stage.worker('w')
      await stage.quiet()
      assert.equal(await stage.status('same'), 'SUCCESS')
      assert.equal((await stage.dead()).length, 1)
    })
  })

  test('pause: bytes count as well', async () => {
    const heavy = { ...settings, deadLetterMax: 100, deadLetterMaxBytes: 25_000 }
    const report = await onStage({ tasks, settings: heavy }, async stage => {
      await stage.worker('w', { concurrency: 2, prefetchMultiplier: 4 })
      for (let n = 0; n < 5; n++) await stage.app.sendTask('reject', ['x'.repeat(10_000)], { taskId: `r${n}` })
      await stage.world.sleep(60_000)
      assert.equal((await stage.dead()).length, 2)
    })
    const critical = logLines(report).filter(line => line.startsWith('critical'))
    assert.match(critical[0] ?? '', /'celery' holds about 25000 bytes; consuming 'celery' stops/)
  })

  test('drop-oldest: as many are dropped as the newest is large', async () => {
    const dropping = {
      ...settings,
      deadLetterMax: 100,
      deadLetterMaxBytes: 25_000,
      deadLetterWhenFull: 'drop-oldest',
    } as const
    await onStage({ tasks, settings: dropping }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      for (const [n, size] of [100, 4000, 4000, 4000, 20_000].entries()) {
        await stage.app.sendTask('reject', ['x'.repeat(size)], { taskId: `r${n}` })
        await stage.quiet()
      }
      assert.deepEqual(
        (await stage.dead()).map(letter => letter.message.headers['id']),
        ['r4'],
      )
    })
  })

  test('drop-oldest: the newest are kept, each drop is an error line with the id', async () => {
    const dropping = { ...settings, deadLetterWhenFull: 'drop-oldest' } as const
    const report = await onStage({ tasks, settings: dropping }, async stage => {
      await stage.worker('w', { concurrency: 1 })
      for (let n = 0; n < 5; n++) {
        await stage.app.sendTask('reject', [], { taskId: `r${n}` })
        await stage.quiet()
      }
      const ids = (await stage.dead()).map(letter => letter.message.headers['id'])
      assert.deepEqual(ids, ['r3', 'r4'])
      const told = (type: string): number => stage.events.filter(event => event.type === type).length
      assert.deepEqual([told('dead-letter-written'), told('dead-letter-dropped')], [5, 3])
    })
    const dropped = logLines(report).filter(line => line.includes('dropped'))
    assert.deepEqual(
      dropped.map(line => /error Dead letter (\S+) of 'celery' dropped/.exec(line)?.[1]),
      ['r0', 'r1', 'r2'],
    )
  })
})

describe('D65 a task that is not registered here', () => {
  test('is handed back with growing delay and runs where it is known', async () => {
    const known = { ok: [() => 1, LATE] as const }
    await onStage({ tasks: known }, async stage => {
      await stage.worker('old')
      await stage.app.sendTask('new', [], { taskId: 'n' })
      const handBacks: number[] = []
      let last = 0
      stage.world.always(() => undefined)
      for (let t = 0; t < 40; t++) {
        await stage.world.sleep(500)
        const { delayed } = await stage.stats()
        if (delayed !== last) handBacks.push(stage.world.now)
        last = delayed
      }
      assert.ok(handBacks.length < 12, `${handBacks.length} changes: no hot loop`)
      assert.equal((await stage.dead()).length, 0)
      const app = stage.cluster.worker('new')
      app.app.task('new', () => 'here')
      await stage.quiet(180_000)
      assert.equal((await stage.meta('n'))?.result, 'here')
    })
  })

  test('however often it goes back, the log says it once', async () => {
    const report = await onStage({}, async stage => {
      await stage.worker()
      await stage.app.sendTask('new', [], { taskId: 'n' })
      await stage.world.sleep(200_000)
    })
    const lines = logLines(report).filter(line => line.includes("unregistered task of type 'new' [n]"))
    assert.equal(lines.length, 1)
  })

  test("'reject' dead-letters it at once with NotRegistered stored", async () => {
    await onStage({ settings: { unknownTask: 'reject' } }, async stage => {
      await stage.worker()
      await stage.app.sendTask('../../etc/passwd', [], { taskId: 'n' })
      await stage.quiet()
      const meta = await stage.meta('n')
      assert.deepEqual(
        [meta?.status, meta?.error?.type, meta?.error?.args],
        ['FAILURE', 'NotRegistered', ['../../etc/passwd']],
      )
      assert.deepEqual(await stage.reasons(), ['unknown-task'])
    })
  })

  test('it does not keep the worker from its other tasks, however many there are', async () => {
    await onStage({ tasks: { ok: [() => 1, LATE] } }, async stage => {
      await stage.worker('w', { concurrency: 1, prefetchMultiplier: 2 })
      for (let n = 0; n < 50; n++) await stage.app.sendTask('new', [], { taskId: `n${n}` })
      await stage.app.sendTask('ok', [], { taskId: 'a' })
      await stage.world.until('the known one', () => stage.runs('a') === 1, 1000)
    })
  })
})

function place(name: string): (runtime: Runtime) => Place {
  return PLACES.find(([known]) => known === name)?.[1] ?? (runtime => new MemoryPlace(runtime))
}

test('an unfinished stage says what it waits for', async () => {
  await assert.rejects(
    onStage({}, async (stage: Stage) => {
      await stage.app.sendTask('new', [], { taskId: 'n' })
      await stage.quiet(1000)
    }),
    /not quiet within 1000 ms/,
  )
})
