import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { GroupResult } from '../../src/app/group-result.js'
import type { AnyResult } from '../../src/app/result.js'
import { addLink, setOptions } from '../../src/app/set-options.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'

/* Nobody waits for ever: whatever will not run any more ends with the reason, however deep it stands. */

function tasks(app: App) {
  return {
    add: app.task('add', (x: number, y: number): number => x + y),
    inc: app.task('inc', (value: number): number => value + 1),
    sum: app.task('sum', (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)),
    fail: app.task('fail', (..._: readonly unknown[]): number => {
      throw new RangeError('no')
    }),
    note: app.task('note', (id: string): string => id),
  }
}

/** States of a result and of all before it, the last one first. */
async function statesOf(last: AnyResult): Promise<readonly unknown[]> {
  const states: unknown[] = []
  for (let result: AnyResult | undefined = last; result !== undefined; result = result.parent) {
    states.push(
      result instanceof GroupResult ? (await Promise.all(result.results.map(statesOf))).flat() : await stateOf(result),
    )
  }
  return states
}

async function stateOf(result: AnyResult): Promise<string> {
  return (await result.successful()) ? 'SUCCESS' : (await result.failed()) ? 'FAILURE' : 'none'
}

test('a chord that fails fails the chords and groups after it, with all their parts', async () => {
  const app = new App('shop')
  const { add, inc, sum, fail } = tasks(app)
  await using cluster = await testCluster({ app })
  const broken = chord([fail.s(), inc.s()], sum.s())
  const result = await app.apply(
    chain(add.s(1, 1), broken, chord([inc.s(), inc.s()], sum.s()), group(inc.s(), chain(inc.s(), inc.s()))),
  )
  await cluster.drain()
  const F = 'FAILURE'
  // The chain within the group is known by its last step.
  assert.deepEqual(await statesOf(result), [[F, F, F], F, [F, F], F, [F, 'SUCCESS'], 'SUCCESS'])
})

test('a chord within the body of one that fails is told, and so is the chord that this one is a part of', async () => {
  const app = new App('shop')
  const { add, inc, sum, fail, note } = tasks(app)
  await using cluster = await testCluster({ app })
  const inner = chain(chord([fail.s(), add.s(1, 1)], sum.s()), chord([inc.s(), inc.s()], sum.s()))
  const result = await app.apply(chord([inner, add.s(2, 2)], addLink(sum.s(), 'linkError', note.s())))
  await cluster.drain()
  await assert.rejects(result.get(), { name: 'ChordError' })
  cluster.expect(note).toHaveRun({ times: 1 })
})

test('a step that cannot be published fails with all that follows it, and its chord hears of it', async () => {
  const app = new App('shop', { taskCreateMissingQueues: false })
  const { add, inc, sum } = tasks(app)
  const lost = setOptions(inc.s(), { queue: 'nowhere' })
  await using cluster = await testCluster({ app })
  const steps = await app.apply(chain(add.s(1, 1), lost, inc.s(), inc.s()))
  const part = await app.apply(chord([chain(add.s(1, 1), lost, inc.s()), add.s(2, 2)], sum.s()))
  const header = await app.apply(chain(add.s(1, 1), chord([lost, inc.s()], sum.s())))
  const body = await app.apply(
    chain(chord([add.s(1, 1), add.s(2, 2)], setOptions(sum.s(), { queue: 'nowhere' })), inc.s()),
  )
  await cluster.drain()
  assert.deepEqual(await statesOf(steps), ['FAILURE', 'FAILURE', 'FAILURE', 'SUCCESS'])
  await assert.rejects(steps.get(), /nowhere/)
  await assert.rejects(part.get(), { name: 'ChordError', message: /nowhere/ })
  await assert.rejects(header.get(), { name: 'ChordError', message: /nowhere/ })
  await assert.rejects(body.get(), /nowhere/)
})

test('a retry that cannot be published fails the task with all that follows it', async () => {
  const app = new App('shop')
  const { add, inc, sum } = tasks(app)
  const lost = app.task('lost', (_: number): number => {
    throw currentTask().retry({ args: [() => 'no data'] })
  })
  await using cluster = await testCluster({ app })
  const steps = await app.apply(chain(add.s(1, 1), lost.s(), inc.s()))
  const part = await app.apply(chord([lost.s(1), add.s(2, 2)], sum.s()))
  await cluster.drain()
  assert.deepEqual(await statesOf(steps), ['FAILURE', 'FAILURE', 'SUCCESS'])
  await assert.rejects(part.get(), { name: 'ChordError', message: /EncodeError/ })
})
