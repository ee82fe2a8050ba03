import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from './faults.js'
import { drawLongPlan } from './long-plan.js'
import { drawPlan, PLAIN, PLAIN_CALL, type Plan } from './plan.js'
import { FAST, play, TRACED } from './play.js'

test('the same seed gives the same run, whether its text is written or not; another seed another', async () => {
  const hashes = new Set<string>()
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const runs = [
      await play(drawPlan(seed), FAST),
      await play(drawPlan(seed), FAST),
      await play(drawPlan(seed), TRACED),
    ]
    const [first, second, traced] = runs.map(run =>
      run.kind === 'held' ? run.report : assert.fail(run.failure.message),
    )
    assert.equal(second?.hash, first?.hash, `seed ${seed}`)
    assert.equal(traced?.steps, first?.steps, `seed ${seed}`)
    assert.equal(traced?.elapsed, first?.elapsed, `seed ${seed}`)
    hashes.add(String(first?.hash))
  }
  assert.equal(hashes.size, 6)
})

test('a plan survives being written down: what is recorded can be replayed', async () => {
  const plan = drawPlan('written')
  const [first, second] = [await play(plan), await play(JSON.parse(JSON.stringify(plan)))]
  assert.ok(first.kind === 'held' && second.kind === 'held')
  assert.equal(second.report.hash, first.report.hash)
})

test('hours in the life of a cluster hold every invariant', async () => {
  const hours = 2
  const run = await play(drawLongPlan('hours', hours))
  if (run.kind === 'failed') assert.fail(run.failure.message)
  assert.ok(run.report.elapsed >= hours * 3_600_000)
  assert.ok(run.report.value.executions > 1000 && run.report.value.faults > 20)
})

test('no worker can know that a child which it hands a call to stands still: what expires there meanwhile begins late', async () => {
  const { config, ...plan } = drawPlan('still')
  const [client] = config.clients
  const worker = { name: 'w1', rate: 1, skew: 0, concurrency: 1, prefetchMultiplier: 1, children: 1 }
  const times = { storm: 20_000, leaseMs: 20_000, renewMs: 5000 }
  const freeze: Fault = {
    ...{ kind: 'freeze-child', at: 1000, node: 'w1', lasts: 5000, amount: 1 },
    ...{ place: 'broker', verb: 'push' },
  }
  const call = { ...PLAIN_CALL, id: 't0', at: 1500, client: client?.name ?? '', behaviour: 'plain' as const, n: 1 }
  const run = await play({
    ...plan,
    config: { ...config, ...times, profile: 'lease-like', quirks: [], queues: ['celery'], workers: [worker] },
    calls: [{ ...call, late: true, ignored: false, queue: 'celery', expires: 1000 }],
    faults: [freeze],
  })
  if (run.kind === 'failed') assert.fail(run.failure.message)
  assert.equal(run.report.value.executions, 1)
  assert.equal(run.report.value.sightings.get('a child was frozen'), 1)
})

/** What each of them once broke is told in the log of its commit. */
const MENDED = [1069, 1604, 4862, 5605, 8386, 18_382, 113_723, 117_135, 124_525, 125_535, 129_692]
/** With their quirks, malformed messages, troubles of the disk and children. */
const MENDED_WITH_QUIRKS = [
  3083, 3695, 37_841, 39_991, 47_903, 54_403, 66_923, 75_672, 87_530, 152_419, 157_109, 167_908, 171_201,
]

test('seeds that have broken an invariant hold', async () => {
  for (const plan of [...MENDED.map(seed => plainPlan(seed)), ...MENDED_WITH_QUIRKS.map(seed => drawPlan(seed))]) {
    const run = await play(plan)
    if (run.kind === 'failed') assert.fail(run.failure.message)
  }
})

/** As seeds were drawn before there were any of these. */
function plainPlan(seed: number): Plan {
  const plan = drawPlan(seed)
  const calls = plan.calls.filter(({ behaviour }) => behaviour !== 'malformed')
  return { ...plan, calls, config: { ...plan.config, ...PLAIN } }
}
