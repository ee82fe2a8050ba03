import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { runInTask } from '../../src/app/current-task.js'
import { BatchError } from '../../src/app/errors.js'
import { addLink, setOptions } from '../../src/app/set-options.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { TaskContext } from '../../src/app/task-context.js'
import type { ResultBackend } from '../../src/backends/backend.js'
import { createMemoryBackend } from '../../src/backends/memory/memory-backend.js'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import { chain } from '../../src/canvas/canvas.js'
import { ConfigError } from '../../src/lib/errors.js'
import type { TaskId } from '../../src/protocol/ids.js'
import type { Message } from '../../src/protocol/message.js'
import type { Signature } from '../../src/protocol/signature.js'
import { requestOf } from '../support/requests.js'
import { type HandRuntime, handRuntime } from './hand-runtime.js'
import { ScriptedBroker } from './scripted-broker.js'

interface Bench {
  readonly app: App
  readonly broker: ScriptedBroker
  readonly runtime: HandRuntime
  sent(): readonly Message[]
  /** The one message that was sent. */
  only(): Message
}

function bench(settings: SettingsInput = {}): Bench {
  const broker = new ScriptedBroker()
  const runtime = handRuntime()
  const app = new App('shop', settings, { runtime, broker })
  const sent = (): readonly Message[] => broker.published.map(({ message }) => message)
  const only = (): Message => {
    assert.equal(broker.published.length, 1)
    return sent()[0] as Message
  }
  return { app, broker, runtime, sent, only }
}

function bodyOf(message: Message): unknown {
  return JSON.parse(new TextDecoder().decode(message.body))
}

function context(runtime: HandRuntime, priority?: number): TaskContext {
  return new TaskContext(requestOf({ id: 'parent-1' as TaskId, rootId: 'root-1' as TaskId }), {
    signal: new AbortController().signal,
    clock: runtime.clock,
    log: runtime.log,
    hostname: 'w@here',
    deliveryInfo: { exchange: '', routingKey: 'celery', queue: 'celery', priority, redelivered: false, faults: 0 },
    fence: undefined,
    isEager: false,
    chord: undefined,
    storeState: async () => undefined,
    sendEvent: () => undefined,
  })
}

test('a task is still the function it was', async () => {
  const { app } = bench()
  const add = app.task('add', (a: number, b: number) => a + b)
  assert.equal(add(1, 2), 3)
  assert.equal(add.name, 'add')
  assert.equal(app.tasks.get('add')?.handler, add.handler)
})

test('later steps of a chain carry no address for answers where results do not come as messages', async () => {
  const { app, only } = bench({ resultBackend: 'memory://' })
  const add = app.task('add', (a: number, b: number) => a + b)
  const result = await app.apply(chain(add.s(1, 2), add.s(3), add.s(4)))
  const [, , { chain: later }] = bodyOf(only()) as [unknown, unknown, { chain: readonly Signature[] }]
  assert.deepEqual(
    later.map(({ options }) => options),
    [{ task_id: result.id }, { task_id: result.parent?.id }],
  )
  assert.equal(only().properties.replyTo, app.replyTo)
})

test('delay publishes the message that Celery would, from us', async () => {
  const { app, broker, only } = bench()
  const add = app.task('add', (a: number, b: number) => a + b)
  const result = await add.delay(1, 2)
  const { headers, properties } = only()
  assert.equal(headers['task'], 'add')
  assert.equal(headers['id'], result.id)
  assert.equal(headers['lang'], 'js')
  assert.equal(headers['root_id'], result.id)
  assert.equal(headers['parent_id'], null)
  assert.equal(headers['origin'], 'gen7@here')
  assert.equal(properties.correlationId, result.id)
  assert.equal(properties.replyTo, app.replyTo)
  assert.equal(properties.deliveryMode, 2)
  assert.deepEqual(bodyOf(only()), [[1, 2], {}, { callbacks: null, errbacks: null, chain: null, chord: null }])
  assert.deepEqual(broker.published[0]?.to, { exchange: '', routingKey: 'celery' })
  assert.deepEqual(broker.declared, ['celery'])
})

test('every option of a call has its place in the message', async () => {
  const { app, broker, only, runtime } = bench()
  const now = runtime.clock.now()
  await app.sendTask('py.add', [1], {
    kwargs: { b: 2 },
    countdown: '1m',
    expires: 120,
    retries: 2,
    queue: 'mail',
    priority: 5,
    taskId: 'my-id',
    shadow: 'addition',
    timeLimit: 30,
    softTimeLimit: '25s',
    headers: { trace: 'x' },
    ignoreResult: true,
    groupId: 'g',
    groupIndex: 3,
    rootId: 'r',
    parentId: 'p',
    replyTo: 'answers',
    deliveryMode: 'transient',
    stamps: { customer: 7 },
    argsrepr: '(…)',
    kwargsrepr: '{…}',
  })
  const { headers, properties } = only()
  const iso = (ms: number): string => new Date(ms).toISOString().replace('Z', '000+00:00')
  assert.deepEqual(
    { ...headers },
    {
      lang: 'js',
      task: 'py.add',
      id: 'my-id',
      shadow: 'addition',
      eta: iso(now + 60_000),
      expires: iso(now + 120_000),
      group: 'g',
      group_index: 3,
      retries: 2,
      timelimit: [30, 25],
      root_id: 'r',
      parent_id: 'p',
      argsrepr: '(…)',
      kwargsrepr: '{…}',
      origin: 'gen7@here',
      ignore_result: true,
      replaced_task_nesting: 0,
      stamped_headers: ['customer'],
      stamps: { customer: 7 },
      trace: 'x',
    },
  )
  assert.equal(properties.priority, 5)
  assert.equal(properties.replyTo, 'answers')
  assert.equal(properties.deliveryMode, 1)
  assert.equal(properties.expiration, '120000')
  assert.equal(broker.published[0]?.options.notBefore, now + 60_000)
  assert.deepEqual(broker.declared, ['mail'])
})

test('an eta may be a Date, epoch milliseconds or text; a countdown wins over it, a countdown of 0 is none', async () => {
  const { app, broker, runtime } = bench()
  const at = runtime.clock.now() + 5000
  for (const eta of [new Date(at), at, new Date(at).toISOString()]) await app.sendTask('x', [], { eta })
  await app.sendTask('x', [], { eta: at, countdown: 1 })
  await app.sendTask('x', [], { countdown: 0 })
  const due = broker.published.map(({ options }) => options.notBefore)
  assert.deepEqual(due, [at, at, at, at - 4000, undefined])
})

test('D05 every act of publishing has a name of its own, in ascending order, whatever ids the tasks have', async () => {
  const { app, broker } = bench()
  await app.sendTask('x')
  for (let i = 0; i < 40; i++) await app.sendTask('x', [], { taskId: 'mine' })
  const names = broker.published.map(({ options }) => options.publishId)
  assert.equal(new Set(names).size, 41)
  assert.deepEqual(names.toSorted(), names)
  assert.ok(!names.includes('mine'))
})

test('what cannot be sent is refused before anything is sent', async () => {
  const { app, broker } = bench()
  const take = app.task('take', (_value: unknown) => undefined)
  await assert.rejects(take.delay({ when: () => 1 }), { code: 'LVG_ENCODE', message: /\[0\]|when/ })
  assert.equal(broker.connects, 0)
})

test('an unknown option is refused with the one that was meant', async () => {
  const { app, broker } = bench()
  const options = { countDown: 5 } as object
  await assert.rejects(app.sendTask('x', [], options), { code: 'LVG_UNKNOWN_OPTION', message: /Task x: .*`countdown`/ })
  assert.equal(broker.connects, 0)
})

test('an option of the wrong kind is refused with what it must be', async () => {
  const { app } = bench()
  for (const options of [
    { priority: 256 },
    { priority: 1.5 },
    { queue: '' },
    { exchange: 'x'.repeat(256) },
    { routingKey: 'ü'.repeat(128) },
    { taskId: 7 },
    { retries: -1 },
    { headers: [] },
    { countdown: 'soon' },
    { eta: 'tomorrow' },
    { expires: 'never' },
    { timeLimit: -1 },
    { deliveryMode: 3 },
    { signal: {} },
    { publishTimeout: 'long' },
  ]) {
    await assert.rejects(app.sendTask('x', [], options as object), { code: 'LVG_BAD_OPTION' }, JSON.stringify(options))
  }
})

test('L08 times further away than ten years are refused', async () => {
  const { app } = bench()
  for (const options of [{ countdown: '4000d' }, { eta: 0 }, { expires: new Date(8e15) }, { eta: Number.NaN }]) {
    await assert.rejects(app.sendTask('x', [], options), { code: 'LVG_BAD_OPTION' }, JSON.stringify(options))
  }
})

test("a task's options lie under those of the call, annotations over the task's", async () => {
  const { app, sent } = bench({ taskAnnotations: { mail: { priority: 2 }, '*': { serializer: 'json' } } })
  const mail = app.task('mail', () => undefined, { priority: 1, queue: 'mail', timeLimit: 30, ignoreResult: true })
  await mail.delay()
  await mail.applyAsync([], { priority: 9, timeLimit: 10 })
  const [first, second] = sent()
  assert.equal(first?.properties.priority, 2)
  assert.deepEqual(first?.headers['timelimit'], [30, null])
  assert.equal(first?.headers['ignore_result'], true)
  assert.equal(second?.properties.priority, 9)
  assert.deepEqual(second?.headers['timelimit'], [10, null])
})

test('the default priority is that of the settings, else 0', async () => {
  const { app, sent } = bench()
  await app.sendTask('x')
  assert.equal(sent()[0]?.properties.priority, 0)
  const other = bench({ taskDefaultPriority: 4 })
  await other.app.sendTask('x')
  assert.equal(other.only().properties.priority, 4)
})

test('one name, one task', () => {
  const { app } = bench()
  app.task('add', () => 1)
  assert.throws(() => app.task('add', () => 2), { code: 'LVG_DUPLICATE_TASK' })
})

test('a task option that does not exist is refused with the one that was meant', () => {
  const { app } = bench()
  assert.throws(() => app.task('add', () => 1, { ackLate: true } as object), {
    code: 'LVG_UNKNOWN_OPTION',
    message: /`acksLate`/,
  })
})

test('L06 names that cannot travel are refused', async () => {
  const { app } = bench()
  assert.throws(() => app.task('', () => 1), { code: 'LVG_MALFORMED' })
  assert.throws(() => app.task('x'.repeat(256), () => 1), { code: 'LVG_MALFORMED' })
  await assert.rejects(app.sendTask('a\nb'), { code: 'LVG_ENCODE' })
  await assert.rejects(app.sendTask('x', [], { queue: 'q'.repeat(256) }), { code: 'LVG_BAD_QUEUE' })
})

test('inside a running task what it publishes belongs to it', async () => {
  const { app, runtime, sent } = bench({ taskInheritParentPriority: true })
  const parent = context(runtime, 7)
  const child = await runInTask(parent, () => app.sendTask('child'))
  assert.equal(sent()[0]?.headers['root_id'], 'root-1')
  assert.equal(sent()[0]?.headers['parent_id'], 'parent-1')
  assert.equal(sent()[0]?.properties.priority, 7)
  assert.deepEqual(parent.children, [{ id: child.id, parent: undefined, members: undefined }])
})

test('a priority is inherited only when the settings say so, and lineage may be given', async () => {
  const { app, runtime, sent } = bench()
  await runInTask(context(runtime, 7), () => app.sendTask('child', [], { rootId: 'r', parentId: 'p' }))
  assert.equal(sent()[0]?.properties.priority, 0)
  assert.equal(sent()[0]?.headers['root_id'], 'r')
  assert.equal(sent()[0]?.headers['parent_id'], 'p')
})

test('a child is not remembered when it was not accepted, when asked not to, or when the task keeps no trail', async () => {
  const { app, broker, runtime } = bench({ taskPublishRetry: false })
  const parent = context(runtime)
  await runInTask(parent, () => app.sendTask('child', [], { addToParent: false }))
  broker.onPublish = () => new RejectedByBrokerError('LVG_TEST', 'full', { transient: false })
  await assert.rejects(runInTask(parent, () => app.sendTask('child')))
  broker.onPublish = () => undefined
  app.task('demo.add', () => undefined, { trail: false })
  await runInTask(parent, () => app.sendTask('child'))
  assert.deepEqual(parent.children, [])
})

test('links travel with the message as signatures', async () => {
  const { app, only } = bench()
  const add = app.task('add', (a: number, b: number) => a + b)
  const report = app.task('report', (_id: string) => undefined)
  await add.applyAsync([1, 2], { link: add.s(3), linkError: [report.s()] })
  const [, , embed] = bodyOf(only()) as [unknown, unknown, Record<string, unknown>]
  const plain = { kwargs: {}, options: {}, subtask_type: null, immutable: false }
  assert.deepEqual(embed['callbacks'], [{ task: 'add', args: [3], ...plain }])
  assert.deepEqual(embed['errbacks'], [{ task: 'report', args: [], ...plain }])
})

test('a signature is applied with its options, and those of the call over them', async () => {
  const { app, broker, only } = bench()
  const add = app.task('add', (a: number, b: number) => a + b)
  const report = app.task('report', (_id: string) => undefined)
  const call = setOptions(addLink(add.s(1, 2), 'linkError', report.s()), {
    queue: 'slow',
    priority: 3,
    countdown: '1m',
  })
  assert.deepEqual(
    { ...call.options, link_error: undefined },
    { queue: 'slow', priority: 3, countdown: 60, link_error: undefined },
  )
  await app.apply(call, { priority: 4 })
  assert.equal(only().properties.priority, 4)
  assert.deepEqual(broker.declared, ['slow'])
  const [, , embed] = bodyOf(only()) as [unknown, unknown, Record<string, unknown[]>]
  assert.equal(embed['errbacks']?.length, 1)
})

test('a signature never changes', () => {
  const { app } = bench()
  const call = app.task('add', (a: number, b: number) => a + b).s(1, 2)
  const other = setOptions(call, { queue: 'slow' })
  assert.deepEqual(call.options, {})
  assert.deepEqual(other.options, { queue: 'slow' })
  assert.ok(Object.isFrozen(call) && Object.isFrozen(other) && Object.isFrozen(other.options))
})

test('D10 a batch resolves with one result per call, in order', async () => {
  const { app, sent } = bench()
  const add = app.task('add', (a: number, b: number) => a + b)
  const results = await app.publishMany([add.s(1, 2), add.s(3, 4)])
  assert.deepEqual(
    results.map(result => result.id),
    sent().map(message => message.headers['id']),
  )
})

test('D10 when some are not accepted the error lists what was and what was not', async () => {
  const { app, broker } = bench()
  const add = app.task('add', (a: number, b: number) => a + b)
  const full = new RejectedByBrokerError('LVG_TEST', 'queue full', { transient: false })
  broker.onPublish = ({ message }) => ((bodyOf(message) as [number[]])[0][0] === 2 ? full : undefined)
  await assert.rejects(app.publishMany([add.s(1, 0), add.s(2, 0), add.s(3, 0)]), error => {
    assert.ok(error instanceof BatchError)
    assert.deepEqual(
      error.entries.map(entry => entry.kind),
      ['accepted', 'failed', 'accepted'],
    )
    assert.match(error.message, /1 of 3 messages .* queue full/)
    assert.equal(error.cause, full)
    return true
  })
})

test('D10 when one cannot be encoded nothing is sent', async () => {
  const { app, broker } = bench()
  const take = app.task('take', (_value: unknown) => undefined)
  await assert.rejects(app.publishMany([take.s(1), take.s(() => 1)]), { code: 'LVG_ENCODE' })
  assert.equal(broker.published.length, 0)
})

test('extensions are around every publish', async () => {
  const { app, only } = bench()
  app.use({
    name: 'tracing',
    publish: (message, next) => next({ ...message, headers: { ...message.headers, traceparent: '00-x' } }),
  })
  await app.sendTask('x')
  assert.equal(only().headers['traceparent'], '00-x')
})

test('settings from elsewhere lie over those of the code, until the app is in use', async () => {
  const { app } = bench({ taskDefaultQueue: 'code', taskAcksLate: true })
  app.configure({ file: { taskDefaultQueue: 'file' }, environment: { LOVAGE_PUBLISH_TIMEOUT: '7' } })
  assert.equal(app.settings.taskDefaultQueue, 'file')
  assert.equal(app.settings.publishTimeout, 7000)
  assert.equal(app.policy('any').acksLate, true)
  assert.equal(app.queues.declared[0]?.name, 'file')
  await app.sendTask('x')
  assert.throws(() => app.configure({}), { code: 'LVG_TOO_LATE' })
})

test('warnings about settings go to the log', () => {
  const runtime = handRuntime()
  new App('shop', { workerTimerPrecision: 2 }, { runtime })
  assert.match(runtime.lines[0]?.message ?? '', /`workerTimerPrecision` has no effect/)
})

test('two apps in one process do not know of each other', async () => {
  const runtime = handRuntime()
  await using one = new App('one', { brokerUrl: 'memory://' }, { runtime })
  await using two = new App('two', { brokerUrl: 'memory://' }, { runtime })
  await one.sendTask('x')
  const connection = await (await two.broker()).connect({ name: 'test' })
  await connection.declare({ queues: [two.queues.resolve('celery')] })
  assert.deepEqual(await connection.get(two.queues.resolve('celery').name, 10), [])
})

test('memory:// carries messages within its app', async () => {
  const runtime = handRuntime()
  await using app = new App('shop', { brokerUrl: 'memory://' }, { runtime })
  const { id } = await app.sendTask('x', [1])
  const connection = await (await app.broker()).connect({ name: 'test' })
  const [delivery] = await connection.get(app.queues.resolve('celery').name, 10)
  assert.equal(delivery?.message.headers['id'], id)
})

test('M48 URLs that lead nowhere are configuration errors, without the password', async () => {
  for (const [brokerUrl, code, text] of [
    ['amqp://u:canary@host:99999//', 'LVG_BAD_URL', /99999.*65535/],
    ['amqp://u:can@ary@host//', 'LVG_BAD_URL', /%40/],
    ['amqp://u:can/ary@host//', 'LVG_BAD_URL', /%2F/],
    ['amqp://u:canary%@host//', 'LVG_BAD_URL', /%25/],
    ['amqp://u:canary@host//?heartbeats=3', 'LVG_BAD_URL', /did you mean `heartbeat`/],
    ['qpid://u:canary@host', 'LVG_UNKNOWN_SCHEME', /is not known.*memory:\/\/.*sqlite:\/\//],
    ['redis://:canary@host:99999', 'LVG_BAD_URL', /99999.*65535/],
    ['redis://:canary@host/tasks', 'LVG_BAD_URL', /are numbers/],
    ['sentinel://:canary@host', 'LVG_BAD_URL', /masterName/],
    ['postgresql://u:canary@host:99999/db', 'LVG_BAD_URL', /99999/],
    ['postgresql://u:can/ary@host/db', 'LVG_BAD_URL', /%2F/],
    ['postgresql://u:canary@host/db?sslmod=require', 'LVG_BAD_URL', /did you mean sslmode/],
    ['carrier-pigeon://u:canary@roof', 'LVG_UNKNOWN_SCHEME', /is not known/],
    ['lovage.db', 'LVG_BAD_URL', /no scheme/],
    ['sqlite://lovage.db', 'LVG_BAD_URL', /three slashes/],
    ['sqlite:///', 'LVG_BAD_URL', /names no file/],
    ['sqlite:///:memory:', 'LVG_BAD_URL', /memory:\/\//],
    ['sqlite:///my file.db', 'LVG_BAD_URL', /%20/],
    ['sqlite:///a.db?mode=ro', 'LVG_BAD_URL', /%3F/],
    ['sqlite:///50%.db', 'LVG_BAD_URL', /%25/],
  ] as const) {
    await using app = new App('shop', { brokerUrl }, { runtime: handRuntime() })
    await assert.rejects(app.broker(), error => {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.code, code, brokerUrl)
      assert.match(error.message, text)
      assert.doesNotMatch(error.message, /canary|can@ary/)
      return true
    })
    await assert.rejects(app.sendTask('x'), { code })
  }
})

test('M48 the same for result backends', async () => {
  for (const [resultBackend, code] of [
    ['mongodb://host', 'LVG_UNKNOWN_SCHEME'],
    ['redis://:canary@host:99999', 'LVG_BAD_URL'],
    ['db+postgresql://u:canary@host:99999/db', 'LVG_BAD_URL'],
    ['db+sqlite:///a.db;db+sqlite:///b.db', 'LVG_BAD_URL'],
  ] as const) {
    await using app = new App('shop', { resultBackend }, { runtime: handRuntime() })
    await assert.rejects(app.backend(), { code })
  }
})

test('results can be disabled by name, and are off beside a broker that was handed in', async () => {
  await using named = new App('shop', { resultBackend: 'disabled' }, { runtime: handRuntime() })
  assert.equal(await named.backend(), undefined)
  assert.equal(await bench().app.backend(), undefined)
})

test('what was handed to an app is not closed by it', async () => {
  const { app, broker } = bench()
  await app.sendTask('x')
  await app[Symbol.asyncDispose]()
  await app[Symbol.asyncDispose]()
  assert.equal(broker.closes, 1)
})

test('D04 what is ready for results is not asked to be made ready again', async () => {
  const runtime = handRuntime()
  let asked = 0
  const state = { expecting: false }
  const backend: ResultBackend = Object.create(createMemoryBackend({ runtime }), {
    expect: { value: async () => void asked++ },
    expecting: { get: () => state.expecting },
  })
  const app = new App('shop', {}, { runtime, broker: new ScriptedBroker(), backend })
  await app.sendTask('x')
  state.expecting = true
  await app.sendTask('x')
  assert.equal(asked, 1)
  state.expecting = false
  await app.sendTask('x')
  assert.equal(asked, 2)
})
