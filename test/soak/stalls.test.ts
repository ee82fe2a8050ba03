import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LARGE_BODIES, measureStalls } from './stalls.js'

test('bodies of the largest allowed size, plain and hostile, are handled by a worker on SQLite', {
  timeout: 300_000,
}, async () => {
  const stalls = await measureStalls()
  assert.deepEqual(
    stalls.map(({ name }) => name),
    LARGE_BODIES.map(([name]) => name),
  )
})
