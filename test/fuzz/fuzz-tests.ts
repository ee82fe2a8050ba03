import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../../src/lib/deferred.js'
import type { CampaignReport } from './campaign.js'
import type { Target } from './target.js'
import { runWatched } from './watched.js'

/** One seed for all: a test that fails once fails again. `npm run fuzz` goes where nobody has been. */
const SEED = 20_261_120

/** Far beyond what any input takes on a busy machine, and far below what a quadratic decoder would. */
const PATIENCE_MS = 60_000

/** Registers a test for each target; all of them run in one thread, one after another, watched by this one. */
export function fuzzTests(targets: readonly Target[]): void {
  const reports = new Map(targets.map(({ name }) => [name, deferred<CampaignReport>()]))
  const runs = targets.map(({ name, inputs }) => ({ target: name, count: inputs }))
  const done = runWatched({ runs, seed: SEED, from: 0, patience: PATIENCE_MS }, report => {
    reports.get(report.target)?.resolve(report)
  })
  for (const { name, inputs } of targets) {
    test(`${inputs.toLocaleString('en')} inputs to '${name}' give a value or a typed error each`, async () => {
      // As each is done: a file that tells of nothing for long is taken for one that hangs.
      const report = await Promise.race([reports.get(name)?.promise, done.then(() => undefined)])
      assert.ok(report, 'the thread ended before this decoder had its turn')
      assert.deepEqual(report.finds, [])
      assert.equal(report.count, inputs)
      // Inputs that are all refused, or all accepted, would test half a decoder.
      assert.ok(Object.keys(report.outcomes).length > 1, `only ${JSON.stringify(report.outcomes)}`)
    })
  }
}
