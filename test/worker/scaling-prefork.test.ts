import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from '../../src/worker.js'
import { app, work } from './children/scaled-app.js'

test('H45 a pool of child processes follows its load: no child that works is taken away, and one is left when idle', async () => {
  const worker = new Worker(app, {
    name: 'scaled@test',
    pool: 'prefork',
    autoscale: '4,1',
    module: new URL('./children/scaled-app.js', import.meta.url).href,
  })
  await worker.start()
  try {
    assert.equal(worker.concurrency, 1)
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(Array.from({ length: 12 }, (_, n) => work.delay(100 + 60 * n)))
      const pids = new Set<number>()
      for (const result of results) pids.add(await result.get({ timeout: 60 }))
      assert.ok(worker.concurrency <= 4, `${worker.concurrency} slots`)
      assert.ok(pids.size > 1 && !pids.has(process.pid), `${pids.size} children worked`)
      await sleep(1000 * round)
    }
    for (let waited = 0; worker.concurrency > 1; waited += 100) {
      assert.ok(waited < 60_000, `${worker.concurrency} slots are left`)
      await sleep(100)
    }
    assert.equal(typeof (await (await work.delay(1)).get({ timeout: 60 })), 'number')
  } finally {
    await worker.stop('warm')
    await app[Symbol.asyncDispose]()
  }
})
