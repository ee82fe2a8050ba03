import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../src/testing/chaos/waiting.js'
import { Worker } from '../../src/worker/worker.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'

const MODULE = new URL('./children/stubborn-app.js', import.meta.url).href
const PATIENCE = 60_000

for (const pool of ['prefork', 'threads']) {
  test(`H60 ${pool}: terminate ends a busy loop and a task deaf to its signal, and hits nothing else`, async () => {
    using folder = temporaryFolder()
    process.env['LOVAGE_BROKER_URL'] = `sqlite:///${join(folder.path, 'queue.db')}`
    process.env['LOVAGE_RESULT_BACKEND'] = `db+sqlite:///${join(folder.path, 'results.db')}`
    // Each pool its own app: what a module has made is made once.
    const { app } = await import(`${MODULE}?${pool}`)
    const worker = new Worker(app, { name: `${pool}@here`, concurrency: 3, pool, module: MODULE })
    try {
      await worker.start()
      const stubborn = [await app.sendTask('spin'), await app.sendTask('deaf')]
      const inspect = app.inspect({ destination: worker.name, timeout: 30 })
      const active = async () => (await inspect.active())[worker.name]
      await until('both to run', async () => (await active()).length === 2, PATIENCE)
      const ids = stubborn.map(result => result.id)
      await Promise.all([app.control.terminate(ids), app.control.terminate(ids)])
      await until('none to run', async () => (await active()).length === 0, PATIENCE)
      for (const result of stubborn) assert.equal(await result.state(), 'REVOKED')
      assert.equal(await (await app.sendTask('quick')).get({ timeout: 60 }), 'ok')
    } finally {
      await worker.stop('cold')
      await app[Symbol.asyncDispose]()
    }
  })
}
