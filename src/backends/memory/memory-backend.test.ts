import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../lib/runtime.js'
import { groupId, type TaskId, taskId } from '../../protocol/ids.js'
import type { ResultMeta } from '../../protocol/result-meta.js'
import type { ResultBackend } from '../backend.js'
import { createMemoryBackend } from './memory-backend.js'
import { MemoryBackendWorld } from './memory-backend-world.js'

test('memory is bounded by time to live: the next write drops what has expired', async () => {
  const { clock, world, backend } = setup()
  for (let i = 0; i < 1000; i++) await backend.store(success(taskId(`t${i}`)), { ttl: 1000, fence: undefined })
  await backend.saveGroup({ id: groupId('g'), parent: undefined, members: [] }, 1000)
  await backend.setChordSize(groupId('c'), 2, 1000)
  assert.equal(world.size, 1002)
  clock.time += 1000
  await backend.store(success(taskId('next')), { ttl: 1000, fence: undefined })
  assert.equal(world.size, 1)
})

test('a closed chord of results that are kept for ever is remembered for a day', async () => {
  const { clock, world, backend } = setup()
  const part = { chord: groupId('c'), index: 0, taskId: taskId('t'), meta: success(taskId('t')), size: 1 }
  await backend.arrive(part, undefined)
  await backend.close(part.chord)
  clock.time += 86_000_000
  assert.equal((await backend.arrive(part, undefined)).kind, 'closed')
  await backend.close(part.chord)
  clock.time += 87_000_000
  await backend.cleanup()
  assert.equal(world.size, 0)
})

test('only backends on a world that others may share say that they are shared', () => {
  const { backend, runtime } = setup()
  assert.deepEqual(backend.features, { durable: false, chords: true, shared: true })
  assert.equal(createMemoryBackend({ runtime }).features.shared, false)
})

test('each world is a place of its own', async () => {
  const [one, other] = [setup(), setup()]
  await one.backend.store(success(taskId('t')), { ttl: undefined, fence: undefined })
  assert.equal(await other.backend.fetch(taskId('t')), undefined)
})

function setup(): Setup {
  const clock: Clock & { time: number } = {
    time: 0,
    steady: () => clock.time,
    now: () => clock.time,
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
    timer: () => ({ [Symbol.dispose]: () => undefined }),
  }
  const runtime = { clock }
  const world = new MemoryBackendWorld(runtime)
  return { clock, runtime, world, backend: createMemoryBackend({ runtime, world }) }
}

interface Setup {
  readonly clock: { time: number }
  readonly runtime: { readonly clock: Clock }
  readonly world: MemoryBackendWorld
  readonly backend: ResultBackend
}

function success(id: TaskId): ResultMeta {
  return {
    taskId: id,
    status: 'SUCCESS',
    result: 1,
    error: undefined,
    traceback: undefined,
    children: [],
    dateDone: undefined,
  }
}
