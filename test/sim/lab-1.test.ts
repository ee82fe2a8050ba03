import assert from 'node:assert/strict'
import { test } from 'node:test'
import { playBatch } from './lab/batch.js'
import { missed, PER } from './lab/sometimes.js'

// Half of the seeds of npm test; the other half is in another file, so that two cores have work.
const SEEDS = Number(process.env['LOVAGE_SIM_SEEDS'] ?? 5000)

test(`${SEEDS} seeds hold every invariant, and reach every situation that must be reached`, async () => {
  const from = 1
  const tally = await playBatch({ from, count: SEEDS, say: () => undefined })
  assert.ok(typeof tally !== 'string', String(tally))
  if (SEEDS >= PER) assert.deepEqual(missed(tally.seen), [])
})
