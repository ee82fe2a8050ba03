import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { LeaseLostError } from '../../src/app/errors.js'
import { createMemoryBroker } from '../../src/brokers/memory/memory-broker.js'
import type { QueueName } from '../../src/protocol/ids.js'
import type { WorkerOptions } from '../../src/worker/worker-options.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

const LATE = { acksLate: true } as const

interface Gate {
  open(): void
  readonly passed: Promise<void>
}

function gate(): Gate {
  let open = (): void => undefined
  const passed = new Promise<void>(resolve => {
    open = resolve
  })
  return { open, passed }
}

/**
 * Worker `one` runs a task whose lease nobody keeps any more: the store has given the message to `two`, and `one` does
 * not know. `first` and `second` are what their attempts do.
 */
async function robbed(
  first: (signal: AbortSignal) => Promise<unknown>,
  second: () => Promise<unknown>,
  options: WorkerOptions = { concurrency: 1, prefetchMultiplier: 1 },
): Promise<Rig<MemoryPlace>> {
  let runs = 0
  const define = (app: App): void => {
    app.task('t', () => (runs++ === 0 ? first(currentTask().signal) : second()), LATE)
    app.task('next', (value: unknown) => value, LATE)
  }
  const rig = new Rig(runtime => new MemoryPlace(runtime), define)
  // With a full window nothing it does by itself shows it that its lease is gone.
  await rig.worker('one', options)
  const client = rig.app()
  const link = { task: 'next', args: [], kwargs: {}, options: { task_id: 'n' }, subtaskType: null, immutable: false }
  await rig.wait(client.sendTask('t', [], { taskId: 'a', link: link as never }))
  await rig.pass(100)
  assert.equal(runs, 1)
  rig.place.store.freeze('one@rig')
  await rig.worker('two')
  for (let waited = 0; runs < 2 && waited < 60_000; waited += 1000) await rig.pass(1000)
  assert.equal(runs, 2, 'somebody else has it now')
  return rig
}

describe('D25 a process that may have lost its leases', () => {
  test('tells the handler through its signal, with the reason, as soon as the token is seen to be lost', async () => {
    let reason: unknown
    const hold = gate()
    await using rig = await robbed(
      signal =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            reason = signal.reason
            reject(signal.reason)
          }),
        ),
      () => hold.passed.then(() => 'second'),
    )
    await rig.pass(3000)
    assert.ok(reason instanceof LeaseLostError)
    assert.equal(reason.code, 'LVG_LEASE_LOST')
    assert.equal(await rig.meta('a'), undefined, 'the first attempt tells nothing')
    hold.open()
    await rig.pass(2000)
    assert.equal((await rig.meta('a'))?.result, 'second')
  })

  test('asks for the token before any effect: nothing is stored, published or acked under a lost one', async () => {
    const [hold, end] = [gate(), gate()]
    await using rig = await robbed(
      () => end.passed.then(() => 'first'),
      () => hold.passed.then(() => 'second'),
    )
    end.open()
    await rig.pass(5000)
    assert.equal(await rig.meta('a'), undefined)
    assert.equal(await rig.meta('n'), undefined, 'no callback either')
    const returned = rig.events.filter(event => event.type === 'task-returned')
    assert.deepEqual(
      returned.map(event => event.fields['why']),
      ['lease-lost'],
    )
    hold.open()
    await rig.pass(2000)
    assert.deepEqual([(await rig.meta('a'))?.result, (await rig.meta('n'))?.result], ['second', 'second'])
  })

  test('the same when the loss ends its session first', async () => {
    const [hold, end] = [gate(), gate()]
    const first = () => end.passed.then(() => 'first')
    await using rig = await robbed(first, () => hold.passed.then(() => 'second'), { concurrency: 2 })
    end.open()
    await rig.pass(5000)
    assert.equal(await rig.meta('a'), undefined)
    hold.open()
    await rig.pass(2000)
    assert.equal((await rig.meta('a'))?.result, 'second')
  })

  test('an attempt that fails under a lost token fails nobody', async () => {
    const [hold, end] = [gate(), gate()]
    await using rig = await robbed(
      () => end.passed.then(() => Promise.reject(new Error('first'))),
      () => hold.passed.then(() => 'second'),
    )
    end.open()
    await rig.pass(2000)
    hold.open()
    await rig.pass(2000)
    assert.equal((await rig.meta('a'))?.status, 'SUCCESS')
  })

  test('a retry asked for under a lost token is not published', async () => {
    const [hold, end] = [gate(), gate()]
    await using rig = await robbed(
      async () => {
        const task = currentTask()
        await end.passed
        throw task.retry({ countdown: 1 })
      },
      () => hold.passed.then(() => 'second'),
    )
    end.open()
    await rig.pass(5000)
    hold.open()
    await rig.pass(5000)
    assert.deepEqual(
      rig.events.filter(event => event.type === 'task-retried'),
      [],
    )
    assert.equal((await rig.meta('a'))?.result, 'second')
  })
})

describe('D21 a stale verdict', () => {
  test('is no error: the late ack of a robbed attempt takes nothing from the one who has the message now', async () => {
    const [hold, end] = [gate(), gate()]
    await using rig = await robbed(
      () => end.passed.then(() => 'first'),
      () => hold.passed.then(() => 'second'),
    )
    end.open()
    await rig.pass(2000)
    const connection = await rig.connection()
    const { ready, held } = await rig.wait(connection.stats('celery' as never))
    assert.deepEqual([ready, held], [0, 1], 'still held by the second')
    hold.open()
    await rig.pass(2000)
    const after = await rig.wait(connection.stats('celery' as never))
    assert.deepEqual([after.ready, after.held], [0, 0])
    assert.deepEqual(
      rig.runtime.lines.filter(line => line.level === 'critical'),
      [],
    )
  })

  test('is counted', async () => {
    await using rig = new Rig(
      runtime => new MemoryPlace(runtime),
      () => undefined,
    )
    const robbed = await createMemoryBroker({ runtime: rig.runtime, store: rig.place.store }).connect({
      name: 'robbed',
    })
    assert.ok('staleVerdicts' in robbed)
    await rig.publish({ headers: {}, properties: {}, body: new Uint8Array() }, 'x')
    const [delivery] = await rig.wait(robbed.get('celery' as QueueName, 1))
    rig.place.store.freeze('robbed')
    await rig.pass(30_000)
    assert.ok(delivery !== undefined)
    assert.equal(await rig.wait(delivery.ack()), 'stale')
    assert.equal(robbed.staleVerdicts, 1)
  })
})
