import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { runInTask } from '../../src/app/current-task.js'
import { TaskError, TaskRevokedError, TimeoutError } from '../../src/app/errors.js'
import { TaskContext } from '../../src/app/task-context.js'
import type { ResultBackend } from '../../src/backends/backend.js'
import { BackendError } from '../../src/backends/errors.js'
import { createMemoryBackend } from '../../src/backends/memory/memory-backend.js'
import { type TaskId, taskId } from '../../src/protocol/ids.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { requestOf } from '../support/requests.js'
import { type HandRuntime, handRuntime } from './hand-runtime.js'
import { ScriptedBroker } from './scripted-broker.js'

interface Bench {
  readonly app: App
  readonly runtime: HandRuntime
  readonly backend: ResultBackend
  /** Ids of each watch that was opened. */
  readonly watches: (readonly TaskId[])[]
  /** Signals of these watches. */
  readonly signals: AbortSignal[]
  /** What the next watches throw at once. */
  readonly troubles: Error[]
  store(id: string, meta: Partial<ResultMeta>): Promise<void>
}

function bench(): Bench {
  const runtime = handRuntime()
  const memory = createMemoryBackend({ runtime })
  const watches: (readonly TaskId[])[] = []
  const signals: AbortSignal[] = []
  const troubles: Error[] = []
  const backend: ResultBackend = {
    url: memory.url,
    features: memory.features,
    store: (meta, options) => memory.store(meta, options),
    fetch: id => memory.fetch(id),
    forget: ids => memory.forget(ids),
    saveGroup: (group, ttl) => memory.saveGroup(group, ttl),
    fetchGroup: id => memory.fetchGroup(id),
    forgetGroup: id => memory.forgetGroup(id),
    setChordSize: (chord, size, ttl) => memory.setChordSize(chord, size, ttl),
    addToChord: (chord, tasks, ttl) => memory.addToChord(chord, tasks, ttl),
    arrive: (part, ttl) => memory.arrive(part, ttl),
    close: chord => memory.close(chord),
    cleanup: () => memory.cleanup(),
    watch(ids, signal) {
      watches.push([...ids])
      signals.push(signal)
      const trouble = troubles.shift()
      return trouble === undefined ? memory.watch(ids, signal) : failing(trouble)
    },
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  }
  const app = new App('shop', {}, { runtime, broker: new ScriptedBroker(), backend })
  const store = async (id: string, meta: Partial<ResultMeta>): Promise<void> => {
    await memory.store(metaOf(id, meta), { ttl: undefined, fence: undefined })
  }
  return { app, runtime, backend, watches, signals, troubles, store }
}

async function* failing(error: Error): AsyncGenerator<ResultMeta> {
  yield* []
  throw error
}

function metaOf(id: string, meta: Partial<ResultMeta>): ResultMeta {
  return {
    taskId: taskId(id),
    status: 'SUCCESS',
    result: undefined,
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
    ...meta,
  }
}

test('get waits for the end and returns the value', async () => {
  const { app, runtime, store } = bench()
  const value = app.result<number>('a').get()
  await runtime.clock.pass(10)
  await store('a', { result: 42 })
  assert.equal(await value, 42)
})

test('a result that is there already needs no waiting, and is not asked for again', async () => {
  const { app, store, watches } = bench()
  await store('a', { result: [1, 2] })
  const result = app.result('a')
  assert.deepEqual(await result.get(), [1, 2])
  assert.deepEqual(await result.get(), [1, 2])
  assert.equal(await result.state(), 'SUCCESS')
  assert.equal(watches.length, 1)
})

test('a failure is thrown with what the failing side stored', async () => {
  const { app, store } = bench()
  const error = { type: 'ValueError', args: ['boom'], module: 'builtins' }
  await store('a', { status: 'FAILURE', error, traceback: 'Traceback …' })
  await assert.rejects(app.result('a').get(), thrown => {
    assert.ok(thrown instanceof TaskError)
    assert.deepEqual([thrown.excType, thrown.excMessage, thrown.traceback], ['ValueError', ['boom'], 'Traceback …'])
    return true
  })
  const returned = await app.result('a').get({ propagate: false })
  assert.ok(returned instanceof TaskError)
})

test('a revoked task throws TaskRevokedError', async () => {
  const { app, store } = bench()
  const error = { type: 'TaskRevokedError', args: ['revoked'], module: 'celery.exceptions' }
  await store('a', { status: 'REVOKED', error })
  await assert.rejects(app.result('a').get(), TaskRevokedError)
})

test('states on the way do not end the waiting', async () => {
  const { app, runtime, store } = bench()
  const seen = app.result('a').get()
  await store('a', { status: 'STARTED' })
  await store('a', { status: 'PROGRESS', result: { current: 1, total: 2 } })
  await store('a', { status: 'RETRY', error: { type: 'Error', args: [], module: null } })
  await runtime.clock.pass(10)
  await store('a', { result: 'end' })
  assert.equal(await seen, 'end')
})

test('a timeout is thrown as TimeoutError, and the watch ends', async () => {
  const { app, runtime, signals } = bench()
  const seen = assert.rejects(app.result('a').get({ timeout: '2s' }), error => {
    assert.ok(error instanceof TimeoutError)
    assert.equal(error.taskId, 'a')
    return true
  })
  await runtime.clock.pass(2000)
  await seen
  assert.equal(signals[0]?.aborted, true)
})

test('an abort ends the waiting with its reason', async () => {
  const { app, runtime, signals } = bench()
  const stop = new AbortController()
  const reason = new Error('enough')
  const seen = assert.rejects(app.result('a').get({ signal: stop.signal }), reason)
  await runtime.clock.pass(10)
  stop.abort(reason)
  await seen
  assert.equal(signals[0]?.aborted, true)
  await assert.rejects(app.result('a').get({ signal: stop.signal }), reason)
})

test('a hundred results that are waited for at once share one watch', async () => {
  const { app, runtime, store, watches } = bench()
  const ids = Array.from({ length: 100 }, (_, i) => `t${i}`)
  const all = Promise.all(ids.map(id => app.result(id).get()))
  await runtime.clock.pass(1)
  for (const id of ids) await store(id, { result: id })
  assert.deepEqual(await all, ids)
  assert.deepEqual(
    watches.map(watch => watch.length),
    [100],
  )
})

test('two who wait for the same id share its watch, one of them may leave', async () => {
  const { app, runtime, store, watches, signals } = bench()
  const stop = new AbortController()
  const first = assert.rejects(app.result('a').get({ signal: stop.signal }))
  await runtime.clock.pass(1)
  const second = app.result('a').get()
  await runtime.clock.pass(1)
  stop.abort(new Error('enough'))
  await first
  assert.equal(signals[0]?.aborted, false)
  await store('a', { result: 1 })
  assert.equal(await second, 1)
  assert.equal(watches.length, 1)
})

test('a watch that breaks for a passing reason is opened again, and misses nothing', async () => {
  const { app, runtime, store, troubles, watches } = bench()
  troubles.push(new BackendError('LVG_TEST', 'connection lost', { transient: true }))
  const value = app.result('a').get()
  await runtime.clock.pass(1)
  await store('a', { result: 'kept' })
  await runtime.clock.pass(1000)
  assert.equal(await value, 'kept')
  assert.equal(watches.length, 2)
})

test('an error that waiting does not cure reaches everybody who waits', async () => {
  const { app, runtime, troubles } = bench()
  const error = new BackendError('LVG_TEST', 'no such table', { transient: false })
  troubles.push(error)
  const all = ['a', 'b'].map(id => assert.rejects(app.result(id).get(), error))
  await runtime.clock.pass(1)
  await Promise.all(all)
})

test('closing the app tells those who wait', async () => {
  const { app, runtime } = bench()
  const seen = assert.rejects(app.result('a').get(), { code: 'LVG_CLOSED' })
  await runtime.clock.pass(1)
  await app[Symbol.asyncDispose]()
  await seen
})

test('without a backend the error says what to set', async () => {
  const app = new App('shop', {}, { runtime: handRuntime(), broker: new ScriptedBroker() })
  const result = await app.sendTask('x')
  for (const ask of [() => result.get(), () => result.state(), () => result.forget()]) {
    await assert.rejects(ask(), { code: 'LVG_NO_RESULT_BACKEND', message: /`resultBackend`/ })
  }
})

test('a call that ignores its result has none to wait for', async () => {
  const app = new App('shop', {}, { runtime: handRuntime(), broker: new ScriptedBroker() })
  const quiet = app.task('quiet', () => 1, { ignoreResult: true })
  assert.equal(await (await quiet.delay()).get(), undefined)
  assert.equal((await quiet.applyAsync([], { ignoreResult: false })).ignored, false)
})

test('waiting inside a running task is refused unless it is asked for', async () => {
  const { app, runtime, store } = bench()
  await store('a', { result: 1 })
  const context = new TaskContext(requestOf(), {
    signal: new AbortController().signal,
    clock: runtime.clock,
    log: runtime.log,
    hostname: 'w@here',
    deliveryInfo: { exchange: '', routingKey: '', queue: '', priority: undefined, redelivered: false, faults: 0 },
    fence: undefined,
    isEager: false,
    chord: undefined,
    storeState: async () => undefined,
    sendEvent: () => undefined,
  })
  await runInTask(context, async () => {
    await assert.rejects(app.result('a').get(), { code: 'LVG_RESULT_IN_TASK' })
    assert.equal(await app.result('a').get({ allowInTask: true }), 1)
  })
})

test('state, readiness and info follow the stored record', async () => {
  const { app, store } = bench()
  const result = app.result('a')
  assert.deepEqual([await result.state(), await result.ready(), await result.info()], ['PENDING', false, undefined])
  await store('a', { status: 'PROGRESS', result: { current: 1, total: 2 } })
  assert.deepEqual([await result.state(), await result.info()], ['PROGRESS', { current: 1, total: 2 }])
  await store('a', { status: 'FAILURE', error: { type: 'E', args: ['x'], module: null } })
  assert.deepEqual([await result.ready(), await result.failed(), await result.successful()], [true, true, false])
  assert.ok((await result.info()) instanceof TaskError)
})

test('children are results, of tasks and of groups', async () => {
  const { app, store } = bench()
  const leaf = (id: string) => ({ id: taskId(id), parent: undefined, members: undefined })
  await store('a', { children: [leaf('b'), { id: taskId('g'), parent: undefined, members: [leaf('c'), leaf('d')] }] })
  const children = await app.result('a').children()
  assert.deepEqual(
    children.map(child => [child.kind, child.id]),
    [
      ['task', 'b'],
      ['group', 'g'],
    ],
  )
})

test('a forgotten result is pending again', async () => {
  const { app, store } = bench()
  await store('a', { result: 1 })
  const result = app.result('a')
  assert.equal(await result.get(), 1)
  await result.forget()
  assert.equal(await result.state(), 'PENDING')
})
