import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'
import { defineTroupe } from './build.js'
import { certainRuns, drawTree, meaningOf, type Tree, valueMade } from './model.js'

/*
 * Random canvases to depth 4, with failures, retries and replacements, without trouble, against the model: the same value or a
 * failure, every task as often as it should. With trouble they are played in `test/sim/canvases/`. `LOVAGE_CANVASES=20000`
 * plays more than the tests' share; `LOVAGE_SEED=n` one of them.
 */

const only = process.env['LOVAGE_SEED']
const count = Number(process.env['LOVAGE_CANVASES'] ?? 500)
const seeds = only === undefined ? Array.from({ length: count }, (_, n) => `canvas-${n}`) : [only]

/** So many clusters at a time: each waits for itself most of the time. */
const ABREAST = 25

test(`${seeds.length} random canvases mean what the model says`, async () => {
  const left = [...seeds]
  const one = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) await compare(seed)
  }
  await Promise.all(Array.from({ length: ABREAST }, one))
})

async function compare(seed: string): Promise<void> {
  const tree = drawTree(new SimRandom(seed), 4)
  const meaning = meaningOf(tree)
  const played = await play(tree)
  const shown = `${seed}: ${JSON.stringify(tree)}`
  assert.deepEqual(played.end, meaning.end, shown)
  const runs = new Map([...played.runs].filter(([label]) => !meaning.perhaps.has(label)))
  assert.deepEqual(sorted(runs), sorted(certainRuns(meaning)), shown)
}

async function play(tree: Tree): Promise<{ end: unknown; runs: ReadonlyMap<string, number> }> {
  const app = new App('canvas')
  const runs = new Map<string, number>()
  const build = defineTroupe(app, ({ label }, _, args, act) => {
    runs.set(label, (runs.get(label) ?? 0) + 1)
    return act(valueMade(label, args))
  })
  await using cluster = await testCluster({ app })
  const result = await app.applyCanvas(build(tree, false))
  await cluster.drain()
  const end = await result.get().then(
    value => ({ ok: true, value }),
    () => ({ ok: false }),
  )
  return { end, runs }
}

function sorted(runs: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...runs].sort(([a], [b]) => (a < b ? -1 : 1))
}
