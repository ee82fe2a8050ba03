import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild } from './child.js'
import { CLOCK_MUTANTS } from './clock-changes/mutants.js'
import { testMutants } from './mutants-share.js'

/** Each night of the plan once. */
const NIGHTS = 8

test(`F52 H64 beats in ${NIGHTS} nights on which clocks are changed, under troubles: each due time has its one run, at its time`, async () => {
  const { code, output } = await runChild('share.js', ['clock-changes', '--from', '1', '--count', String(NIGHTS)])
  assert.equal(code, 0, output)
})

testMutants(CLOCK_MUTANTS, 200)
