import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CRASH_SCENARIOS, compare, GROUNDS, runOf } from './crash-points.js'

/*
 * F04: for every outcome and every k, the worker is killed right after its k-th effect; another incarnation starts, the
 * cluster becomes quiet, and the world it leaves must be the one an undisturbed run leaves.
 */
for (const ground of GROUNDS) {
  const { profile, late } = ground
  const what = late ? 'leaves the same world' : 'leaves nothing but what it had told, once'
  describe(`F04 a worker killed after any single effect ${what} (${profile}, ${late ? 'late' : 'early'} acks)`, () => {
    for (const scenario of CRASH_SCENARIOS) {
      test(scenario.name, async () => {
        const undisturbed = await runOf(scenario, ground, [])
        for (let k = 0; k < undisturbed.effects; k++) {
          const ran = await runOf(scenario, ground, [k])
          assert.equal(ran.crashed.length, 1, `effect ${k} was never reached`)
          compare(ran, undisturbed, ground, `killed after effect ${k} (${ran.crashed[0]})`)
        }
      })
    }
  })
}
