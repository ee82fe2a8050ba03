import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { addLink } from '../../src/app/set-options.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { type Dag, dag } from '../../src/canvas/dag.js'
import { CanvasError } from '../../src/canvas/errors.js'
import { type DagPlan, planDag } from '../../src/canvas/plan-dag.js'
import type { TaskId } from '../../src/protocol/ids.js'
import { DEFAULT_LIMITS } from '../../src/protocol/limits.js'
import type { Signature } from '../../src/protocol/signature.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'
import { SimRandom } from '../../src/testing/sim/sim-random.js'

function tasks(app: App) {
  const runs: string[] = []
  return {
    runs,
    /** Says what it was given. */
    say: app.task('say', (...given: readonly unknown[]): string => {
      runs.push(String(given.at(-1)))
      return `${given.at(-1)}(${given.slice(0, -1).flat().join(',')})`
    }),
    one: app.task('one', (): number => 1),
    inc: app.task('inc', (value: number): number => value + 1),
    sum: app.task('sum', (all: readonly number[]): number => all.reduce((total, each) => total + each, 0)),
    fail: app.task('fail', (..._: readonly unknown[]): number => {
      throw new RangeError('no')
    }),
  }
}

/** A graph of which nobody knows the types. */
function graph(nodes: Readonly<Record<string, unknown>>): Dag<Record<string, unknown>> {
  return (dag as unknown as (given: unknown) => Dag<Record<string, unknown>>)(nodes)
}

function planned(graph: Dag, limits = DEFAULT_LIMITS): DagPlan {
  let n = 0
  const draw = (): TaskId => `00000000-0000-4000-8000-${String(n++).padStart(12, '0')}` as TaskId
  return planDag(graph, { draw, limits, beside: signature => signature })
}

describe('a graph of tasks', () => {
  test('gives each node the values of those it comes after, and runs each once', async () => {
    const app = new App('shop')
    const { one, inc, sum } = tasks(app)
    await using cluster = await testCluster({ app })
    const result = await app.apply(
      dag({
        a: one.s(),
        b: { run: inc.s(), after: 'a' },
        c: { run: inc.s(), after: 'b' },
        d: { run: sum.s(), after: ['a', 'b'] },
        e: { run: sum.s(), after: ['c', 'd', 'a'] },
        alone: one.s(),
      }),
    )
    const values = await cluster.until(result.get())
    assert.deepEqual(values, { a: 1, alone: 1, b: 2, c: 3, d: 3, e: 7 })
    assert.equal(await cluster.until(result.node('e').get()), 7)
    assert.equal(await result.group.completedCount(), 6)
    for (const [task, times] of [
      [one, 2],
      [inc, 2],
      [sum, 2],
    ] as const)
      cluster.expect(task).toHaveRun({ times })
  })

  test('has nodes that are chains, groups and chords', async () => {
    const app = new App('shop')
    const { one, inc, sum, say } = tasks(app)
    await using cluster = await testCluster({ app })
    const result = await app.apply(
      graph({
        pair: group(one.s(), chain(one.s(), inc.s())),
        three: { run: chain(sum.s(), group(inc.s(), inc.s()) as never), after: 'pair' },
        chord: { run: chord([inc.s(), inc.s()] as never, sum.s() as never), after: 'four' },
        four: chain(one.s(), inc.s()),
        last: { run: say.s('last'), after: ['pair', 'chord'] },
        empty: group(),
      }),
    )
    assert.deepEqual(await cluster.until(result.get()), {
      pair: [1, 2],
      three: [4, 4],
      four: 2,
      chord: 6,
      last: 'last(1,2,6)',
      empty: [],
    })
  })

  test('of any shape means what its arrows say', async () => {
    for (let seed = 0; seed < 80; seed++) {
      const drawn = drawGraph(new SimRandom(`dag-${seed}`))
      const app = new App('shop')
      const { say, runs } = tasks(app)
      await using cluster = await testCluster({ app })
      const nodes = Object.fromEntries(
        Object.entries(drawn).map(([name, after]) => [
          name,
          after === undefined ? say.s(name) : { run: say.s(name), after },
        ]),
      )
      const result = await app.apply(graph(nodes))
      await cluster.drain()
      assert.deepEqual(await result.get(), meaning(drawn), `dag-${seed}: ${JSON.stringify(drawn)}`)
      assert.deepEqual(runs.toSorted(), Object.keys(drawn).toSorted())
    }
  })

  test('ends everywhere when a node fails: what comes after it fails, everything else runs', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = new SimRandom(`fail-${seed}`)
      const drawn = drawGraph(random)
      const broken = `n${random.int(0, Object.keys(drawn).length - 1)}`
      const app = new App('shop')
      const { say, fail, runs } = tasks(app)
      await using cluster = await testCluster({ app })
      const nodes = Object.fromEntries(
        Object.entries(drawn).map(([name, after]) => {
          const run = name === broken ? fail.s() : say.s(name)
          return [name, after === undefined ? run : { run, after }]
        }),
      )
      const result = await app.apply(graph(nodes))
      await cluster.drain()
      const after = behind(drawn, broken)
      const shown = `fail-${seed}: ${broken} of ${JSON.stringify(drawn)}`
      for (const name of Object.keys(drawn)) {
        const state = await result.node(name).state()
        assert.equal(state, after.has(name) ? 'FAILURE' : 'SUCCESS', `${name} in ${shown}`)
      }
      assert.deepEqual(
        runs.toSorted(),
        Object.keys(drawn)
          .filter(name => !after.has(name))
          .toSorted(),
        shown,
      )
      await assert.rejects(result.get(), { message: 'ValueError: no' })
    }
  })

  test('tells the errbacks of what it cannot run any more, once each', async () => {
    const app = new App('shop')
    const { one, sum, fail } = tasks(app)
    const note = app.task('note', (id: string): string => id)
    await using cluster = await testCluster({ app })
    const result = await app.apply(
      dag({
        a: one.s(),
        b: fail.s(),
        sum: { run: addLink(sum.s(), 'linkError', note.s()), after: ['a', 'b'] },
      }),
    )
    await cluster.drain()
    assert.equal(await result.node('sum').state(), 'FAILURE')
    cluster.expect(note).toHaveRun({ times: 1, args: [result.node('sum').id] })
  })

  test('takes the options of the call for all its nodes, and goes where its node goes with what hands on a value', async () => {
    const app = new App('shop')
    const { one, sum } = tasks(app)
    await using cluster = await testCluster({ app, queues: ['far'] })
    // Nobody consumes any other queue. `a` is a part of two chords: one of them by what hands its value on.
    const result = await app.apply(
      dag({ a: one.s(), b: { run: sum.s(), after: ['a'] }, c: { run: sum.s(), after: ['a', 'b'] } }),
      { queue: 'far' },
    )
    assert.deepEqual(await cluster.until(result.get()), { a: 1, b: 1, c: 2 })
  })

  test('that is sent by a task is below it', async () => {
    const app = new App('shop')
    const { one, inc } = tasks(app)
    const outer = app.task('outer', async (): Promise<string> => {
      const result = await app.apply(dag({ a: one.s(), b: { run: inc.s(), after: 'a' } }))
      return result.group.id
    })
    await using cluster = await testCluster({ app })
    const result = await outer.delay()
    await cluster.drain()
    const [below] = await result.children()
    assert.equal(below?.id, await result.get())
    assert.deepEqual(await below?.get(), [1, 2])
  })
})

describe('what is no graph is refused', () => {
  const app = new App('shop')
  const { one, inc, sum } = tasks(app)
  const refused = (nodes: Readonly<Record<string, unknown>>, message: RegExp): void => {
    assert.throws(
      () => graph(nodes),
      (error: unknown) => error instanceof CanvasError && message.test(error.message),
    )
  }

  test('a name that no node has, with the one that was meant', () => {
    refused(
      { fetch: one.s(), b: { run: inc.s(), after: 'fetsch' } },
      /^dag\.b\.after: .*'fetsch'; did you mean 'fetch'\?/,
    )
    refused({ a: one.s(), b: { run: sum.s(), after: ['a', 'zzz'] } }, /^dag\.b\.after\[1\]: .*'zzz'$/)
  })

  test('a cycle, which is named', () => {
    refused({ a: { run: inc.s(), after: 'a' } }, /^dag\.a: it comes after itself: a → a/)
    refused(
      {
        start: one.s(),
        a: { run: sum.s(), after: ['start', 'c'] },
        b: { run: inc.s(), after: 'a' },
        c: { run: inc.s(), after: 'b' },
        d: { run: inc.s(), after: 'c' },
      },
      /^dag\.a: it comes after itself: a → b → c → a/,
    )
  })

  test('a node that is no signature, no nodes, a name twice, and `after` that is no name', () => {
    refused({}, /^dag: it has no nodes/)
    refused({ a: one }, /^dag\.a: .*call its s\(\)/)
    refused({ a: { run: 7, after: 'a' } }, /^dag\.a\.run: it is no signature but number/)
    refused({ a: null }, /^dag\.a: it is no signature but null/)
    refused({ a: one.s(), b: { run: sum.s(), after: ['a', 'a'] } }, /^dag\.b\.after\[1\]: 'a' is there already/)
    refused({ a: one.s(), b: { run: inc.s(), after: 7 } }, /^dag\.b\.after: it must be the name/)
  })

  test('a node that can never run, with its path; a graph that gathers without anybody to count', async () => {
    const broken = chord([one.s()], sum.s())
    const without = { ...broken, kwargs: { header: [one.s()] } } as unknown as Signature
    await assert.rejects(app.apply(graph({ a: without })), { code: 'LVG_BAD_CANVAS', path: 'dag.a.body' })
    const idle = new App('idle', { brokerUrl: 'memory://', resultBackend: 'disabled' })
    await assert.rejects(idle.apply(dag({ a: one.s(), b: { run: sum.s(), after: ['a'] } })), {
      code: 'LVG_BAD_CANVAS',
      message: /^dag: a chord needs/,
    })
  })

  test('L07 more ways through it than one message holds, before anything is sent', () => {
    const wide: Record<string, unknown> = { a0: one.s(), b0: one.s(), c0: one.s() }
    for (let n = 1; n < 12; n++) {
      wide[`a${n}`] = { run: sum.s(), after: [`a${n - 1}`, `b${n - 1}`] }
      wide[`b${n}`] = { run: sum.s(), after: [`a${n - 1}`, `b${n - 1}`, `c${n - 1}`] }
      wide[`c${n}`] = { run: sum.s(), after: [`b${n - 1}`, `c${n - 1}`] }
    }
    assert.throws(
      () => planned(graph(wide)),
      (error: unknown) => error instanceof CanvasError && /L07/.test(error.message),
    )
  })
})

describe('the messages of a graph', () => {
  const app = new App('shop')
  const { one, inc, sum } = tasks(app)

  test('a chain of nodes is a chain, and what gathers two tasks is a chord, with nothing besides', () => {
    const { steps } = planned(dag({ a: one.s(), b: { run: inc.s(), after: 'a' }, c: { run: inc.s(), after: 'b' } }))
    assert.deepEqual(
      steps.map(({ kind }) => kind),
      ['publish'],
    )
    const joined = planned(dag({ a: one.s(), b: one.s(), c: { run: sum.s(), after: ['a', 'b'] } }))
    assert.deepEqual(
      joined.steps.map(({ kind }) => kind),
      ['open-chord', 'publish', 'publish'],
    )
    assert.equal(namesIn(joined).has('celery.accumulate'), false)
  })

  test('stages of which each gathers all of the one before grow by their nodes, not by their paths', () => {
    const nodes: Record<string, unknown> = { a0: one.s(), b0: one.s(), c0: one.s() }
    const before = (n: number): readonly string[] => [`a${n}`, `b${n}`, `c${n}`]
    for (let n = 1; n < 30; n++) for (const name of before(n)) nodes[name] = { run: sum.s(), after: before(n - 1) }
    const { steps } = planned(graph(nodes))
    assert.ok(JSON.stringify(steps.find(({ kind }) => kind === 'publish')).length < 60_000)
  })

  test('a graph of 2,000 nodes in a row, and one of 2,000 side by side, are planned', () => {
    const row: Record<string, unknown> = { n0: one.s() }
    const beside: Record<string, unknown> = { first: one.s() }
    for (let n = 1; n < 2000; n++) {
      row[`n${n}`] = { run: inc.s(), after: `n${n - 1}` }
      beside[`n${n}`] = { run: inc.s(), after: 'first' }
    }
    beside['last'] = { run: sum.s(), after: Object.keys(beside).slice(1) }
    assert.equal(planned(graph(row)).steps.length, 1)
    assert.equal(planned(graph(beside)).steps.length, 1)
  })
})

type Drawn = Readonly<Record<string, string | readonly string[] | undefined>>

/** Up to nine nodes; each comes after up to three that were drawn before. */
function drawGraph(random: SimRandom): Drawn {
  const count = random.int(2, 9)
  const drawn: Record<string, string | readonly string[] | undefined> = {}
  for (let n = 0; n < count; n++) {
    const wanted = Math.min(n, random.int(0, 3))
    const names = new Set<string>()
    while (names.size < wanted) names.add(`n${random.int(0, n - 1)}`)
    const [only] = names
    drawn[`n${n}`] = only === undefined ? undefined : names.size === 1 && random.chance(0.8) ? only : [...names]
  }
  return drawn
}

function meaning(drawn: Drawn): Readonly<Record<string, string>> {
  const values: Record<string, string> = {}
  for (const [name, after] of Object.entries(drawn)) {
    values[name] = `${name}(${[after ?? []]
      .flat()
      .map(each => values[each])
      .join(',')})`
  }
  return values
}

/** A node and all that comes after it. */
function behind(drawn: Drawn, first: string): ReadonlySet<string> {
  const found = new Set([first])
  for (const [name, after] of Object.entries(drawn))
    if ([after ?? []].flat().some(each => found.has(each))) found.add(name)
  return found
}

function namesIn(plan: DagPlan): ReadonlySet<string> {
  return new Set([...JSON.stringify(plan.steps).matchAll(/"task":"([^"]*)"/g)].map(([, name]) => name as string))
}
