import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../../src/lib/deferred.js'
import { runChild } from './child.js'

const SEEDS = Number(process.env['LOVAGE_SIM_SEEDS'] ?? 5000)

/** As many as the program tells of at a time. */
const PART = 1000

/**
 * So many seeds, from one on, in a process of their own. Each thousand has a test: a file that tells of nothing for long is taken
 * for one that hangs.
 */
export function testShare(from: number): void {
  const parts = Array.from({ length: Math.ceil(SEEDS / PART) }, (_, part) => ({
    until: (part + 1) * PART,
    held: deferred(),
  }))
  const heard = (output: string): void => {
    for (const { until, held } of parts) if (output.includes(`${until} seeds …\n`)) held.resolve()
  }
  const end = runChild('share.js', ['lab', '--from', String(from), '--count', String(SEEDS)], { heard })
  for (const { until, held } of parts.slice(0, -1)) {
    test(`seeds ${from + until - PART} to ${from + until - 1} hold every invariant`, async () => {
      const early = await Promise.race([held.promise, end])
      if (early !== undefined) assert.fail(early.output)
    })
  }
  test(`${SEEDS} seeds from ${from} hold every invariant, and reach every situation that must be reached`, async () => {
    const { code, output } = await end
    assert.equal(code, 0, output)
  })
}
