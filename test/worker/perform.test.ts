import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ResultBackend } from '../../src/backends/backend.js'
import type { Connection, Delivery } from '../../src/brokers/broker.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import { failureOf } from '../../src/worker/canvas-effects.js'
import type { Effect } from '../../src/worker/effect.js'
import { poisonTask } from '../../src/worker/exceptions.js'
import { type Performed, perform, type World } from '../../src/worker/perform.js'
import { newRunning, type Running } from '../../src/worker/running.js'
import { contextOf } from '../support/requests.js'

const EFFECTS: readonly Effect[] = [{ kind: 'check-token' }, { kind: 'emit', event: { type: 'task-ignored' } }]

/** Performs under a lease that is lost: whoever asks for a token hears that it is gone. */
async function robbed(verdict: Running['verdict']): Promise<{ performed: Performed; emitted: readonly string[] }> {
  const emitted: string[] = []
  const context = contextOf()
  const running = { ...newRunning(context.request, [], true), robbed: true, verdict }
  // As much of a world as these effects touch.
  const world = {
    live: () => undefined,
    emit: event => void emitted.push(event.type),
    afterEffect: () => undefined,
  } satisfies Partial<World> as unknown as World
  return { performed: await perform(EFFECTS, running, context, world), emitted }
}

describe('D25 under a lease that is lost', () => {
  test('nothing more is done for a message that was not acked', async () => {
    assert.deepEqual(await robbed(undefined), { performed: { kind: 'stale' }, emitted: ['task-returned'] })
  })

  test('what was acked early is told all the same: it is nobody else’s', async () => {
    assert.deepEqual(await robbed('ack'), { performed: { kind: 'done' }, emitted: ['task-ignored'] })
  })
})

/** Tells a success after the store has heard that the task is poison, with deliveries that had so many faults. */
async function outrun(...faults: readonly number[]): Promise<{ performed: Performed; buried: readonly number[] }> {
  const buried: number[] = []
  const [own = 0] = faults
  const plain = contextOf({}, { acksLate: true })
  const context = { ...plain, delivery: { ...plain.delivery, faults: own } }
  const deliveries = faults.map(had => ({ faults: had, claim: had, ack: async () => 'settled' }) as unknown as Delivery)
  const failure = failureOf(poisonTask(3, 'w2'), context)
  const backend: Partial<ResultBackend> = { store: async () => 'refused', fetch: async () => failure }
  const connection: Partial<Connection> = { declare: async () => {}, publish: async () => {}, suspect: () => false }
  const world = {
    runtime: nodeRuntime(),
    backend: backend as ResultBackend,
    live: () => connection as Connection,
    emit: () => {},
    acked: () => undefined,
    deadLetterRoom: async () => true,
    buried: ({ deliveries: count }) => void buried.push(count),
    afterEffect: () => undefined,
  } satisfies Partial<World> as unknown as World
  const success: Effect = { kind: 'store', meta: { ...failure, status: 'SUCCESS' }, ttl: undefined, own: true }
  return { performed: await perform([success], newRunning(context.request, deliveries, true), context, world), buried }
}

describe('D60 what was poison meanwhile, in another worker', () => {
  test('is buried from there: this delivery had too few faults', async () => {
    assert.deepEqual((await outrun(2)).buried, [])
  })

  test('is buried here when it came from there, and was adopted', async () => {
    assert.deepEqual((await outrun(2, 4)).buried, [4])
  })
})
