import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shake } from '../../src/testing/chaos/shake.js'
import { printShakeReport } from '../../src/testing/chaos/shake-report.js'

/* A red run names its seed; LOVAGE_SEED runs it again, not instant for instant but with the same load and kills. */

const seed = process.env['LOVAGE_SEED'] ?? String(Date.now())

test('F01 F03 fifty kills at random instants over ten thousand late-acked tasks lose nothing, and repeat no more than was in flight', async t => {
  const report = await shake({ seed, faults: { kills: 50 }, tasks: 10_000 })
  t.diagnostic(printShakeReport(report))
  assert.deepEqual(report.verdict.faults, [], printShakeReport(report))
  assert.equal(report.kills, 50)
  assert.equal(report.verdict.accepted, 10_000)
})
