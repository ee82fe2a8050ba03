import assert from 'node:assert/strict'
import { test } from 'node:test'
import { currentTask, runInTask, runningTask } from '../../src/app/current-task.js'
import { Retry } from '../../src/app/errors.js'
import { TaskContext } from '../../src/app/task-context.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { requestOf } from '../support/requests.js'
import { handRuntime } from './hand-runtime.js'

interface Given {
  readonly context: TaskContext
  readonly states: unknown[]
  readonly events: unknown[]
}

function context(id = 'a'): Given {
  const runtime = handRuntime()
  const states: unknown[] = []
  const events: unknown[] = []
  const made = new TaskContext(requestOf({ id: id as TaskId, retries: 1 }), {
    signal: new AbortController().signal,
    clock: runtime.clock,
    log: runtime.log,
    hostname: 'w@here',
    deliveryInfo: { exchange: '', routingKey: 'q', queue: 'q', priority: 0, redelivered: true, faults: 1 },
    fence: { retries: 1, claim: 9 },
    isEager: false,
    chord: undefined,
    storeState: async (state, meta) => {
      states.push([state, meta])
    },
    sendEvent: (type, fields) => void events.push([type, fields]),
  })
  return { context: made, states, events }
}

test('outside a task there is none', () => {
  assert.equal(runningTask(), undefined)
  assert.throws(() => currentTask(), { code: 'LVG_NO_CURRENT_TASK', message: /runningTask\(\)/ })
})

test('each of two tasks that run at once sees its own context, across awaits', async () => {
  const [one, two] = [context('one').context, context('two').context]
  const look = async (): Promise<readonly string[]> => {
    const before = currentTask().id
    await Promise.resolve()
    return [before, currentTask().id]
  }
  const seen = await Promise.all([runInTask(one, look), runInTask(two, look)])
  assert.deepEqual(seen, [
    ['one', 'one'],
    ['two', 'two'],
  ])
})

test('a context tells where its task comes from', () => {
  const { id, task, retries, rootId, hostname, deliveryInfo, fence, origin } = context().context
  assert.deepEqual([id, task, retries, rootId, hostname, origin], ['a', 'demo.add', 1, 'a', 'w@here', 'gen1@host'])
  assert.equal(deliveryInfo.redelivered, true)
  assert.deepEqual(fence, { retries: 1, claim: 9 })
})

test('D53 asking for a retry counts, thrown or not, and only the first time', () => {
  const { context: running } = context()
  assert.equal(running.retryAsked, undefined)
  const cause = new Error('boom')
  const retry = running.retry({ countdown: '5m', error: cause, maxRetries: null, args: [3] })
  assert.ok(retry instanceof Retry)
  assert.equal(retry.cause, cause)
  running.retry({ countdown: 1 })
  assert.equal(running.retryAsked, retry)
  const { countdown, maxRetries, args } = retry.request
  assert.deepEqual([countdown, maxRetries, args], [300_000, null, [3]])
})

test('a retry may name the instant, in any of the usual ways', () => {
  const at = Date.UTC(2026, 10, 20)
  for (const eta of [at, new Date(at), '2026-11-20T00:00:00Z']) {
    assert.equal(context().context.retry({ eta }).request.eta, at)
  }
})

test('a retry at no known time is refused', () => {
  for (const options of [{ countdown: 'soon' }, { countdown: -1 }, { eta: 'tomorrow' }]) {
    assert.throws(() => context().context.retry(options), { code: 'LVG_BAD_OPTION' })
  }
})

test('states of your own and progress are stored as they are', async () => {
  const { context: running, states } = context()
  await running.updateState('UPLOADING', { file: 'a' })
  await running.updateState('WAITING')
  await running.progress(3, 10, { unit: 'pages' })
  assert.deepEqual(states, [
    ['UPLOADING', { file: 'a' }],
    ['WAITING', null],
    ['PROGRESS', { current: 3, total: 10, unit: 'pages' }],
  ])
})

test('an event of its own goes to whoever observes the worker', () => {
  const { context: task, events } = context()
  task.sendEvent('order-packed', { parcels: 3 })
  task.sendEvent('order-sent')
  assert.deepEqual(events, [
    ['order-packed', { parcels: 3 }],
    ['order-sent', {}],
  ])
})
