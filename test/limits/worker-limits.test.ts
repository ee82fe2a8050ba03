import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import type { QueueName } from '../../src/protocol/ids.js'
import { MAX_PREFETCH, prefetchCount } from '../../src/worker/prefetch.js'
import { MemoryPlace, Rig } from '../support/worker/rig.js'

const NO_LIMITS = { heldLimit: Number.POSITIVE_INFINITY, limit: undefined, left: 0, acked: undefined } as const

/* L10 to L20 where a worker or a publisher keeps them. Held bytes per connection: src/brokers/virtual/window.test.ts. */

describe('L10 the prefetch window', () => {
  for (const [concurrency, count] of [
    [65_534, 65_534],
    [65_535, 65_535],
    [65_536, 65_535],
    [1e9, 65_535],
  ] as const) {
    test(`${concurrency} slots ask for ${count}`, () => {
      const facts = { concurrency, multiplier: 1, held: 0, ...NO_LIMITS }
      assert.equal(prefetchCount(facts), count)
      assert.ok(prefetchCount({ ...facts, held: 1e9 }) <= MAX_PREFETCH)
    })
  }
})

describe('L11 held tasks', () => {
  for (const [tasks, parked] of [
    [4, 0],
    [5, 0],
    [6, 1],
    [9, 4],
  ] as const) {
    test(`of ${tasks} tasks due within a minute a worker that may hold 5 leaves ${parked} to the broker, and all run in time`, async () => {
      let ran = 0
      const count = (app: App): void => {
        app.task('t', () => void ran++)
      }
      await using rig = new Rig(runtime => new MemoryPlace(runtime), count, { workerMaxHeld: 5 })
      const eta = new Date(rig.runtime.clock.now() + 50_000).toISOString()
      for (let i = 0; i < tasks; i++) await rig.publish(future(`f${i}`, eta), `f${i}`)
      await rig.worker('w', { prefetchMultiplier: 50 })
      await rig.pass(5000)
      const connection = await rig.connection()
      const stats = await rig.wait(connection.stats('celery' as QueueName))
      assert.equal(ran, 0)
      assert.equal((stats.delayed ?? 0) + stats.ready, parked)
      await rig.pass(60_000)
      assert.equal(ran, tasks)
    })
  }
})

describe('L14 remembered ids', () => {
  test('a revoked id does not start, one that was never revoked does', async () => {
    const ran: string[] = []
    const define = (app: App): void => {
      app.task('t', (id: string) => void ran.push(id))
    }
    await using rig = new Rig(runtime => new MemoryPlace(runtime), define, {})
    const worker = await rig.worker()
    worker.revoke(Array.from({ length: 60_000 }, (_, i) => `r${i}`))
    const app = rig.app()
    for (const id of ['r59999', 'r10000', 'r9999', 'other']) await rig.wait(app.sendTask('t', [id], { taskId: id }))
    await rig.pass(5000)
    // Of 60,000 the first 10,000 are forgotten.
    assert.deepEqual(ran, ['r9999', 'other'])
  })
})

describe('L20 unconfirmed publishes', () => {
  test('a thousand go at once, the next ones wait their turn, and none is lost', async () => {
    await using rig = new Rig(
      runtime => new MemoryPlace(runtime),
      () => undefined,
      {},
    )
    const app = rig.app()
    const sent = Array.from({ length: 1001 }, (_, i) => app.sendTask('t', [i]))
    await rig.wait(Promise.all(sent))
    const connection = await rig.connection()
    const stats = await rig.wait(connection.stats('celery' as QueueName))
    assert.equal(stats.ready, 1001)
  })
})

function future(id: string, eta: string) {
  return {
    headers: { lang: 'py', task: 't', id, eta },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', deliveryMode: 2 },
    body: Buffer.from('[[], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'),
  }
}
