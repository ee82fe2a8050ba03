import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import { addLink } from '../../src/app/set-options.js'
import { chain, chord, group, map } from '../../src/canvas/canvas.js'
import { dag } from '../../src/canvas/dag.js'
import { signature } from '../../src/canvas/typed-signature.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'
import { defineTroupe } from './build.js'
import { certainRuns, drawTree, meaningOf, valueMade } from './model.js'

/*
 * Canvases in the caller (`taskAlwaysEager`), against the same model as those that workers run, and what is particular to them.
 * `LOVAGE_CANVASES=20000` plays more than the tests' share; `LOVAGE_SEED=n` one of them.
 */

const only = process.env['LOVAGE_SEED']
const count = Number(process.env['LOVAGE_CANVASES'] ?? 500)
const seeds = only === undefined ? Array.from({ length: count }, (_, n) => `eager-${n}`) : [only]

function eagerApp(settings: { readonly taskEagerPropagates?: boolean } = {}): App {
  return new App('shop', { taskAlwaysEager: true, brokerUrl: 'memory://', ...settings }, { environment: {} })
}

test(`${seeds.length} random canvases mean in the caller what the model says`, async () => {
  for (const seed of seeds) {
    const tree = drawTree(new SimRandom(seed), 4)
    const shown = `${seed}: ${JSON.stringify(tree)}`
    const app = eagerApp()
    const runs = new Map<string, number>()
    const build = defineTroupe(app, ({ label }, _, args, act) => {
      runs.set(label, (runs.get(label) ?? 0) + 1)
      return act(valueMade(label, args))
    })
    const result = await app.applyCanvas(build(tree, false))
    const end = await result.get().then(
      value => ({ ok: true, value }),
      () => ({ ok: false }),
    )
    const meaning = meaningOf(tree)
    assert.deepEqual(end, meaning.end, shown)
    const certain = [...runs].filter(([label]) => !meaning.perhaps.has(label))
    assert.deepEqual(new Map(certain.sort()), new Map([...certainRuns(meaning)].sort()), shown)
  }
})

function tasks(app: App) {
  return {
    add: app.task('add', (x: number, y: number): number => x + y),
    sum: app.task('sum', (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)),
    fail: app.task('fail', (..._: readonly unknown[]): number => {
      throw new RangeError('no')
    }),
  }
}

test('every step of a chain has its value at once, and a member after another', async () => {
  const app = eagerApp()
  const { add } = tasks(app)
  const result = await app.apply(chain(add.s(1, 1), add.s(2), add.s(3)))
  assert.equal(await result.state(), 'SUCCESS')
  assert.deepEqual([await result.get(), await result.parent?.get(), await result.parent?.parent?.get()], [7, 4, 2])
})

test('no result backend is needed, whatever is gathered', async () => {
  const settings = { taskAlwaysEager: true, brokerUrl: 'memory://', resultBackend: 'disabled://' }
  const app = new App('shop', settings, { environment: {} })
  const { add, sum } = tasks(app)
  const seen: unknown[] = []
  const note = app.task('note', (value: unknown): void => void seen.push(value))
  const gathered = chord([add.s(1), add.s(2)], chain(sum.s(), note.s()))
  await (await app.apply(addLink(add.s(1, 1), 'link', gathered as never))).get()
  assert.deepEqual(seen, [7])
})

test('a step that is tried again is a step: what follows it has the value of the attempt that succeeded', async () => {
  const app = eagerApp({ taskEagerPropagates: true })
  const { add, sum } = tasks(app)
  const flaky = app.task(
    'flaky',
    (x: number): number => {
      if (currentTask().retries < 2) throw new RangeError('not yet')
      return x
    },
    { autoretryFor: [RangeError], retryBackoff: true },
  )
  assert.equal(await (await app.apply(chord([chain(flaky.s(1), add.s(1)), flaky.s(3)], sum.s()))).get(), 5)
})

test('callbacks and errbacks of a single task run, inline ones with the error', async () => {
  const app = eagerApp()
  const { add, fail } = tasks(app)
  const seen: unknown[] = []
  const note = app.task('note', (value: unknown): void => void seen.push(value))
  const inline = (of: { readonly id: string }, error: { readonly type: string }): void =>
    void seen.push([of.id, error.type])
  const errback = app.task('inline', inline as never, { errback: 'inline' }) as unknown as typeof note
  await add.applyAsync([1, 2], { link: note.s() })
  const failed = await fail.applyAsync([], { linkError: [note.s(), errback.s()] as never })
  assert.deepEqual(seen, [3, [failed.id, 'ValueError'], failed.id])
})

test('a task is replaced, a part adds to its chord, a graph runs', async () => {
  const app = eagerApp()
  const { add, sum } = tasks(app)
  const instead = app.task('instead', (): number => {
    throw currentTask().replace(group(add.s(1, 2), add.s(3, 4)))
  })
  assert.deepEqual(await (await instead.delay()).get(), [3, 7])
  const late = app.task('late', (): number => {
    throw currentTask().replace(chain(add.s(1, 2), group(add.s(1), add.s(2))))
  })
  assert.deepEqual(await (await late.delay()).get(), [4, 5])
  const adder = app.task('adder', async (): Promise<number> => {
    await currentTask().addToChord(chain(add.s(10, 10), add.s(1)))
    if (currentTask().retries === 0) throw currentTask().retry()
    return 1
  })
  assert.equal(await (await app.apply(chord([adder.s(), add.s(1, 1)], sum.s()))).get(), 24)
  await assert.rejects((await adder.delay()).get(), /is a part of no chord/)
  const bill = await app.apply(
    dag({ a: add.s(1, 1), b: { run: add.s(1), after: 'a' }, c: { run: sum.s(), after: ['a', 'b'] } }),
  )
  assert.deepEqual(await bill.get(), { a: 2, b: 3, c: 5 })
})

test('what comes after a task that asks to be ignored has no value, and nobody waits for it', async () => {
  const { Ignore } = await import('../../src/app/errors.js')
  const app = eagerApp()
  const { add, sum } = tasks(app)
  const ignore = app.task('ignore', (): number => {
    throw new Ignore()
  })
  assert.equal(await (await app.apply(chain(ignore.s(), add.s(1)))).get(), undefined)
  assert.equal(await (await app.apply(chord([ignore.s(), add.s(1, 1)], sum.s()))).get(), undefined)
})

test('a task that nobody has registered fails its canvas, a canvas that can never run is refused', async () => {
  const app = eagerApp()
  const { add, sum } = tasks(app)
  const far = signature<readonly [], number>('py.far', [], false)
  await assert.rejects((await app.apply(chord([far, add.s(1, 1)], sum.s()))).get(), {
    name: 'ChordError',
    message: /NotRegistered/,
  })
  await assert.rejects(app.applyCanvas({ ...chord([add.s(1, 1)], sum.s()), kwargs: {} }), { code: 'LVG_BAD_CANVAS' })
  const strange = app.task('strange', (): unknown => () => 1)
  await assert.rejects((await app.apply(chain(strange.s(), addLink(add.s(1) as never, 'link', sum.s())))).get(), {
    excType: 'EncodeError',
  })
})

test('an error reaches the caller where errors propagate', async () => {
  const app = eagerApp({ taskEagerPropagates: true })
  const { add, fail, sum } = tasks(app)
  await assert.rejects(app.apply(chord([fail.s(), add.s(1, 1)], sum.s())), RangeError)
})

test('Celery’s own tasks run in the caller, too', async () => {
  const app = eagerApp()
  const { sum } = tasks(app)
  assert.deepEqual(await (await app.apply(map(sum.s(), [[1, 2], [3]]) as never)).get(), [3, 3])
})
