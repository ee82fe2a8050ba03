import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ResultBackend } from '../../src/backends/backend.js'
import { createMemoryBackend } from '../../src/backends/memory/memory-backend.js'
import type { Connection, Delivery } from '../../src/brokers/broker.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import type { SteadyMs } from '../../src/lib/time.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { failureOf } from '../../src/worker/canvas-effects.js'
import type { Effect } from '../../src/worker/effect.js'
import { poisonTask } from '../../src/worker/exceptions.js'
import { type Performed, perform } from '../../src/worker/perform.js'
import { newRunning, type Running } from '../../src/worker/running.js'
import type { Outgoing, World } from '../../src/worker/world.js'
import { contextOf } from '../support/requests.js'

const EFFECTS: readonly Effect[] = [{ kind: 'check-token' }, { kind: 'emit', event: { type: 'task-ignored' } }]

/** Performs under a lease that is lost: whoever asks for a token hears that it is gone. */
async function robbed(verdict: Running['verdict']): Promise<{ performed: Performed; emitted: readonly string[] }> {
  const emitted: string[] = []
  const context = contextOf()
  const running = { ...newRunning(context.request, [], true), robbed: true, verdict }
  // As much of a world as these effects touch.
  const world = {
    runtime: nodeRuntime(),
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

/** Asks for a token whose answers take so long; how often it was asked for, and what came of it. */
async function asked(...seconds: readonly number[]): Promise<{ performed: Performed; questions: number }> {
  let now = 0
  let questions = 0
  const current = async (): Promise<boolean> => {
    now += 1000 * (seconds[questions] ?? 0)
    questions++
    return questions < seconds.length
  }
  const runtime = nodeRuntime()
  const context = contextOf()
  const running = { ...newRunning(context.request, [{ current } as unknown as Delivery], true), robbed: true }
  const world = {
    runtime: { ...runtime, clock: { ...runtime.clock, steady: () => now as SteadyMs } },
    live: () => undefined,
    emit: () => undefined,
    afterEffect: () => undefined,
  } satisfies Partial<World> as unknown as World
  return { performed: await perform(EFFECTS, running, context, world), questions }
}

describe('D25 a token that is asked for', () => {
  test('is ours when the answer comes at once', async () => {
    assert.deepEqual(await asked(0.9, 0), { performed: { kind: 'done' }, questions: 1 })
  })

  test('is asked for again when the process stood still before it heard the answer', async () => {
    assert.deepEqual(await asked(20, 0), { performed: { kind: 'stale' }, questions: 2 })
  })

  test('is taken for ours after three such answers', async () => {
    assert.deepEqual(await asked(20, 20, 20, 0), { performed: { kind: 'done' }, questions: 3 })
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

/**
 * Tells the success of an execution that began under claim 1 and has adopted claim 3, after another worker, which had claim 2
 * between them, has stored this. What is stored in the end, and what was published.
 */
async function afterAnother(
  record: Partial<ResultMeta> & Pick<ResultMeta, 'status'>,
): Promise<{ performed: Performed; status: string | undefined; published: readonly string[] }> {
  const runtime = nodeRuntime()
  const published: string[] = []
  const context = contextOf({}, { acksLate: true })
  const { id } = context.request
  const backend = createMemoryBackend({ runtime })
  const plain = { ...failureOf(poisonTask(3, 'w2'), context), error: undefined, traceback: undefined }
  await backend.store({ ...plain, ...record }, { ttl: undefined, fence: { retries: 0, claim: 2 } })
  const deliveries = [1, 3].map(claim => ({ claim, faults: 0, ack: async () => 'settled' }) as unknown as Delivery)
  const running = { ...newRunning(context.request, deliveries, true), begunUnder: 1 }
  const connection: Partial<Connection> = { declare: async () => {}, publish: async () => {}, suspect: () => false }
  const world = {
    runtime,
    backend,
    live: () => connection as Connection,
    outgoing: task => {
      published.push(task.kind)
      return { publishId: 'p' } as Outgoing
    },
    sent: () => undefined,
    emit: () => undefined,
    acked: () => undefined,
    afterEffect: () => undefined,
  } satisfies Partial<World> as unknown as World
  const meta: ResultMeta = { ...plain, status: 'SUCCESS', result: 7 }
  const effects: readonly Effect[] = [{ kind: 'store', meta, ttl: undefined, own: true }, { kind: 'ack' }]
  const performed = await perform(effects, running, context, world)
  return { performed, status: (await backend.fetch(id))?.status, published }
}

describe('D45 D46 an execution tells its end under the claim it began with', () => {
  test('an end that another has told of the message meanwhile stays, though the message came back', async () => {
    const { error } = failureOf(poisonTask(3, 'w2'), contextOf())
    const { performed, status } = await afterAnother({ status: 'FAILURE', error })
    assert.deepEqual({ performed, status }, { performed: { kind: 'done' }, status: 'FAILURE' })
  })

  test('so does a retry that another has decided on', async () => {
    const { status, published } = await afterAnother({ status: 'RETRY', intent: { retries: 1, eta: 0 } })
    assert.deepEqual({ status, published }, { status: 'RETRY', published: ['retry'] })
  })

  test('another that only began is over: its message came back to this one', async () => {
    const { performed, status } = await afterAnother({ status: 'STARTED' })
    assert.deepEqual({ performed, status }, { performed: { kind: 'done' }, status: 'SUCCESS' })
  })
})

describe('D60 what was poison meanwhile, in another worker', () => {
  test('is buried from there: this delivery had too few faults', async () => {
    assert.deepEqual((await outrun(2)).buried, [])
  })

  test('is buried here when it came from there, and was adopted', async () => {
    assert.deepEqual((await outrun(2, 4)).buried, [4])
  })
})
