import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '../../src/testing/sim/simulate.js'
import { storm } from './storm.js'

const SEEDS = Number(process.env['LOVAGE_SIM_SEEDS'] ?? 60)
const ONLY = process.env['LOVAGE_SEED']

test(`three workers and two clients through ${SEEDS} storms: nothing is lost, results are right, and the end is quiet`, async () => {
  let kills = 0
  let repeats = 0
  for (const seed of seeds()) {
    const { value } = await simulate(seed, storm)
    kills += value.kills
    repeats += value.runs - value.accepted
  }
  if (ONLY !== undefined) return
  assert.ok(kills > SEEDS, `${kills} kills: the storms were too mild`)
  assert.ok(repeats > 0)
})

test('the same seed gives the same trace, another seed another', async () => {
  const hashes = new Set<string>()
  for (const seed of [1, 2, 3, 4, 5]) {
    const [first, second] = [await simulate(seed, storm), await simulate(seed, storm)]
    assert.equal(second.hash, first.hash, `seed ${seed}`)
    hashes.add(first.hash)
  }
  assert.equal(hashes.size, 5)
})

function seeds(): readonly (number | string)[] {
  return ONLY === undefined ? Array.from({ length: SEEDS }, (_, index) => index + 1) : [ONLY]
}
