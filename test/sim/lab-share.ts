import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runChild } from './child.js'

const SEEDS = Number(process.env['LOVAGE_SIM_SEEDS'] ?? 5000)

/** So many seeds, from one on, in a process of their own. */
export function testShare(from: number): void {
  test(`${SEEDS} seeds from ${from} hold every invariant, and reach every situation that must be reached`, async () => {
    const { code, output } = await runChild('share.js', ['lab', '--from', String(from), '--count', String(SEEDS)])
    assert.equal(code, 0, output)
  })
}
