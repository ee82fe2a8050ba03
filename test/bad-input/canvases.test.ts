import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import { addLink } from '../../src/app/set-options.js'
import { chain, chord, group } from '../../src/canvas/canvas.js'
import type { Message } from '../../src/protocol/message.js'
import type { Signature } from '../../src/protocol/signature.js'
import { signatureFromDict } from '../../src/protocol/signature-dict.js'
import { testCluster } from '../../src/testing/cluster/test-cluster.js'

/* Canvases that can never run: refused where they are sent, before anything is, or ended by the worker that finds them. */

function tasks(app: App) {
  return {
    one: app.task('one', (): number => 1),
    inc: app.task('inc', (value: number): number => value + 1),
    sum: app.task('sum', (all: readonly number[]): number => all.reduce((total, each) => total + each, 0)),
    note: app.task('note', (id: string): string => id),
  }
}

/** With other members in its place: what the compiler would not let through. */
function odd(signature: Signature, changes: Readonly<Record<string, unknown>>): Signature {
  return { ...signature, ...changes } as Signature
}

const plain = new App('plain', { brokerUrl: 'memory://', resultBackend: 'cache+memory://' }, { environment: {} })
const { one, inc, sum } = tasks(plain)

const cyclic: { kwargs: Record<string, unknown> } & Record<string, unknown> = { ...group(one.s()), kwargs: {} }
cyclic.kwargs['tasks'] = [one.s(), cyclic]

function nested(depth: number): Signature {
  let canvas: Signature = one.s()
  for (let n = 0; n < depth; n++) canvas = odd(group(one.s()), { kwargs: { tasks: [canvas, one.s()] } })
  return canvas
}

const many = (count: number): Signature[] => Array.from({ length: count }, () => inc.s())
const row = (count: number): Signature =>
  odd(chain(one.s()), { task: 'celery.chain', subtaskType: 'chain', kwargs: { tasks: [one.s(), ...many(count)] } })

/** What is sent, and the path and reason that must be told. */
const REFUSED: Readonly<Record<string, readonly [canvas: Signature, path: string, problem: RegExp]>> = {
  'M29 a member of an unknown kind': [
    group(one.s(), odd(one.s(), { subtaskType: 'pipeline' }) as never),
    'group.tasks[1]',
    /no kind of signature called 'pipeline'/,
  ],
  'M29 a member without a task': [
    odd(group(one.s()), { kwargs: { tasks: [one.s(), { args: [] }] } }),
    'group.tasks[1]',
    /task/,
  ],
  'M29 options that are no object': [
    odd(group(one.s()), { kwargs: { tasks: [{ task: 'one', options: [1] }] } }),
    'group.tasks[0]',
    /options/,
  ],
  'M28 members that are no list': [odd(group(one.s()), { kwargs: { tasks: { a: 1 } } }), 'group.tasks', /not a list/],
  'M28 a member that is text': [
    odd(group(one.s()), { kwargs: { tasks: ['one'] } }),
    'group.tasks[0]',
    /text|string|object/,
  ],
  'M28 a callback that is text': [odd(one.s(), { options: { link: ['text'] } }), 'one.link', /object/],
  'M28 an errback deep inside that is no signature': [
    chord([one.s()], odd(sum.s(), { options: { link_error: [{ args: [] }] } }) as never),
    'chord.body.linkError',
    /task/,
  ],
  'a chord without a body': [
    odd(chord([one.s()], sum.s()), { kwargs: { header: [one.s()] } }),
    'chord.body',
    /needs a body/,
  ],
  'a chord without a header': [
    odd(chord([one.s()], sum.s()), { kwargs: { body: sum.s() } }),
    'chord.header',
    /needs a header/,
  ],
  'a broken chord in the middle of a chain': [
    odd(chain(one.s(), inc.s()), {
      kwargs: { tasks: [one.s(), odd(chord([one.s()], sum.s()), { kwargs: { header: [] } })] },
    }),
    'chain.tasks[1].body',
    /needs a body/,
  ],
  'L07 a canvas that contains itself': [cyclic as never, 'group', /contains itself/],
  'L07 a canvas nested 129 deep': [nested(129), 'group', /128 deep/],
  'L07 a chain of 10,002 tasks': [row(10_001), 'chain', /10000 signatures/],
  'L07 a chain of 10,002 tasks beside one that would do': [
    group(one.s(), row(10_001) as never),
    'group',
    /10000 signatures/,
  ],
}

describe('a canvas that can never run is refused before anything is sent', () => {
  for (const [what, [canvas, path, problem]] of Object.entries(REFUSED)) {
    test(what, async () => {
      const app = new App('refusing')
      tasks(app)
      await using cluster = await testCluster({ app })
      await assert.rejects(app.applyCanvas(canvas), (error: unknown) => {
        const { code, path: told, message } = error as { code: string; path: string; message: string }
        assert.equal(code, 'LVG_BAD_CANVAS')
        assert.ok(told.startsWith(path), `${told} begins with ${path}`)
        assert.match(message, problem)
        return true
      })
      assert.deepEqual(cluster.tasks, [])
    })
  }

  test('what is no signature at all is refused where the canvas is made', () => {
    const made = [
      () => chain(one.s(), inc as never),
      () => group(one.s(), undefined as never),
      () => chord([one.s(), 7 as never], sum.s()),
      () => chord([one.s()], null as never),
    ]
    const paths = made.map(make => {
      try {
        make()
      } catch (error) {
        return (error as { path: string }).path
      }
      return 'made'
    })
    assert.deepEqual(paths, ['chain[1]', 'group[1]', 'chord.header[1]', 'chord.body[0]'])
  })

  test('a chain of 10,001 tasks, and a canvas nested 100 deep, are sent', async () => {
    const app = new App('large')
    tasks(app)
    await using cluster = await testCluster({ app, workers: 0 })
    await app.applyCanvas(row(10_000))
    await app.applyCanvas(nested(100))
    assert.equal(cluster.tasks.length, 102)
  })
})

describe('a chord that nobody would count', () => {
  const uncounted: Readonly<Record<string, readonly [canvas: Signature, path: string]>> = {
    'by itself': [chord([one.s()], sum.s()), 'chord'],
    'as a later step of a chain': [
      chain(one.s(), chord([inc.s()] as never, sum.s() as never) as never),
      'chain.tasks[1]',
    ],
    'as a group that something follows': [chain(one.s(), group(inc.s(), inc.s()), sum.s()), 'chain.tasks[1]'],
    'behind a callback': [
      addLink(one.s(), 'link', chord([inc.s()] as never, sum.s() as never) as never),
      'one.link[0]',
    ],
  }
  for (const resultBackend of ['disabled', 'rpc://']) {
    for (const [where, [canvas, path]] of Object.entries(uncounted)) {
      test(`${where}, is refused with results ${resultBackend}`, async () => {
        await using app = new App('idle', { brokerUrl: 'memory://', resultBackend }, { environment: {} })
        tasks(app)
        await assert.rejects(app.applyCanvas(canvas), { code: 'LVG_BAD_CANVAS', path })
      })
    }
  }

  test('that a client of another kind has sent all the same ends at once, with its errbacks', async () => {
    const app = new App('idle', { resultBackend: 'disabled' })
    const own = tasks(app)
    await using cluster = await testCluster({ app })
    const body = addLink(own.sum.s(), 'linkError', own.note.s())
    // As Python's client sends it: the chord is in the chain of a message.
    await own.one.applyAsync([], { chain: [chord([own.inc.s()] as never, body as never)] } as never)
    await cluster.drain()
    cluster.expect(own.note).toHaveRun({ times: 1 })
    cluster.expect(own.sum).notToHaveRun()
  })
})

describe('what a message holds of a canvas and cannot run ends as an error, and the rest of it is told', () => {
  const sig = { task: 'inc', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }
  const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`
  const later: Readonly<Record<string, readonly [step: Readonly<Record<string, unknown>>, error: RegExp]>> = {
    'M29 a step without a task': [{ ...sig, task: undefined }, /task/],
    'M29 a step whose arguments are no list': [{ ...sig, args: {} }, /task/],
    'M29 a chord without a body': [
      { ...sig, task: 'celery.chord', subtask_type: 'chord', kwargs: { header: [sig] } },
      /./,
    ],
    'M29 a group of text': [{ ...sig, task: 'celery.group', subtask_type: 'group', kwargs: { tasks: ['text'] } }, /./],
  }
  /** As a client sends it that checks nothing. */
  const foreign = (chain: readonly unknown[]): Message => ({
    headers: { lang: 'py', task: 'one', id: id(0), root_id: id(0) },
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', correlationId: id(0) },
    body: Buffer.from(JSON.stringify([[], {}, { callbacks: null, errbacks: null, chain, chord: null }])),
  })
  for (const [what, [step, error]] of Object.entries(later)) {
    test(what, async () => {
      const app = new App('worker')
      const own = tasks(app)
      await using cluster = await testCluster({ app })
      const last = { ...sig, options: { task_id: id(2) } }
      const steps = [last, { ...step, options: { task_id: id(1) } }]
      await using connection = await (await app.broker('write')).connect({ name: 'python' })
      await connection.publish(foreign(steps), { exchange: '', routingKey: 'celery' }, { publishId: 'given' })
      await cluster.drain()
      assert.equal(await app.result(id(0)).get(), 1)
      assert.equal(await app.result(id(1)).state(), 'FAILURE')
      assert.equal(await app.result(id(2)).state(), 'FAILURE')
      await assert.rejects(app.result(id(2)).get(), error)
      cluster.expect(own.inc).notToHaveRun()
    })
  }

  test('empty chains, groups and headers of other clients do no harm', async () => {
    const app = new App('worker')
    const own = tasks(app)
    await using cluster = await testCluster({ app })
    const empty = (type: string): Signature =>
      signatureFromDict({ ...sig, task: `celery.${type}`, subtask_type: type, kwargs: { tasks: [] } })
    assert.deepEqual(await (await app.applyCanvas(empty('group'))).get(), [])
    const headless = await app.applyCanvas(
      odd(chord([own.one.s()], own.sum.s()), { kwargs: { header: [], body: own.sum.s() } }),
    )
    assert.equal(await cluster.until(headless.get()), 0)
    const around = await app.applyCanvas(chain(own.one.s(), empty('group') as never, own.inc.s() as never))
    assert.equal(await cluster.until(around.get()), 2)
  })
})
