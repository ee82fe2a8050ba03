import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LARGE_INPUTS } from './large-inputs.js'
import { readLarge } from './read-large.js'

/*
 * A decoder that is quadratic needs 10^12 steps and more for these: hours. So this generous deadline tells it from a
 * linear one on any machine; what they really take is in docs/internals/fuzzing.md.
 */
const PATIENCE_MS = 120_000

test('the largest inputs that are read, shaped to be slow, are read in linear time', async () => {
  const results = await readLarge(PATIENCE_MS)
  assert.deepEqual(
    results.filter(({ problem }) => problem !== undefined),
    [],
  )
  assert.equal(results.length, LARGE_INPUTS.length)
})
