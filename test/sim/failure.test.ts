import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild } from './child.js'

// With a bug put in on purpose there is a failure to look at.
const MUTANT = ['--mutant', 'dead-letter-after-ack']

test('a seed that fails is made small, tells the story of what it takes, and fails the same way when it is played again', async () => {
  const found = await runChild('run.js', [...MUTANT, '--seeds', '500'])
  assert.equal(found.code, 1, found.output)
  const seed = /^Replay: LOVAGE_SEED=(\d+) npm run sim$/m.exec(found.output)?.[1]
  assert.ok(seed !== undefined, found.output)
  const sizes = /^Smallest plan that breaks I16 .*, (\d+) calls, (\d+) faults$/m.exec(found.output)
  assert.ok(sizes !== null, found.output)
  // A task to bury, and something between its ack and its burial: a fault, or another task that kills the worker.
  const [calls, faults] = sizes.slice(1).map(Number)
  // What is left out one by one leaves some that only matter together.
  assert.ok(Number(calls) <= 3 && Number(faults) <= 8, found.output)
  const again = await runChild('run.js', MUTANT, { environment: { LOVAGE_SEED: seed } })
  assert.equal(again.code, 1)
  assert.equal(again.output, found.output)
})
