import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCodec } from './create-codec.js'
import type { DeadLetterReason } from './dead-letter.js'
import { decodeTask, decodeTaskInTurns, isLarge, type MalformedTask } from './decode-task.js'
import type { Headers, Message, Properties } from './message.js'
import type { TaskRequest } from './request.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })
const NOW = Date.UTC(2026, 10, 20, 12)

const HEADERS: Headers = {
  lang: 'py',
  task: 'shop.add',
  id: 'one',
  shadow: null,
  eta: null,
  expires: null,
  group: null,
  group_index: null,
  retries: 0,
  timelimit: [null, null],
  root_id: 'one',
  parent_id: null,
  argsrepr: '(2, 3)',
  kwargsrepr: '{}',
  origin: 'gen1@host',
  ignore_result: false,
  replaced_task_nesting: 0,
  stamped_headers: null,
  stamps: {},
}

const SIG = { task: 'shop.mul', args: [10], kwargs: {}, options: {}, subtask_type: null, immutable: false }

interface Change {
  readonly headers?: Headers
  readonly without?: string
  readonly body?: unknown
  readonly text?: string
  readonly properties?: Readonly<Record<string, unknown>>
}

function message({ headers, without, body = [[2, 3], {}, null], text, properties }: Change = {}): Message {
  const all: Record<string, unknown> = { ...HEADERS, ...headers }
  if (without !== undefined) delete all[without]
  return {
    headers: all,
    properties: { contentType: 'application/json', contentEncoding: 'utf-8', ...properties } as Properties,
    body: Buffer.from(text ?? JSON.stringify(body)),
  }
}

function run(change?: Change): TaskRequest {
  const decoded = decodeTask(message(change), codec, { now: NOW })
  if (decoded.kind === 'malformed') assert.fail(`${decoded.reason}: ${decoded.detail}`)
  return decoded.request
}

function refused(change: Change, reason: DeadLetterReason = 'malformed'): MalformedTask {
  const decoded = decodeTask(message(change), codec, { now: NOW })
  if (decoded.kind === 'task') assert.fail(`ran: ${JSON.stringify(change)}`)
  assert.equal(decoded.reason, reason, decoded.detail)
  assert.ok(decoded.detail.length > 0 && decoded.detail.length < 512)
  return decoded
}

describe('decodeTask', () => {
  it('reads every header, property and member of protocol 2', () => {
    const request = run({
      headers: {
        shadow: 'shown',
        eta: '2026-11-20T13:00:00.250000+01:00',
        expires: '2026-11-20T13:00:00',
        group: 'g',
        group_index: 4,
        retries: 2,
        timelimit: [30, 20.5],
        root_id: 'root',
        parent_id: 'parent',
        ignore_result: true,
        replaced_task_nesting: 3,
        stamped_headers: ['s'],
        stamps: { s: 1 },
        'x-tenant': 'acme',
      },
      body: [[1], { k: 'v' }, { callbacks: [SIG], errbacks: [SIG, SIG], chain: [SIG], chord: SIG }],
      properties: { replyTo: 'reply', correlationId: 'one', priority: 5 },
    })
    const { message: original, callbacks, errbacks, chain, chord, ...rest } = request
    assert.deepEqual(rest, {
      protocol: 2,
      id: 'one',
      task: 'shop.add',
      args: [1],
      kwargs: { k: 'v' },
      lang: 'py',
      shadow: 'shown',
      eta: NOW + 250,
      expires: NOW + 3_600_000,
      retries: 2,
      timeLimit: 30_000,
      softTimeLimit: 20_500,
      rootId: 'root',
      parentId: 'parent',
      group: 'g',
      groupIndex: 4,
      argsrepr: '(2, 3)',
      kwargsrepr: '{}',
      origin: 'gen1@host',
      ignoreResult: true,
      replacedTaskNesting: 3,
      stampedHeaders: ['s'],
      stamps: { s: 1 },
      headers: { 'x-tenant': 'acme' },
      replyTo: 'reply',
      correlationId: 'one',
      priority: 5,
    })
    assert.deepEqual([callbacks.length, errbacks.length, chain.length, chord?.task], [1, 2, 1, 'shop.mul'])
    assert.equal(original.headers['x-tenant'], 'acme')
  })

  it('a message with nothing but task and id runs', () => {
    const request = decodeTask({ ...message(), headers: { task: 't', id: 'i' } }, codec)
    if (request.kind === 'malformed') assert.fail(request.detail)
    const { rootId, retries, timeLimit, ignoreResult, argsrepr, stamps, headers } = request.request
    assert.deepEqual([rootId, retries, timeLimit, ignoreResult, argsrepr], ['i', 0, undefined, undefined, '(2, 3)'])
    assert.deepEqual([stamps, headers], [{}, {}])
  })

  it('custom headers leave out what is noted on one delivery', () => {
    const headers = {
      'x-death': [],
      'x-first-death-queue': 'q',
      'x-delivery-count': 2,
      redelivered: true,
      'x-deathly': 1,
    }
    assert.deepEqual(run({ headers }).headers, { 'x-deathly': 1 })
  })

  it('numbers in embedded signatures stay as Python wrote them', () => {
    const text = '[[1.0], {}, {"callbacks": [{"task": "t", "args": [1.0, 123456789012345678901]}]}]'
    const [callback] = run({ text }).callbacks
    assert.equal(String(callback?.args[0]), '1.0')
    assert.equal(callback?.args[1], 123456789012345678901n)
  })

  it('a key named __proto__ in arguments is data (M14)', () => {
    const { kwargs } = run({ text: '[[], {"__proto__": {"polluted": true}}, null]' })
    assert.deepEqual(Object.keys(kwargs), ['__proto__'])
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  })
})

describe('decodeTask refuses', () => {
  it('M01 an empty body', () => {
    refused({ text: '' })
  })

  it('M02, M05 bodies the codec refuses, with its reason', () => {
    refused({ text: '[[' }, 'undecodable')
    refused({ properties: { contentType: 'application/x-yaml' } }, 'disallowed-content')
    refused({ properties: { contentType: undefined } }, 'disallowed-content')
  })

  it('M07 an unknown compression', () => {
    refused({ headers: { compression: 'application/x-none' } }, 'undecodable')
    refused({ headers: { compression: 7 } }, 'undecodable')
  })

  it('M20 bodies that are not [args, kwargs, embed]; embed null or without members runs', () => {
    for (const body of [[], [[]], [[], {}], [[], {}, null, 1], 'text', 7, null, true]) refused({ body })
    refused({ body: [{}, {}, null] })
    refused({ body: ['args', {}, null] })
    refused({ body: [[], [], null] })
    refused({ body: [[], null, null] })
    refused({ body: [[], {}, 'embed'] })
    refused({ body: [[], {}, []] })
    refused({ body: [[], { __type__: 'uuid', __value__: { hex: '0'.repeat(32) } }, null] })
    for (const embed of [null, {}, { callbacks: null }, { chain: [] }])
      assert.equal(run({ body: [[], {}, embed] }).chord, undefined)
  })

  it('M21 task names that are none', () => {
    for (const task of ['', 7, {}, ['t'], true, 'x'.repeat(10_240), 'a\u0000b', 'a\nb']) refused({ headers: { task } })
    refused({ without: 'task' })
  })

  it('M22 ids that are missing, empty, too long or no text; any other text runs', () => {
    for (const id of ['', null, 7, {}, 'x'.repeat(1024), 'ž'.repeat(128)]) refused({ headers: { id } })
    refused({ without: 'id' })
    for (const id of ['not a uuid', 'ž'.repeat(127), '*', '../..']) assert.equal(run({ headers: { id } }).id, id)
  })

  it('M23 no language: any of them runs', () => {
    for (const lang of ['js', '', null, 7])
      assert.equal(run({ headers: { lang } }).lang, lang === 'js' ? 'js' : undefined)
    assert.equal(run({ without: 'lang' }).lang, undefined)
  })

  it('M24 times that are none or beyond ten years', () => {
    for (const time of [
      '',
      'tomorrow',
      '2026-13-01T00:00:00',
      '2026-11-20T25:00:00',
      {},
      [],
      true,
      '0001-01-01T00:00:00',
      '9999-12-31T23:59:59',
      `1${'0'.repeat(9)}-01-01`,
    ]) {
      refused({ headers: { eta: time } })
      refused({ headers: { expires: time } })
    }
    refused({ headers: { eta: 12345 } })
    refused({ headers: { expires: 1e300 } })
  })

  it('M24 times in every spelling of ISO 8601 run, and numbers in expires', () => {
    const spellings = [
      '2026-11-20T12:00:00Z',
      '2026-11-20T12:00:00',
      '2026-11-20T12:00:00.000000+00:00',
      '2026-11-20T14:30:00+0230',
      '20261120T120000Z',
    ]
    for (const eta of spellings) assert.equal(run({ headers: { eta } }).eta, NOW, eta)
    assert.equal(run({ headers: { expires: 60 } }).expires, NOW + 60_000)
    assert.equal(run({ headers: { expires: NOW / 1000 + 60 } }).expires, NOW + 60_000)
    assert.equal(run({ headers: { eta: new Date(NOW) } }).eta, NOW)
  })

  it('without a clock, times are read and not judged', () => {
    const decoded = decodeTask(message({ headers: { eta: '0001-01-01T00:00:00Z', expires: 60 } }), codec)
    if (decoded.kind === 'malformed') assert.fail(decoded.detail)
    assert.equal(decoded.request.eta, -62_135_596_800_000)
    assert.equal(decoded.request.expires, undefined)
  })

  it('M25 retries that are no count', () => {
    for (const retries of [-1, 1.5, '1', 2 ** 31, 2n ** 70n, Number.NaN, {}]) refused({ headers: { retries } })
    assert.equal(run({ headers: { retries: null } }).retries, 0)
    assert.equal(run({ headers: { retries: 2 ** 31 - 1 } }).retries, 2 ** 31 - 1)
  })

  it('M26 time limits that are no pair of spans; zero is none', () => {
    for (const timelimit of [
      5,
      '5',
      [1],
      [1, 2, 3],
      [-1, null],
      [null, -1],
      [10, 20],
      [Number.NaN, null],
      ['5', null],
      {},
    ]) {
      refused({ headers: { timelimit } })
    }
    for (const timelimit of [null, [null, null], [0, 0]])
      assert.equal(run({ headers: { timelimit } }).timeLimit, undefined)
    assert.deepEqual(
      [run({ headers: { timelimit: [0, 5] } }).timeLimit, run({ headers: { timelimit: [0, 5] } }).softTimeLimit],
      [undefined, 5000],
    )
  })

  it('M27 a group index that is text; negative and missing ones run', () => {
    for (const group_index of ['1', {}, [], true]) refused({ headers: { group_index } })
    assert.equal(run({ headers: { group_index: -3 } }).groupIndex, -3)
    assert.equal(run({ headers: { group_index: 2n ** 60n } }).groupIndex, 2 ** 60)
    assert.equal(run({ headers: { group: 'g' } }).groupIndex, undefined)
  })

  it('M28 embedded canvas that is none, or beyond L07', () => {
    for (const member of ['callbacks', 'errbacks', 'chain']) {
      for (const value of ['text', 7, {}, true, ['text'], [null], [[]], [7]])
        refused({ body: [[], {}, { [member]: value }] })
    }
    for (const chord of ['text', 7, true, []]) refused({ body: [[], {}, { chord }] })
    refused({ body: [[], {}, { callbacks: Array.from({ length: 10_001 }, () => ({ task: 't' })) }] })
    refused({
      body: [
        [],
        {},
        { chord: { task: 'celery.group', kwargs: { tasks: Array.from({ length: 100_000 }, () => ({})) } } },
      ],
    })
    assert.equal(run({ body: [[], {}, { chord: nested(127) }] }).chord?.task, 't')
    refused({ body: [[], {}, { chord: nested(129) }] })
  })

  it('M29 a malformed signature only when it is needed: it runs, without a task name', () => {
    const odd = [
      {},
      { task: 7 },
      { task: 't', options: [] },
      { task: 't', args: {} },
      { task: 't', kwargs: [] },
      { task: 't', subtask_type: 7 },
    ]
    for (const dict of odd)
      assert.equal(run({ body: [[], {}, { callbacks: [dict] }] }).callbacks[0]?.task, '', JSON.stringify(dict))
    const strange = run({
      body: [[], {}, { callbacks: [{ ...SIG, subtask_type: 'tree', options: { task_id: 'other' } }] }],
    })
    assert.equal(strange.callbacks[0]?.subtaskType, 'tree')
  })

  it('M30 protocol 1 without an id', () => {
    assert.equal(refused({ without: 'task', body: { task: 't', args: [] } }).task, 't')
  })

  it('M31 a protocol we do not know', () => {
    refused({ headers: { protocol: 3 } }, 'unsupported-version')
    refused({ without: 'task', body: { task: 't', id: 'i', protocol: 3 } }, 'unsupported-version')
    for (const protocol of [1, 2, 'https', null]) assert.equal(run({ headers: { protocol } }).id, 'one')
  })

  it('M32 foreign JSON, text, bytes, an e-mail', () => {
    for (const body of [{ hello: 'world' }, ['a'], 'From: someone@example.com', 42, null])
      refused({ without: 'task', body })
    refused({ without: 'task', text: 'From: someone@example.com\r\n\r\nhello' }, 'undecodable')
  })

  it('M34 to M36 nothing but a priority that is text; the others are clamped or ignored', () => {
    refused({ properties: { priority: '5' } })
    const priorities = [
      [-1, 0],
      [11, 11],
      [255, 255],
      [300, 255],
      [2.7, 2],
      [null, undefined],
    ] as const
    for (const [given, read] of priorities) assert.equal(run({ properties: { priority: given } }).priority, read)
    const garbage = {
      deliveryMode: 'x',
      expiration: {},
      timestamp: 'now',
      replyTo: 'a*.#'.repeat(1000),
      correlationId: 7,
    }
    assert.equal(run({ properties: garbage }).correlationId, undefined)
  })

  it('M37 more headers, or larger ones, than L05 allows; AMQP types run', () => {
    refused({ headers: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, i])) }, 'too-large')
    refused({ headers: { 'x-big': 'x'.repeat(2 ** 20) } }, 'too-large')
    refused({ headers: { 'x-big': Array.from({ length: 50_000 }, () => 'žž') } }, 'too-large')
    refused({ headers: { 'x-big': new Uint8Array(200_000) } }, 'too-large')
    const typed = { at: new Date(0), raw: Buffer.from('x'), list: [1, null, [true]], table: { deep: { er: 1n } } }
    assert.deepEqual(run({ headers: typed }).headers, typed)
    assert.equal(String(run({ headers: { 'x-text': 'ž'.repeat(50_000) } }).headers['x-text']).length, 50_000)
  })

  it('with id and task as far as they are known, so that a failure can be stored', () => {
    assert.deepEqual([refused({ body: [] }).id, refused({ body: [] }).task], ['one', 'shop.add'])
    const { id, task } = refused({ without: 'task', body: { task: 't', id: 'i', args: 7 } })
    assert.deepEqual([id, task], ['i', 't'])
    assert.equal(refused({ headers: { id: '' } }).id, undefined)
  })

  it('with an escaped excerpt in one line', () => {
    const { detail } = refused({ headers: { retries: `7\n${'x'.repeat(1000)}` } })
    assert.ok(!detail.includes('\n'))
    assert.match(detail, /retries .* '7\\nx+/)
  })
})

describe('decodeTask reads the older protocols', () => {
  const V1 = { task: 't', id: 'i', args: [1], kwargs: { k: 2 }, retries: 1, eta: '2026-11-20T12:00:00', utc: false }

  it('M30 protocol 1, with and without utc and taskset', () => {
    const request = run({
      without: 'task',
      body: { ...V1, taskset: 'tg', group: 'g', timelimit: [3, 2], callbacks: [SIG], chord: SIG },
    })
    assert.deepEqual([request.protocol, request.id, request.rootId, request.eta], [1, 'i', 'i', NOW])
    assert.deepEqual(
      [request.group, request.timeLimit, request.callbacks.length, request.chord?.task],
      ['tg', 3000, 1, 'shop.mul'],
    )
    assert.deepEqual([request.argsrepr, request.kwargsrepr], ['(1,)', "{'k': 2}"])
    assert.equal(run({ without: 'task', body: { ...V1, group: 'g' } }).group, 'g')
    assert.deepEqual(run({ without: 'task', body: { task: 't', id: 'i' } }).args, [])
  })

  it('protocol 1 has no chain of its own', () => {
    assert.deepEqual(run({ without: 'task', body: { ...V1, chain: [SIG] } }).chain, [])
  })

  it('a hybrid takes its fields from the body, and headers win', () => {
    const request = run({ body: { ...V1, task: 'other', retries: 4 }, headers: { retries: null, timelimit: null } })
    assert.deepEqual([request.task, request.id, request.retries, request.args], ['shop.add', 'one', 4, [1]])
    refused({ body: { kwargs: {} } })
  })
})

/** `depth` signatures, each the chord body of the one before. */
function nested(depth: number): unknown {
  let signature: Record<string, unknown> = { task: 't' }
  for (let i = 1; i < depth; i++) signature = { task: 't', options: { chord: signature } }
  return signature
}

describe('a message read in turns', () => {
  const turn = async (): Promise<void> => undefined
  const long = 'x'.repeat(300_000)
  const changes: readonly Change[] = [
    { body: [[long], { k: 1 }, null] },
    { text: `[["${long}"], {}, {"callbacks": [${JSON.stringify(SIG).replace('10', '1.0')}]}]` },
    { body: { a: long } },
    { text: `[["${long}"], {}` },
    { body: [[long], {}, null], headers: { retries: 'many' } },
    { body: [[long], {}, null], headers: { task: null } },
    { body: [[1], {}, null], headers: { compression: 'rot13' } },
  ]
  for (const change of changes) {
    it(`is what it is when read at once: ${JSON.stringify(change).slice(0, 60)}`, async () => {
      const given = message(change)
      assert.ok(isLarge(given))
      assert.deepEqual(
        await decodeTaskInTurns(given, codec, turn, { now: NOW }),
        decodeTask(given, codec, { now: NOW }),
      )
    })
  }

  it('shows no arguments that the message does not show itself', async () => {
    const given = message({ without: 'argsrepr', body: [[long], {}, null] })
    const decoded = await decodeTaskInTurns(given, codec, turn, { now: NOW })
    assert.deepEqual(decoded.kind === 'task' && [decoded.request.argsrepr, decoded.request.kwargsrepr], ['...', '{}'])
  })
})
