import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawCanvasPlan } from './canvases/plan.js'
import { play } from './canvases/play.js'
import { runChild } from './child.js'

const CANVASES = 500

test(`H53 ${CANVASES} random canvases under faults, revokes and duplicates come to what they mean, and nobody waits for ever`, async () => {
  const { code, output } = await runChild('share.js', ['canvases', '--from', '1', '--count', String(CANVASES)])
  assert.equal(code, 0, output)
})

/** Beyond those above. What each of them once broke is told in the log of its commit. */
const MENDED = [1588, 11_697, 13_067, 16_130, 16_410, 16_892, 18_699, 19_583]

test('canvases that have broken an invariant hold', async () => {
  for (const seed of MENDED) {
    const run = await play(drawCanvasPlan(seed))
    if (run.kind === 'failed') assert.fail(run.failure.message)
  }
})
