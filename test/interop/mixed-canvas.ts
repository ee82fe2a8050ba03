import assert from 'node:assert/strict'
import { setOptions } from '../../src/app/set-options.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import { signature, type TypedSignature } from '../../src/canvas/typed-signature.js'
import { PY, TS } from './combination.js'
import type { InteropCase } from './suite.js'

/*
 * Canvases of which every other task runs in Python and every other in Lovage, sent by either: all come to the same value.
 */

/** What python/pyclient.py makes a canvas of. */
type Spec =
  | { readonly task: string; readonly args: readonly unknown[] }
  | { readonly chain: readonly Spec[] }
  | { readonly group: readonly Spec[] }
  | { readonly chord: readonly Spec[]; readonly body: Spec }

/** Whatever it takes and gives. */
type Any = TypedSignature<readonly unknown[], unknown>

const add = (...args: readonly number[]): Spec => ({ task: 'interop.add', args })
const mul = (...args: readonly number[]): Spec => ({ task: 'interop.mul', args })
const sum: Spec = { task: 'interop.xsum', args: [] }
const same: Spec = { task: 'interop.identity', args: [] }

const SHAPES: Readonly<Record<string, readonly [spec: Spec, value: unknown]>> = {
  'a chain of three': [{ chain: [add(2, 3), mul(10), same] }, 50],
  'a chain of six': [{ chain: [add(1, 1), add(1), mul(2), add(4), mul(3), add(1)] }, 31],
  'a chain of chains': [{ chain: [{ chain: [add(1, 1), add(2)] }, { chain: [mul(3), mul(4)] }] }, 48],
  'a group of three': [{ group: [add(1, 1), add(2, 2), add(3, 3)] }, [2, 4, 6]],
  'a group of chains': [
    {
      group: [{ chain: [add(1, 1), mul(2)] }, { chain: [add(3, 3), mul(4)] }],
    },
    [4, 24],
  ],
  'a group of chords': [
    {
      group: [
        { chord: [add(1, 1), add(2, 2)], body: sum },
        { chord: [add(3, 3), add(4, 4)], body: sum },
      ],
    },
    [6, 14],
  ],
  'a chord of one': [{ chord: [add(1, 1)], body: sum }, 2],
  'a chord of five': [{ chord: [add(1, 1), add(2, 2), add(3, 3), add(4, 4), add(5, 5)], body: sum }, 30],
  'a chord of chains': [
    {
      chord: [{ chain: [add(1, 1), mul(2)] }, { chain: [add(3, 3), mul(4)] }],
      body: sum,
    },
    28,
  ],
  'a chord within a chord': [{ chord: [{ chord: [add(1, 1), add(2, 2)], body: sum }, add(3, 3)], body: sum }, 12],
  'a body that is a chain': [{ chord: [add(1, 1), add(2, 2)], body: { chain: [sum, mul(10)] } }, 60],
  'a group in the middle of a chain': [{ chain: [add(1, 1), { group: [mul(2), mul(3)] }, sum] }, 10],
  'a group in the middle, and more after it': [{ chain: [add(1, 1), { group: [mul(2), mul(3)] }, sum, mul(10)] }, 100],
  'a chain that ends in a group': [{ chain: [add(1, 1), { group: [mul(2), mul(3)] }] }, [4, 6]],
  'a group of one': [{ group: [add(1, 1)] }, [2]],
  'a group, then a task': [{ chain: [{ group: [add(1, 1), add(2, 2)] }, sum] }, 6],
  'a group of groups': [
    { group: [{ group: [add(1, 1), add(2, 2)] }, { group: [add(3, 3)] }, add(4, 4)] },
    [2, 4, 6, 8],
  ],
  'two groups in a chain': [{ chain: [add(1, 1), { group: [mul(2), mul(3)] }, { group: [sum, same] }, sum] }, 20],
  'a body that is a group': [{ chord: [add(1, 1), add(2, 2)], body: { group: [sum, same] } }, [6, [2, 4]]],
  'a chord, then a chord': [
    {
      chain: [
        { chord: [add(1, 1), add(2, 2)], body: sum },
        { chord: [add(1), add(2)], body: sum },
      ],
    },
    15,
  ],
  'a chain of groups and chords, deeply nested': [
    {
      chain: [
        { group: [{ chain: [add(1, 1), { group: [mul(2), mul(3)] }, sum] }, add(5, 5)] },
        sum,
        { chord: [add(1), add(2)], body: sum },
      ],
    },
    43,
  ],
  'a chord at the end of a chain': [{ chain: [add(1, 1), { chord: [add(1), add(2)], body: sum }] }, 7],
}

export const MIXED_CANVAS: readonly InteropCase[] = Object.entries(SHAPES).map(([name, [spec, value]]) => ({
  name,
  lacks: {
    rpc: 'chords: results by message have none',
    postgresql: 'counting: Python counts no chords in a database',
    sqlite: 'counting: Python counts no chords in a database',
  },
  async run({ lovage, python }) {
    const sent = [PY, TS].flatMap(first => {
      const placed = place(spec, first)
      const byPython = python.run(['call', '--canvas', '-', '--timeout', '90'], JSON.stringify(placed))
      const byLovage = lovage.applyCanvas(build(placed)).then(result => result.get({ timeout: 90 }))
      return [byPython.then(out => out.result), byLovage]
    })
    for (const result of await Promise.all(sent)) assert.deepEqual(result, value)
  },
}))

/** Every other task in the other language. */
function place(spec: Spec, first: string): Spec {
  let next = first
  const go = (part: Spec): Spec => {
    if ('chain' in part) return { chain: part.chain.map(go) }
    if ('group' in part) return { group: part.group.map(go) }
    if ('chord' in part) return { chord: part.chord.map(go), body: go(part.body) }
    const queue = next
    next = queue === PY ? TS : PY
    return { ...part, options: { queue } } as Spec
  }
  return go(spec)
}

function build(spec: Spec): Any {
  if ('chain' in spec) return (chain as (...steps: readonly Any[]) => Any)(...spec.chain.map(build))
  if ('group' in spec) return group(...spec.group.map(build)) as Any
  if ('chord' in spec) return chord(spec.chord.map(build), build(spec.body)) as Any
  const { task, args, options } = spec as typeof spec & { readonly options: { readonly queue: string } }
  return setOptions(signature(task, args, false), options)
}
