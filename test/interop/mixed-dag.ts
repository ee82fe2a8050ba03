import assert from 'node:assert/strict'
import { setOptions } from '../../src/app/set-options.js'
import { type Dag, dag } from '../../src/canvas/dag.js'
import { signature } from '../../src/canvas/typed-signature.js'
import { PY, TS } from './combination.js'
import type { InteropCase } from './suite.js'

/*
 * Graphs of which every other node runs in Python and every other in Lovage: whoever finishes what, the values are the same, and
 * a failure is told to whoever waits.
 */

/** By name: what a node comes after. One name: one more than its value; several: their sum; nothing: 1. */
type Shape = Readonly<Record<string, string | readonly string[] | undefined>>

const SHAPES: Readonly<Record<string, Shape>> = {
  'a diamond': { a: undefined, b: 'a', c: 'a', d: ['b', 'c'] },
  'a node in three chords': { a: undefined, b: undefined, ab: ['a', 'b'], ba: ['b', 'a'], all: ['a', 'ab', 'ba'] },
  'a node with five followers': { a: undefined, b: 'a', c: 'a', d: 'a', e: 'a', f: 'a', last: ['b', 'f'] },
  'stages that each gather all of the one before': {
    ...{ a1: undefined, b1: undefined, a2: ['a1', 'b1'], b2: ['a1', 'b1'] },
    ...{ a3: ['a2', 'b2'], b3: ['a2', 'b2'], end: ['a3', 'b3'] },
  },
  'two rows with rungs between them': {
    ...{ a1: undefined, b1: undefined, a2: 'a1', b2: ['b1', 'a1'], a3: 'a2', b3: ['b2', 'a2'] },
    ...{ a4: ['a3', 'b3'], b4: ['b3', 'a3'], after: 'b4' },
  },
  'a row of six beside a node alone': { a: undefined, b: 'a', c: 'b', d: 'c', e: 'd', f: 'e', alone: undefined },
}

const LACKS: NonNullable<InteropCase['lacks']> = {
  rpc: 'chords: results by message have none',
  postgresql: 'counting: Python counts no chords in a database',
  sqlite: 'counting: Python counts no chords in a database',
}

export const MIXED_DAG: readonly InteropCase[] = [
  ...Object.entries(SHAPES).map(
    ([name, shape]): InteropCase => ({
      name,
      lacks: LACKS,
      async run({ lovage }) {
        const ends = [PY, TS].map(async first => (await lovage.apply(placed(shape, first))).get({ timeout: 90 }))
        for (const values of await Promise.all(ends)) assert.deepEqual(values, meaning(shape))
      },
    }),
  ),
  {
    name: 'one that fails in the middle is told, everything beside it runs',
    lacks: LACKS,
    async run({ lovage }) {
      const shape: Shape = {
        a: undefined,
        b: undefined,
        bad: 'a',
        c: ['bad', 'b'],
        d: 'c',
        e: ['c', 'b'],
        f: ['a', 'b'],
      }
      for (const first of [PY, TS]) {
        const result = await lovage.apply(placed(shape, first, 'bad'))
        await assert.rejects(result.get({ timeout: 90 }), { message: /^ValueError: / })
        assert.equal(await result.node('f').get({ timeout: 90 }), 2)
      }
    },
  },
]

/** Every other node in the other language. */
function placed(shape: Shape, first: string, failing?: string): Dag<Record<string, unknown>> {
  const queues = first === PY ? [PY, TS] : [TS, PY]
  const nodes = Object.entries(shape).map(([name, after], at) => {
    const task = name === failing ? 'interop.fail' : after === undefined ? 'interop.identity' : 'interop.add'
    const called =
      name !== failing && Array.isArray(after) ? signature('interop.xsum', [], false) : signature(task, [1], false)
    const run = setOptions(called, { queue: queues[at % 2] })
    return [name, after === undefined ? run : { run, after }]
  })
  // Nobody knows the types of shapes.
  return (dag as unknown as (given: unknown) => Dag<Record<string, unknown>>)(Object.fromEntries(nodes))
}

function meaning(shape: Shape): Readonly<Record<string, number>> {
  const values: Record<string, number> = {}
  for (const [name, after] of Object.entries(shape)) {
    const given = [after ?? []].flat().reduce((sum, each) => sum + (values[each] ?? Number.NaN), 0)
    values[name] = Array.isArray(after) ? given : given + 1
  }
  return values
}
