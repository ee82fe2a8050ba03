import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { addLink } from '../../src/app/set-options.js'
import { workflowGraph } from '../../src/app/workflow-graph.js'
import { chain, chord, chunks, group, map } from '../../src/canvas/canvas.js'
import { type CanvasGraph, canvasGraph } from '../../src/canvas/canvas-graph.js'
import { dag } from '../../src/canvas/dag.js'
import { drawGraph } from '../../src/canvas/draw-graph.js'
import type { Signature } from '../../src/protocol/signature.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'

function tasks(app: App) {
  return {
    one: app.task('one', (): number => 1),
    inc: app.task('inc', (value: number): number => value + 1),
    sum: app.task('sum', (all: readonly number[]): number => all.reduce((total, each) => total + each, 0)),
    note: app.task('note', (id: string): string => id),
    fail: app.task('fail', (..._: readonly unknown[]): number => {
      throw new RangeError('no')
    }),
  }
}

/** Arrows in terms of labels. */
function arrows({ nodes, edges }: CanvasGraph): readonly string[] {
  const labels = new Map(
    nodes.map(({ id, label, kind, state }) => [
      id,
      kind === 'gather' ? '•' : `${label}${state === undefined ? '' : ` ${state}`}`,
    ]),
  )
  const arrow = { next: '→', link: '~', error: '!' }
  return edges.map(({ from, to, kind }) =>
    `${labels.get(from)} ${arrow[kind]} ${labels.get(to)}`.replace(/\n\S{8}/g, ''),
  )
}

describe('a canvas as nodes and arrows', () => {
  const { one, inc, sum, note } = tasks(new App('shop'))

  test('chains, groups, chords and what is linked to them', () => {
    assert.deepEqual(arrows(canvasGraph(chain(one.s(), inc.s()))), ['one → inc'])
    assert.deepEqual(arrows(canvasGraph(chain(one.s(), group(inc.s(), inc.s()), sum.s(), inc.s()))).toSorted(), [
      'inc → sum',
      'inc → sum',
      'one → inc',
      'one → inc',
      'sum → inc',
    ])
    assert.deepEqual(arrows(canvasGraph(addLink(addLink(one.s(), 'link', inc.s()), 'linkError', note.s()))), [
      'one ~ inc',
      'one ! note',
    ])
    assert.deepEqual(arrows(canvasGraph(chord([one.s(), one.s()], group(sum.s(), sum.s())))), [
      'one → •',
      'one → •',
      '• → sum',
      '• → sum',
    ])
  })

  test('many that are alike are one; what calls another task says which', () => {
    const many = Array.from({ length: 500 }, () => one.s())
    assert.deepEqual(arrows(canvasGraph(chord(many, sum.s()))), ['one × 500 → sum'])
    assert.deepEqual(
      canvasGraph(map(inc.s(), [1, 2, 3])).nodes.map(({ label }) => label),
      ['map of inc, 3 items'],
    )
    assert.equal(canvasGraph(chunks(inc.s(), [[1], [2], [3]], 2)).nodes.length, 2)
  })

  test('a graph, with the names of its nodes', () => {
    const graph = dag({ a: one.s(), b: { run: inc.s(), after: 'a' }, c: { run: sum.s(), after: ['a', 'b'] } })
    assert.deepEqual(
      canvasGraph(graph).nodes.map(({ label }) => label),
      ['a\none', 'b\ninc', 'c\nsum'],
    )
    assert.equal(canvasGraph(graph).edges.length, 3)
  })

  test('what can never run is refused', () => {
    const broken = { ...chord([one.s()], sum.s()), kwargs: { header: [] } } as unknown as Signature
    assert.throws(() => canvasGraph(broken), { code: 'LVG_BAD_CANVAS' })
  })
})

describe('nodes and arrows as text', () => {
  const graph: CanvasGraph = {
    nodes: [
      { id: 'n0', label: 'shop."price"\n<b>\u001b', kind: 'task', state: 'SUCCESS' },
      { id: 'n1', label: '', kind: 'gather' },
      { id: 'n2', label: 'back\\slash', kind: 'task' },
    ],
    edges: [
      { from: 'n0', to: 'n1', kind: 'next' },
      { from: 'n1', to: 'n2', kind: 'link' },
      { from: 'n2', to: 'n0', kind: 'error' },
    ],
  }

  test('for Mermaid', () => {
    assert.equal(
      drawGraph(graph),
      `flowchart LR
  n0["shop.#34;price#34;<br/>#60;b#62; <br/>SUCCESS"]:::succeeded
  n1((" "))
  n2["back#92;slash"]
  n0 --> n1
  n1 -. link .-> n2
  n2 -. error .-> n0
  classDef succeeded fill:#c8e6c9,stroke:#555555
`,
    )
  })

  test('for Graphviz', () => {
    assert.equal(
      drawGraph(graph, 'dot'),
      `digraph canvas {
  rankdir=LR
  node [shape=box, style="rounded,filled", fillcolor=white]
  n0 [label="shop.\\"price\\"\\n<b> \\nSUCCESS", fillcolor="#c8e6c9"]
  n1 [shape=point, label=""]
  n2 [label="back\\\\slash"]
  n0 -> n1
  n1 -> n2 [style=dashed, label="link"]
  n2 -> n0 [style=dotted, label="error"]
}
`,
    )
  })
})

describe('a workflow that has been sent', () => {
  test('is found from what it ends with, and from a task in it, with the states of all', async () => {
    const app = new App('shop', { resultExtended: true })
    const { one, inc, sum } = tasks(app)
    await using cluster = await testCluster({ app })
    const result = await app.apply(chain(one.s(), group(inc.s(), inc.s()), sum.s(), inc.s()))
    const waiting = await workflowGraph(result, app)
    assert.deepEqual(new Set(waiting.nodes.map(({ state }) => state)), new Set(['PENDING']))
    await cluster.drain()
    const all = [
      'one SUCCESS → inc SUCCESS',
      'one SUCCESS → inc SUCCESS',
      'inc SUCCESS → sum SUCCESS',
      'inc SUCCESS → sum SUCCESS',
      'sum SUCCESS → inc SUCCESS',
    ]
    assert.deepEqual(arrows(await workflowGraph(result, app)).toSorted(), all.toSorted())
    assert.deepEqual(arrows(await workflowGraph(app.result(result.id), app)).toSorted(), all.toSorted())
    const first = result.parent?.parent?.parent?.id
    assert.deepEqual(arrows(await workflowGraph(app.result(String(first)), app)).toSorted(), all.toSorted())
  })

  test('shows what failed and what therefore never ran', async () => {
    const app = new App('shop', { resultExtended: true })
    const { one, inc, fail } = tasks(app)
    await using cluster = await testCluster({ app })
    const result = await app.apply(chain(one.s(), fail.s(), inc.s()))
    await cluster.drain()
    const { nodes } = await workflowGraph(result, app)
    assert.deepEqual(nodes.map(({ state }) => state).toSorted(), ['FAILURE', 'FAILURE', 'SUCCESS'])
  })

  test('tells of large groups as of one, with how many are in which state', async () => {
    const app = new App('shop')
    const { one, sum, fail } = tasks(app)
    await using cluster = await testCluster({ app })
    const result = await app.apply(chord([...Array.from({ length: 30 }, () => one.s()), fail.s()], sum.s()))
    await cluster.drain()
    const { nodes, edges } = await workflowGraph(result, app)
    assert.deepEqual(
      nodes.map(({ label }) => label.replace(/^\w{8}$/, 'body')),
      ['body', '31 tasks\n1 FAILURE\n30 SUCCESS'],
    )
    assert.deepEqual(edges, [{ from: 'n1', to: 'n0', kind: 'next' }])
  })

  test('has the names of a graph, and its arrows', async () => {
    const app = new App('shop')
    const { one, inc, sum } = tasks(app)
    await using cluster = await testCluster({ app })
    const result = await app.apply(
      dag({ a: one.s(), b: { run: inc.s(), after: 'a' }, c: { run: sum.s(), after: ['a', 'b'] } }),
    )
    await cluster.drain()
    assert.deepEqual(arrows(await workflowGraph(result, app)), [
      'a SUCCESS → b SUCCESS',
      'a SUCCESS → c SUCCESS',
      'b SUCCESS → c SUCCESS',
    ])
  })
})
