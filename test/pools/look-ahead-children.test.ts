import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Execution, Outcome, Pool } from '../../src/pools/pool.js'
import { PoolBench } from '../../src/testing/conformance/pool-bench.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'
import { RealPoolPlace } from '../support/pools/pool-places.js'

/* Real children that are sent calls ahead of their turn, while some of these take long, and some end their child or are killed. */

const CALLS = 3000

type What = 'quick' | 'spin' | 'wait' | 'exit'

interface Sent {
  readonly what: What
  readonly killed: boolean
  readonly outcome: Outcome
}

for (const kind of ['prefork', 'threads'] as const) {
  test(`H60 D60 each call runs once, and what ends one call ends no other: ${kind}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-ahead-'))
    try {
      const file = join(folder, 'begun')
      await using place = new RealPoolPlace(kind)
      const bench = new PoolBench(place)
      const pool = await bench.open(2)
      const { sent, ahead } = await sendAll(bench, pool, file)
      assert.ok(ahead > CALLS / 2, `only ${ahead} calls were sent ahead of their turn`)
      const begun = readFileSync(file, 'latin1').split('\n').slice(0, -1).map(Number)
      assert.equal(new Set(begun).size, begun.length, 'a call ran twice')
      assert.equal(pool.stats().running, 0)
      for (const [number, { what, killed, outcome }] of sent.entries()) {
        if (what === 'exit') assert.equal(outcome.kind, 'lost', `call ${number}`)
        else if (!killed) {
          assert.equal(outcome.kind, 'succeeded', `call ${number}, ${what}, ended as ${JSON.stringify(outcome)}`)
          assert.ok(begun.includes(number), `call ${number} was not run`)
        }
      }
      assert.ok(
        sent.some(({ killed, outcome }) => killed && outcome.kind !== 'succeeded'),
        'no kill has hit',
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

/** As many at a time as the pool takes; most are quick, in stretches in which all are. */
async function sendAll(bench: PoolBench, pool: Pool, file: string): Promise<{ sent: readonly Sent[]; ahead: number }> {
  const random = new SimRandom(7)
  const sent: Promise<Sent>[] = []
  const open = new Set<Execution>()
  let ahead = 0
  for (let number = 0; number < CALLS; number++) {
    while (open.size >= pool.size + pool.ahead) await Promise.race([...open].map(({ outcome }) => outcome))
    const dice = random.next()
    const what: What = dice < 0.99 ? 'quick' : dice < 0.994 ? 'spin' : dice < 0.998 ? 'wait' : 'exit'
    const execution = bench.begin(pool, 'test.mark', file, number, what)
    if (execution.where === undefined) ahead++
    open.add(execution)
    const killed = what !== 'exit' && random.next() < 0.005
    if (killed) execution.kill('SIGKILL')
    sent.push(
      execution.outcome.then(outcome => {
        open.delete(execution)
        return { what, killed, outcome }
      }),
    )
  }
  return { sent: await bench.within(Promise.all(sent), 'all outcomes'), ahead }
}
