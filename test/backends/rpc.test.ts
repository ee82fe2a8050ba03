import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { Reject, TaskError } from '../../src/app/errors.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { RpcBackend } from '../../src/backends/rpc/rpc-backend.js'
import type { Broker, Connection } from '../../src/brokers/broker.js'
import { NotSentError } from '../../src/brokers/errors.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import { MemoryQueueStore } from '../../src/brokers/memory/memory-queue-store.js'
import { chain } from '../../src/canvas/canvas.js'
import { deferred } from '../../src/lib/deferred.js'
import { memoryLog } from '../../src/lib/memory-log.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { createCodec } from '../../src/protocol/create-codec.js'
import { encodeResultMessage } from '../../src/protocol/encode-result.js'
import { queueName, taskId } from '../../src/protocol/ids.js'
import type { Message } from '../../src/protocol/message.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { Worker } from '../../src/worker/worker.js'
import { RpcPlace } from '../support/backends/rpc-place.js'
import { MemoryLines } from '../support/worker/rig.js'

const DEADLINE = { timeout: 20 }

/** Clients and workers that have nothing in common but a broker. */
class Town implements AsyncDisposable {
  readonly #log = memoryLog()
  readonly #runtime = { ...nodeRuntime(), log: this.#log.log }
  readonly #store = new MemoryQueueStore(this.#runtime)
  readonly #apps: App[] = []
  readonly #workers: Worker[] = []

  get lines(): readonly string[] {
    return this.#log.lines.map(line => line.message)
  }

  app(settings: SettingsInput = {}, broker: Broker = this.broker()): App {
    const app = new App('town', { resultBackend: 'rpc://', ...settings }, { runtime: this.#runtime, broker })
    this.#apps.push(app)
    return app
  }

  broker(): Broker {
    return createMemoryBroker({ runtime: this.#runtime, store: this.#store })
  }

  async worker(define: (app: App) => void, settings: SettingsInput = {}): Promise<Worker> {
    const app = this.app(settings)
    define(app)
    const worker = new Worker(app, { name: `w${this.#workers.length}@town` }, { spool: new MemoryLines() })
    this.#workers.push(worker)
    await worker.start()
    return worker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) await worker.stop('warm')
    for (const app of this.#apps) await app[Symbol.asyncDispose]()
  }
}

test('a client gets values and errors of what it sent, and only that client', async () => {
  await using town = new Town()
  await town.worker(app => {
    app.task('add', (x: number, y: number) => x + y)
    app.task('fail', () => {
      throw new RangeError('too far')
    })
  })
  const [client, other] = [town.app(), town.app()]
  const sum = await client.sendTask('add', [2, 3])
  assert.equal(await sum.get(DEADLINE), 5)
  assert.equal(await sum.state(), 'SUCCESS')
  assert.equal(await other.result(sum.id).state(), 'PENDING')
  const failed = await client.sendTask('fail')
  await assert.rejects(failed.get(DEADLINE), (error: unknown) => {
    assert.ok(error instanceof TaskError)
    assert.match(error.message, /too far/)
    return true
  })
})

/** Keeps every confirmation of a message until it is told to go on, as a broker does that waits for its disk. */
function slowToConfirm(broker: Broker, confirm: Promise<void>): Broker {
  return {
    url: broker.url,
    features: broker.features,
    connect: async (options, signal) => {
      const connection = await broker.connect(options, signal)
      return new Proxy(connection, {
        get: (target, key) => {
          if (key === 'publish') {
            const publish: Connection['publish'] = async (...message) => {
              await target.publish(...message)
              await confirm
            }
            return publish
          }
          const value: unknown = Reflect.get(target, key, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  }
}

test('D01 an answer to a task proves that the broker has it, confirmed or not', async () => {
  await using town = new Town()
  await town.worker(app => app.task('echo', (x: number) => x))
  const confirm = deferred<void>()
  const client = town.app({}, slowToConfirm(town.broker(), confirm.promise))
  const result = await client.sendTask('echo', [7])
  assert.equal(await result.get(DEADLINE), 7)
  // An id that somebody else may have used before proves nothing.
  let sent = false
  const named = client.sendTask('echo', [8], { taskId: 'mine' }).then(result => {
    sent = true
    return result
  })
  assert.equal(await client.result('mine').get(DEADLINE), 8)
  assert.equal(sent, false)
  confirm.resolve()
  assert.equal(await (await named).get(DEADLINE), 8)
})

test('D01 a state on the way proves nothing: the broker may forget the message, and the worker die', async () => {
  await using town = new Town()
  const [told, goOn, confirm] = [deferred<string>(), deferred<void>(), deferred<void>()]
  await town.worker(app =>
    app.task('report', async () => {
      await currentTask().updateState('HALF')
      told.resolve(currentTask().id)
      await goOn.promise
    }),
  )
  const client = town.app({}, slowToConfirm(town.broker(), confirm.promise))
  let sent = false
  const sending = client.sendTask('report').then(result => {
    sent = true
    return result
  })
  const id = await told.promise
  while ((await client.result(id).state()) !== 'HALF') await pause(5)
  assert.equal(sent, false)
  goOn.resolve()
  await (await sending).get(DEADLINE)
  confirm.resolve()
})

test('every state is told in its order: started, of the handler, retry, the end', async () => {
  await using town = new Town()
  await town.worker(
    app =>
      app.task('steps', async () => {
        if (currentTask().retries === 0) return currentTask().retry({ countdown: 0.01 })
        await currentTask().updateState('PROGRESS', { done: 1 })
        return 'end'
      }),
    { taskTrackStarted: true },
  )
  const client = town.app()
  const { id } = await client.sendTask('steps')
  const backend = await client.resultBackend()
  const states: string[] = []
  const over = new AbortController()
  for await (const meta of backend.watch([id], over.signal)) {
    states.push(meta.status)
    if (meta.status === 'SUCCESS') over.abort()
  }
  // What came before the watch began is told by the last of it.
  const expected = ['STARTED', 'RETRY', 'STARTED', 'PROGRESS', 'SUCCESS']
  assert.deepEqual(states, expected.slice(-states.length))
})

test('two clients with one worker each hear their own', async () => {
  await using town = new Town()
  await town.worker(app => app.task('echo', (x: string) => x))
  const clients = [town.app(), town.app()]
  const results = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (clients[i % 2] as App).sendTask('echo', [`v${i}`])),
  )
  const values = await Promise.all(results.map(result => result.get(DEADLINE)))
  assert.deepEqual(
    values,
    results.map((_, i) => `v${i}`),
  )
})

test('a task waits for another in a worker, over its own reply queue', async () => {
  await using town = new Town()
  await town.worker(
    app => {
      app.task('inner', (x: number) => x * 2)
      app.task('outer', async (x: number) => {
        const inner = await app.sendTask<number>('inner', [x])
        return (await inner.get({ ...DEADLINE, allowInTask: true })) + 1
      })
    },
    { workerConcurrency: 2 },
  )
  const result = await town.app().sendTask('outer', [20])
  assert.equal(await result.get(DEADLINE), 41)
})

test('a later step of a failed chain is told of the failure under its own id', async () => {
  await using town = new Town()
  await town.worker(app => {
    app.task('fail', () => {
      throw new Reject('never')
    })
    app.task('next', () => 'not run')
  })
  const client = town.app()
  const chain = [{ task: 'next', args: [], kwargs: {}, options: { task_id: 'last' }, subtask_type: null }]
  await client.sendTask('fail', [], { chain: chain as never })
  await assert.rejects(client.result('last').get(DEADLINE), { name: 'TaskError' })
})

test('the client that sent a chain gets what all its steps give, whoever publishes them', async () => {
  await using town = new Town()
  await town.worker(app => app.task('add', (x: number, y: number) => x + y))
  const client = town.app()
  const add = client.task('add', (x: number, y: number): number => x + y)
  const result = await client.apply(chain(add.s(1, 2), add.s(3), add.s(4), add.s(5)))
  assert.equal(await result.get(DEADLINE), 15)
  assert.equal(await result.parent?.get(DEADLINE), 10)
})

test('M34 a result whose sender is gone is dropped and counted; the task has run', async () => {
  await using town = new Town()
  let ran = 0
  const worker = await town.worker(app => app.task('work', () => ++ran))
  const client = town.app({ resultBackend: 'disabled://' })
  for (const replyTo of ['nobody', 'x'.repeat(300), 'a.*.#', '']) await client.sendTask('work', [], { replyTo })
  await until(() => ran === 4)
  const backend = await worker.app.backend()
  assert.ok(backend instanceof RpcBackend)
  await until(() => backend.dropped === 3)
  assert.equal(town.lines.filter(line => line.includes('reached nobody')).length, 1)
})

test('a task with ignoreResult is sent without a reply queue, and nothing comes', async () => {
  await using town = new Town()
  let ran = 0
  await town.worker(app => app.task('quiet', () => ++ran, { ignoreResult: true }))
  const client = town.app()
  await client.sendTask('quiet', [], { ignoreResult: true })
  await until(() => ran === 1)
  await using connection = await town.broker().connect({ name: 'looker' })
  assert.deepEqual(
    (await connection.list()).map(({ queue }) => queue).filter(queue => queue === queueName(client.replyTo)),
    [],
  )
})

test('nothing is sent while the reply queue cannot be had', async () => {
  await using town = new Town()
  const dead: Broker = {
    ...town.broker(),
    url: 'memory://',
    connect: () => new Promise(() => undefined),
    [Symbol.asyncDispose]: async () => undefined,
  }
  const client = town.app({ publishTimeout: 0.2, brokerConnectionTimeout: 0.1 }, dead)
  await assert.rejects(client.sendTask('add'), (error: unknown) => {
    assert.ok(error instanceof NotSentError)
    assert.equal(error.code, 'LVG_NOT_SENT')
    assert.match(error.message, /queue for its result/)
    return true
  })
})

test('chords and saved groups are refused with the reason', async () => {
  await using town = new Town()
  const backend = await town.app().resultBackend()
  assert.deepEqual(backend.features, { durable: false, chords: false, shared: false })
  for (const refused of [
    () => backend.setChordSize('g' as never, 2, undefined),
    () => backend.saveGroup({ id: 'g' as never, parent: undefined, members: [] }, undefined),
    () => backend.close('g' as never),
  ]) {
    await assert.rejects(refused(), { name: 'BackendError', code: 'LVG_NOT_BY_MESSAGE', transient: false })
  }
})

/* The receiving side by itself: messages as any worker may send them. */

const codec = createCodec({ accept: ['json', 'msgpack'], serializer: 'json' })

function answer(id: string, status: string, parts: Partial<ResultMeta> = {}): Message {
  const meta = {
    taskId: taskId(id),
    status,
    result: undefined,
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
    ...parts,
  }
  return encodeResultMessage(meta, id, 1, codec)
}

async function received(...messages: readonly Message[]): Promise<RpcBackend> {
  const place = new RpcPlace()
  let receive: ((message: Message) => void) | undefined
  const backend = place.backend({
    listening: true,
    listen: async heard => {
      receive = heard
    },
    send: async () => 'sent',
    [Symbol.asyncDispose]: async () => undefined,
  })
  await backend.expect(new AbortController().signal)
  for (const message of messages) receive?.(message)
  return backend
}

test('what is final stays, whatever comes late or twice', async () => {
  const boom = { type: 'ValueError', args: ['boom'], module: 'builtins' }
  const backend = await received(
    answer('a', 'SUCCESS', { result: 1 }),
    answer('a', 'STARTED', { result: {} }),
    answer('a', 'FAILURE', { error: boom }),
    answer('a', 'SUCCESS', { result: 2 }),
    answer('b', 'FAILURE', { error: boom }),
    answer('b', 'RETRY', { error: boom }),
  )
  assert.equal((await backend.fetch(taskId('a')))?.result, 1)
  assert.equal((await backend.fetch(taskId('b')))?.status, 'FAILURE')
})

test('M46 an answer that cannot be read is the failure of its task; without an id it is only logged', async () => {
  const body = Buffer.from('{')
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  const backend = await received(
    { headers: {}, properties: { ...properties, correlationId: 'bad' }, body },
    { headers: {}, properties, body },
    answer('good', 'SUCCESS', { result: 1 }),
  )
  await assert.rejects(backend.fetch(taskId('bad')), { name: 'ResultDecodeError' })
  const over = new AbortController()
  for await (const meta of backend.watch([taskId('bad')], over.signal)) {
    assert.deepEqual([meta.status, meta.error?.type], ['FAILURE', 'ResultDecodeError'])
    over.abort()
  }
  assert.equal((await backend.fetch(taskId('good')))?.result, 1)
})

test('of a flood that nobody asks for the newest are remembered', async () => {
  const flood = Array.from({ length: 40_000 }, (_, i) => answer(`t${i}`, 'SUCCESS', { result: i }))
  const backend = await received(...flood)
  assert.equal(await backend.fetch(taskId('t0')), undefined)
  for (const i of [32_000, 39_999]) assert.equal((await backend.fetch(taskId(`t${i}`)))?.result, i)
})

async function until(holds: () => boolean): Promise<void> {
  const { clock } = nodeRuntime()
  const end = clock.steady() + 20_000
  while (!holds()) {
    assert.ok(clock.steady() < end, `waited in vain for ${holds}`)
    await clock.sleep(5)
  }
}
