import assert from 'node:assert/strict'
import type { AnyResult } from '../../src/app/result.js'
import { addLink, setOptions } from '../../src/app/set-options.js'
import { chain, chord, chunks, group, map, starmap } from '../../src/canvas/canvas.js'
import { signature, type TypedSignature } from '../../src/canvas/typed-signature.js'
import type { PythonResult } from '../support/python/python-peer.js'
import { CHILDREN, type Combination, PY, TS } from './combination.js'
import type { InteropCase } from './suite.js'

/*
 * Canvases of which every other task runs in Python and every other in Lovage, sent by either: all come to the same value. All of
 * them are sent together, before the first one is waited for.
 */

/** What python/pyclient.py makes a canvas of. */
export type Spec = (
  | { readonly task: string; readonly args: readonly unknown[]; readonly immutable?: boolean }
  | { readonly chain: readonly Spec[] }
  | { readonly group: readonly Spec[] }
  | { readonly chord: readonly Spec[]; readonly body: Spec }
  | { readonly map: string; readonly it: readonly unknown[] }
  | { readonly starmap: string; readonly it: readonly (readonly unknown[])[] }
  | { readonly chunks: string; readonly it: readonly (readonly unknown[])[]; readonly n: number }
) & {
  readonly options?: Readonly<Record<string, unknown>>
  readonly link?: readonly Spec[]
  readonly link_error?: readonly Spec[]
}

/** Whatever it takes and gives. */
export type Any = TypedSignature<readonly unknown[], unknown>

/** In place of a value: it fails so. */
class Fails {
  readonly type: string

  constructor(type: string) {
    this.type = type
  }
}

const call = (task: string, ...args: readonly unknown[]): Spec => ({ task: `interop.${task}`, args })
const add = (...args: readonly number[]): Spec => call('add', ...args)
const mul = (...args: readonly number[]): Spec => call('mul', ...args)
const sum: Spec = call('xsum')
const same: Spec = call('identity')
/** Leaves its value in Redis. */
const note: Spec = call('redis_append')
const complain: Spec = call('errback_id')

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
  'a chain whose first step waits, and expires later': [
    { chain: [{ ...add(2, 3), options: { countdown: 0.2, expires: 120 } }, mul(10)] },
    50,
  ],
  'a chain with an immutable step': [
    { chain: [add(2, 3), { ...call('noop', 'x'), immutable: true }, { ...call('identity', 1), immutable: true }] },
    1,
  ],
  'a chain with a callback': [{ chain: [add(2, 3), mul(10)], link: [note] }, 50],
  'a chain with an errback': [{ chain: [add(2, 3), mul(10)], link_error: [complain] }, 50],
  'a chain that fails in its first step': [
    { chain: [call('fail', 'broken'), add(1), mul(2)], link_error: [complain] },
    new Fails('ValueError'),
  ],
  'a chain that fails in the middle': [{ chain: [add(1, 1), call('fail'), add(1)] }, new Fails('ValueError')],
  'an immutable body': [
    { chord: [add(1, 1), add(2, 2)], body: { ...call('echo'), immutable: true } },
    { args: [], kwargs: {} },
  ],
  'a body with an errback': [{ chord: [add(1, 1), add(2, 2)], body: { ...sum, link_error: [complain] } }, 6],
  'a chord with a callback': [{ chord: [add(1, 1), add(2, 2)], body: { ...sum, link: [note] } }, 6],
  'a chord of which a part fails': [
    { chord: [add(1, 1), call('fail', 'no')], body: { ...sum, link_error: [complain] } },
    new Fails('ChordError'),
  ],
  'a chord whose body fails': [{ chord: [add(1, 1), add(2, 2)], body: call('fail') }, new Fails('ValueError')],
  'a task with callbacks and errbacks': [
    { ...add(2, 3), link: [note, mul(10), { chain: [add(1), mul(2)] }], link_error: [complain] },
    5,
  ],
  'a task with options': [{ ...add(2, 3), options: { countdown: 0.2, priority: 3, headers: { 'x-a': 'b' } } }, 5],
  'an immutable task': [{ ...add(2, 3), immutable: true }, 5],
  'a group with options of its own': [
    { group: [add(1, 1), add(2, 2)], options: { countdown: 0.2, priority: 3 } },
    [2, 4],
  ],
  'a group whose members wait': [
    { group: [0, 1, 2].map(n => ({ ...add(n, n), options: { countdown: n / 10 } })) },
    [0, 2, 4],
  ],
  'a group after a value': [{ chain: [call('identity', 10), { group: [add(1), add(2)] }] }, [11, 12]],
  'a map': [{ map: 'interop.xsum', it: [[1, 2], [3]] }, [3, 3]],
  'a starmap': [
    {
      starmap: 'interop.add',
      it: [
        [1, 2],
        [3, 4],
      ],
    },
    [3, 7],
  ],
  chunks: [
    {
      chunks: 'interop.add',
      it: [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
      n: 2,
    },
    [[2, 4], [6]],
  ],
  'a map within a chain': [{ chain: [{ map: 'interop.xsum', it: [[1, 2], [3]] }, sum] }, 6],
  'starmaps in a chord': [
    {
      chord: [
        {
          starmap: 'interop.add',
          it: [
            [1, 2],
            [3, 4],
          ],
        },
        { starmap: 'interop.mul', it: [[2, 2]] },
      ],
      body: sum,
    },
    14,
  ],
  'a retry in a chain': [{ chain: [call('retry_n_times', 1), add(1)] }, 2],
  'a retry in a chord': [{ chord: [call('retry_n_times', 1), add(1, 1)], body: sum }, 3],
  'a task that is replaced by a task': [call('replace_add', 2, 3), 5],
  'a task that is replaced twice': [call('replace_nested', 2), 'bottom'],
  'a task that is replaced by a chord': [call('replace_chord', [1, 2], 10), 23],
  'a task of a chain that is replaced by a chain': [{ chain: [call('replace_chain', 2), add(1)] }, 31],
  'a task of a chain that is replaced by a chord': [{ chain: [call('replace_chord', [1, 2], 10), add(1)] }, 24],
  'a task of a chord that is replaced by a group': [
    { chord: [call('replace_group', [1, 2], 10), add(1, 1)], body: sum },
    25,
  ],
  'a task that adds to its chord': [{ chord: [call('add_to_chord', [1, 2], 10)], body: sum }, 23],
  'a task in a child process that adds to its chord': [
    { chord: [{ ...call('add_to_chord', [1, 2], 10), options: { queue: CHILDREN } }, add(1, 1)], body: sum },
    25,
  ],
  'two tasks that add to one chord': [
    {
      chord: [call('add_to_chord', [1, 2], 10), call('add_to_chord', [3], 10), add(1, 1)],
      body: { chain: [sum, mul(2)] },
    },
    76,
  ],
}

/** Where a chord that Python counts cannot be. */
export const ALONE: NonNullable<InteropCase['lacks']> = {
  rpc: 'chords: results by message have none',
  postgresql: 'counting: Python counts no chords in a database',
  sqlite: 'counting: Python counts no chords in a database',
}

/** What was sent of one shape: by either, beginning in either language. */
interface Sent {
  readonly byPython: readonly string[]
  readonly byLovage: readonly AnyResult[]
}

export function mixedCanvases(): readonly InteropCase[] {
  let all: Promise<ReadonlyMap<string, Sent>> | undefined
  return Object.entries(SHAPES).map(([name, [, value]]) => ({
    name,
    lacks: ALONE,
    async run(combination) {
      all ??= sendAll(combination)
      const { byPython = [], byLovage = [] } = (await all).get(name) ?? {}
      assert.equal(byPython.length + byLovage.length, 4)
      for (const result of byLovage) assert.deepEqual(await endOf(result), shown(value))
      for (const id of byPython) assert.deepEqual(endIn(await combination.python.get(id, 90)), shown(value))
    },
  }))
}

async function sendAll({ lovage, python }: Combination): Promise<ReadonlyMap<string, Sent>> {
  const sent = Object.entries(SHAPES).map(async ([name, [spec]]) => {
    const placed = [PY, TS].map(first => place(spec, first))
    const [byPython, byLovage] = await Promise.all([
      Promise.all(placed.map(one => python.sendCanvas(one))),
      Promise.all(placed.map(one => lovage.applyCanvas(buildSpec(one)))),
    ])
    return [name, { byPython, byLovage }] as const
  })
  return new Map(await Promise.all(sent))
}

function shown(value: unknown): unknown {
  return value instanceof Fails ? { fails: value.type } : { value }
}

async function endOf(result: AnyResult): Promise<unknown> {
  try {
    return { value: await result.get({ timeout: 90 }) }
  } catch (error) {
    return { fails: (error as { readonly excType?: string }).excType ?? String(error) }
  }
}

function endIn({ result, timeout }: PythonResult): unknown {
  assert.ok(timeout !== true, 'Python waited in vain')
  return result?.exc_type === undefined ? { value: result } : { fails: result.exc_type }
}

/** Every other task in the other language, but for those that have a queue. */
function place(spec: Spec, first: string): Spec {
  let next = first
  const go = (part: Spec): Spec => {
    const { link, link_error } = part
    const placed = placedIn(part)
    return {
      ...placed,
      ...(link === undefined ? {} : { link: link.map(go) }),
      ...(link_error === undefined ? {} : { link_error: link_error.map(go) }),
    }
  }
  const placedIn = (part: Spec): Spec => {
    if ('chain' in part) return { ...part, chain: part.chain.map(go) }
    if ('group' in part) return { ...part, group: part.group.map(go) }
    if ('chord' in part) return { ...part, chord: part.chord.map(go), body: go(part.body) }
    const queue = next
    next = queue === PY ? TS : PY
    return { ...part, options: { queue, ...part.options } }
  }
  return go(spec)
}

export function buildSpec(spec: Spec): Any {
  let built = setOptions(bare(spec), spec.options ?? {})
  for (const link of spec.link ?? []) built = addLink(built, 'link', buildSpec(link))
  for (const errback of spec.link_error ?? []) built = addLink(built, 'linkError', buildSpec(errback))
  return built
}

function bare(spec: Spec): Any {
  if ('chain' in spec) return (chain as (...steps: readonly Any[]) => Any)(...spec.chain.map(buildSpec))
  if ('group' in spec) return group(...spec.group.map(buildSpec)) as Any
  if ('chord' in spec) return chord(spec.chord.map(buildSpec), buildSpec(spec.body)) as Any
  const over = (task: string): Any => signature(task, [], false)
  if ('map' in spec) return map(over(spec.map) as never, spec.it as never) as Any
  if ('starmap' in spec) return starmap(over(spec.starmap), spec.it) as Any
  if ('chunks' in spec) return chunks(over(spec.chunks), spec.it, spec.n) as Any
  return signature(spec.task, spec.args, spec.immutable ?? false)
}
