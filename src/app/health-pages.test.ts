import assert from 'node:assert/strict'
import { test } from 'node:test'
import { healthPage } from './health-pages.js'

test('the pages answer 200 or 503 with what is known as JSON; metrics only where there are some', async () => {
  const health = () => ({ live: true, ready: false, reasons: ['it is not connected'], busy: 1 })
  const parts = { health, role: 'worker', name: 'w@here', extensions: [] } as const
  const live = await healthPage('/livez', parts)
  const ready = await healthPage('/readyz', parts)
  assert.deepEqual([live?.status, ready?.status], [200, 503])
  assert.deepEqual(JSON.parse(ready?.body ?? ''), {
    worker: 'w@here',
    live: true,
    ready: false,
    reasons: ['it is not connected'],
    busy: 1,
  })
  assert.equal(await healthPage('/metrics', parts), undefined)
  assert.equal(await healthPage('/', parts), undefined)
  const one = { name: 'one', metrics: async () => ({ type: 'text/plain', body: 'a 1\n' }) }
  const two = { name: 'two', metrics: async () => ({ type: 'text/plain', body: 'b 2\n' }) }
  const metrics = await healthPage('/metrics', { ...parts, extensions: [one, { name: 'deaf' }, two] })
  assert.deepEqual(metrics, { status: 200, type: 'text/plain', body: 'a 1\nb 2\n' })
})
