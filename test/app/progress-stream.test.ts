import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { BackendError } from '../../src/backends/errors.js'
import { createMemoryBackend } from '../../src/backends/memory/memory-backend.js'
import { taskId } from '../../src/protocol/ids.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { handRuntime } from './hand-runtime.js'
import { ScriptedBroker } from './scripted-broker.js'

function bench() {
  const runtime = handRuntime()
  const memory = createMemoryBackend({ runtime })
  const troubles: Error[] = []
  const backend = new Proxy(memory, {
    get(target, key) {
      const trouble = key === 'watch' ? troubles.shift() : undefined
      if (trouble !== undefined) return () => failing(trouble)
      const value = Reflect.get(target, key) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const app = new App('shop', {}, { runtime, broker: new ScriptedBroker(), backend })
  const store = async (status: string, result: unknown, more: Partial<ResultMeta> = {}): Promise<void> => {
    const none = { error: undefined, traceback: undefined, children: undefined, dateDone: undefined }
    const meta = { taskId: taskId('a'), status, result, ...none, ...more }
    await memory.store(meta, { ttl: undefined, fence: undefined })
    await runtime.clock.pass(0)
  }
  const seen: unknown[] = []
  const follow = async (options = {}): Promise<void> => {
    for await (const { state, ended, current, total, info } of app.result('a').progress(options)) {
      seen.push([state, ended, current, total, info])
    }
  }
  return { app, runtime, troubles, store, seen, follow }
}

// biome-ignore lint/correctness/useYield: it has nothing to give
async function* failing(error: Error): AsyncGenerator<never> {
  throw error
}

test('the steps of a task come as they are stored, and end with its final state', async () => {
  const { store, seen, follow, runtime } = bench()
  const following = follow()
  await runtime.clock.pass(0)
  await store('STARTED', { pid: 1 })
  await store('PROGRESS', { current: 1, total: 3, file: 'x' })
  await store('PACKING', { box: 4 })
  await store('PROGRESS', { current: 3, total: 3 })
  await store('SUCCESS', 42)
  await following
  assert.deepEqual(seen, [
    ['STARTED', false, undefined, undefined, { pid: 1 }],
    ['PROGRESS', false, 1, 3, { file: 'x' }],
    ['PACKING', false, undefined, undefined, { box: 4 }],
    ['PROGRESS', false, 3, 3, {}],
    ['SUCCESS', true, undefined, undefined, 42],
  ])
})

test('a value of the same shape as a report is the value all the same; a failure tells its error', async () => {
  const value = bench()
  await value.store('SUCCESS', { current: 1, total: 2 })
  await value.follow()
  assert.deepEqual(value.seen, [['SUCCESS', true, undefined, undefined, { current: 1, total: 2 }]])
  const failed = bench()
  const error = { type: 'ValueError', args: ['no'], module: 'builtins' }
  await failed.store('FAILURE', undefined, { error })
  await failed.follow()
  assert.deepEqual(failed.seen, [['FAILURE', true, undefined, undefined, error]])
})

test('a store that is lost for a while is asked again, and what was seen is not seen twice', async () => {
  const { troubles, store, seen, follow, runtime } = bench()
  troubles.push(new BackendError('LVG_X', 'away', { transient: true }))
  await store('PROGRESS', { current: 1, total: 2 })
  const following = follow()
  await runtime.clock.pass(5000)
  await store('SUCCESS', 1)
  await following
  assert.equal(seen.length, 2)
  const gone = bench()
  gone.troubles.push(new BackendError('LVG_X', 'gone', { transient: false }))
  await assert.rejects(gone.follow(), { message: 'gone' })
})

test('who waits for too long, gives up, or leaves the loop leaves no watch behind', async () => {
  const { follow, runtime, store, app } = bench()
  const late = assert.rejects(follow({ timeout: 5 }), { name: 'TimeoutError' })
  await runtime.clock.pass(5000)
  await late
  const stop = new AbortController()
  const given = assert.rejects(follow({ signal: stop.signal }), /enough/)
  stop.abort(new Error('enough'))
  await runtime.clock.pass(0)
  await given
  await store('PROGRESS', { current: 1, total: 2 })
  for await (const step of app.result('a').progress()) {
    assert.equal(step.current, 1)
    break
  }
  await assert.rejects(follow({ timeout: 'soon' }), { code: 'LVG_BAD_OPTION' })
})
