import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/app/app.js'
import { addLink, setOptions } from '../../src/app/set-options.js'
import { chain, chord, chunks, group, map, starmap } from '../../src/canvas/canvas.js'
import { planCanvas } from '../../src/canvas/plan.js'
import { stamp } from '../../src/canvas/stamp.js'
import type { TaskId } from '../../src/protocol/ids.js'
import type { Signature } from '../../src/protocol/signature.js'
import { signatureFromDict, signatureToDict } from '../../src/protocol/signature-dict.js'
import { paths, vector } from '../support/vectors.js'

/*
 * What we would publish for a canvas, against what real Celery published for the same: every message's task, arguments and
 * embedded signatures, ids by the order of their appearance.
 */

const app = new App('interop', {}, { environment: {} })
const name = (short: string): string => `interop.${short}`
const add = app.task(name('add'), (x: number, y: number): number => x + y)
const mul = app.task(name('mul'), (x: number, y: number): number => x * y)
const xsum = app.task(name('xsum'), (all: readonly number[]): number => all.length)
const identity = app.task(name('identity'), (value: unknown): unknown => value)
const noop = app.task(name('noop'), (..._: readonly unknown[]): null => null)

const full = app.task(name('errback_full'), (id: string): string => id)
const errback = app.task(name('errback_id'), (id: string): string => id)

const two = [add.s(1, 1), add.s(2, 2)] as const

interface Case {
  readonly canvas: Signature
  readonly args?: readonly unknown[]
  readonly options?: Readonly<Record<string, unknown>>
}

const CASES: Readonly<Record<string, Case>> = {
  chain_countdown: { canvas: chain(add.s(2, 3), mul.s(10)), options: { countdown: 60, expires: 120 } },
  chain_link: {
    canvas: addLink(addLink(chain(add.s(2, 3), mul.s(10)), 'link', identity.s()), 'linkError', full.s()),
  },
  chain_link_error: { canvas: addLink(chain(add.s(2, 3), mul.s(10)), 'linkError', full.s()) },
  chord_link_error: { canvas: chord(two, addLink(xsum.s(), 'linkError', full.s())) },
  // The delays that Celery's `skew` gives to members are the options of signatures here.
  chunks_group: {
    canvas: chunks(
      add.s() as never,
      [0, 1, 2, 3].map(n => [n, n] as const),
      2,
    ),
  },
  group_skew: { canvas: group(...[0, 1, 2].map(n => setOptions(add.s(n, n), { countdown: 60 + 10 * n }))) },
  immutable: { canvas: add.si(2, 3) },
  link: { canvas: addLink(add.s(2, 3), 'link', mul.s(10)) },
  link_error: { canvas: addLink(addLink(add.s(2, 3), 'link', mul.s(10)), 'linkError', full.s()) },
  link_many: {
    canvas: addLink(
      addLink(
        addLink(addLink(add.s(2, 3), 'link', noop.si() as never), 'link', chain(mul.s(10), identity.s())),
        'linkError',
        full.s(),
      ),
      'linkError',
      errback.si('fixed'),
    ),
  },
  signature_options: {
    canvas: setOptions(add.s(2, 3), { queue: 'other', countdown: 60, priority: 3, headers: { 'x-a': 'b' } }),
  },
  stamped_header_only: { canvas: stamp(add.si(2, 3), { header: 'value' }) },
  stamped_link: {
    canvas: stamp(addLink(addLink(add.si(2, 3), 'link', identity.s()), 'linkError', full.s()), () => ({ stamp: 42 })),
  },
  stamped_task: { canvas: stamp(add.si(2, 3), () => ({ monitoring_id: 'abc' })) },
  chain3: { canvas: chain(add.s(2, 3), mul.s(10), identity.s()) },
  chain_group_end: { canvas: chain(add.s(1, 1), group(mul.s(2), mul.s(3))) },
  chain_group_middle: { canvas: chain(add.s(1, 1), group(mul.s(2), mul.s(3)), xsum.s()) },
  chain_immutable: {
    canvas: chain(add.s(2, 3), { ...noop.si('x'), options: { queue: 'other', priority: 2 } }, identity.si(1)),
  },
  chain_of_chains: { canvas: chain(chain(add.s(1, 1), add.s(2)), chain(mul.s(3), mul.s(4))) },
  chain_two_groups: {
    canvas: chain(add.s(1, 1), group(mul.s(2), mul.s(3)), group(xsum.s(), identity.s()), xsum.s() as never),
  },
  chord1: { canvas: chord([add.s(1, 1)], xsum.s()) },
  chord2: { canvas: chord(two, xsum.s()) },
  chord_body_chain: { canvas: chord(two, chain(xsum.s(), mul.s(10))) },
  chord_body_immutable: { canvas: chord(two, noop.si()) },
  chord_in_chord: { canvas: chord([chord(two, xsum.s()), add.s(3, 3)], xsum.s()) },
  chord_of_chains: { canvas: chord([chain(add.s(1, 1), mul.s(2)), chain(add.s(3, 3), mul.s(4))], xsum.s()) },
  chunks: {
    canvas: chunks(
      add.s() as never,
      [0, 1, 2, 3, 4].map(n => [n, n] as const),
      2,
    ),
  },
  group1: { canvas: group(add.s(1, 1)) },
  group3: { canvas: group(add.s(0, 0), add.s(1, 1), add.s(2, 2)) },
  group_of_chains: { canvas: group(chain(add.s(1, 1), mul.s(2)), chain(add.s(3, 3), mul.s(4))) },
  group_of_chords: { canvas: group(chord(two, xsum.s()), chord([add.s(3, 3), add.s(4, 4)], xsum.s())) },
  group_options: { canvas: group(...two), options: { countdown: 60, queue: 'other', priority: 3 } },
  group_then_task: { canvas: chain(group(...two), xsum.s()) },
  group_with_args: { canvas: group(add.s(1), add.s(2)), args: [10] },
  stamped_chain: { canvas: stamp(chain(add.s(1, 1), mul.s(2), identity.s()), () => ({ stamp: 42 })) },
  stamped_chord: { canvas: stamp(chord(two, xsum.s()), () => ({ stamp: 42 })) },
  stamped_group: { canvas: stamp(group(...two), () => ({ stamp: 42 })) },
  stamped_kwargs: { canvas: stamp(add.si(2, 3), { stamp: 'value', number: 1 }) },
  stamped_task_list: { canvas: stamp(add.si(2, 3), { stamp: [4, 2], other: 'x', n: 42 }) },
  stamped_twice: { canvas: stamp(stamp(add.si(2, 3), { a: 1 }), { a: 2, b: 3 }) },
  xmap: {
    canvas: map(xsum.s() as never, [
      [1, 2],
      [3, 4],
    ]),
  },
  xstarmap: {
    canvas: starmap(add.s() as never, [
      [0, 0],
      [1, 1],
      [2, 2],
    ]),
  },
}

for (const [title, { canvas, args = [], options = {} }] of Object.entries(CASES)) {
  test(`Celery publishes the same for ${title}`, () => {
    const captured = vector(`celery-5.6.2/messages/amqp/${title}.json`)
    // biome-ignore lint/suspicious/noExplicitAny: captured JSON
    const theirs = captured.messages.filter((message: any) => message.from === 'client').map(theirMessage)
    const ours = published(canvas, args, options).map(ourMessage)
    assert.deepEqual(renamed(ours), renamed(theirs))
  })
}

test('groups within a group have indices that nobody else has, where Celery counts each anew', () => {
  const indices = published(group(group(...two), group(add.s(3, 3)), add.s(4, 4))).map(
    ({ options }) => options['group_index'],
  )
  assert.deepEqual(indices, [0, 1, 2, 3])
})

test('a group that is the body of a chord has an id of its own, where Celery gives it that of the header', () => {
  const [first] = published(chord(two, group(xsum.s(), identity.s())))
  const body = first?.options['chord'] as Signature
  assert.notEqual(body.options['task_id'], first?.options['group_id'])
})

/** Vectors of messages with canvases that are no case above, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  group_of_groups: 'groups within a group have indices that nobody else has',
  chord_body_group: 'a group that is the body of a chord has an id of its own',
  deep_nest: 'the chord within the body: its members have other indices; played.test.ts runs it',
  stamped_task_none: 'Celery itself refuses it',
  protocol1_chain: 'test/protocol: the older protocol',
  protocol1_chord: 'test/protocol: the older protocol',
}

test('every captured canvas is a case', () => {
  const known = new Set([...Object.keys(CASES), ...Object.keys(ELSEWHERE)])
  const names = paths('celery-5.6.2/messages/amqp/').map(path => path.replace(/^.*\/|\.json$/g, ''))
  const canvases = names.filter(each =>
    /^(?!args).*(chain|chord|chunks|group|link|map|stamp|nest|immutable|signature_options)/.test(each),
  )
  assert.deepEqual(
    canvases.filter(each => !known.has(each)),
    [],
  )
  assert.ok(canvases.length > 40)
})

test('signatures that Celery wrote as dicts are read, and written the same', () => {
  const { sigs } = vector('celery-5.6.2/messages/amqp/signature_json.json').client_returned
  assert.equal(sigs.length, 13)
  for (const dict of sigs) {
    // A chord may carry its size, which nobody writes any more.
    assert.deepEqual(signatureToDict(signatureFromDict(dict)), dict)
  }
})

/** Options of Celery's own making that say nothing, or that only its publisher reads. */
const SILENT = new Set(['add_to_parent', 'reply_to', 'root_id', 'parent_id'])

function published(
  canvas: Signature,
  args: readonly unknown[] = [],
  options: Readonly<Record<string, unknown>> = {},
): readonly Signature[] {
  let n = 0
  const draw = (): TaskId => `00000000-0000-4000-8000-${String(n++).padStart(12, '0')}` as TaskId
  const { steps } = planCanvas(canvas, { args, options, draw, replyTo: 'reply' })
  return steps.flatMap(step => (step.kind === 'publish' ? [step.signature] : []))
}

// biome-ignore lint/suspicious/noExplicitAny: captured JSON
function theirMessage(message: any): unknown {
  const [args, kwargs, embed] = JSON.parse(message.body.text)
  const { task, id, group: groupId, group_index, stamps, stamped_headers } = message.headers
  return clean({
    task,
    id,
    group: groupId,
    index: group_index ?? null,
    args,
    kwargs,
    ...embed,
    ...stampsOf(stamped_headers, stamps),
  })
}

function ourMessage(signature: Signature): unknown {
  const { task, args, kwargs, options } = signatureToDict(signature) as unknown as {
    readonly task: string
    readonly args: readonly unknown[]
    readonly kwargs: unknown
    readonly options: Readonly<Record<string, unknown>>
  }
  return clean({
    task,
    id: options['task_id'],
    group: options['group_id'] ?? null,
    index: options['group_index'] ?? null,
    args,
    kwargs,
    callbacks: options['link'] ?? null,
    errbacks: options['link_error'] ?? null,
    chain: options['chain'] ?? null,
    chord: options['chord'] ?? null,
    ...stampsOf(options['stamped_headers'] as readonly string[] | undefined, options),
  })
}

/** Their order says nothing. */
function stampsOf(names: readonly string[] | null | undefined, values: Readonly<Record<string, unknown>>): object {
  if (names === null || names === undefined) return {}
  const sorted = names.toSorted()
  return { stamped: sorted, values: sorted.map(name => values[name]) }
}

function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, inner]) => !SILENT.has(key) && inner !== null)
  return Object.fromEntries(
    entries.map(([key, inner]) => [key, clean(inner)]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  )
}

function renamed(value: unknown): unknown {
  const ids = new Map<string, string>()
  const text = JSON.stringify(value).replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, id => {
    const known = ids.get(id) ?? `id${ids.size}`
    ids.set(id, known)
    return known
  })
  return JSON.parse(text)
}
