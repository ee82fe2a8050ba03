import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import type { Runtime } from '../../src/lib/runtime.js'
import type { DeadLetterReason } from '../../src/protocol/dead-letter.js'
import type { Headers, Message, Properties } from '../../src/protocol/message.js'
import { MemoryPlace, type Place, Rig, SqlitePlace } from '../support/worker/rig.js'

/*
 * Reliability §11, M01–M37: each bad message is published raw between two good ones. A dead letter must hold the
 * original bytes and the right reason, and one warning must name queue, size and reason; both neighbours run; the worker
 * stays up.
 */

type Outcome =
  /** Runs, with these arguments if given. */
  | { readonly run: readonly unknown[] | undefined }
  | { readonly dead: DeadLetterReason }
  /** Stored FAILURE of this type, no dead letter. */
  | { readonly fails: string }
  /** Goes back to the queue and waits for somebody else. */
  | 'waits'

interface Case {
  readonly what: string
  readonly message: Message
  readonly outcome: Outcome
  readonly settings?: SettingsInput
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const JSON_TYPE: Properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
const HEADERS: Headers = { task: 'ok', id: 'bad', lang: 'py' }

function message(parts: {
  readonly headers?: Readonly<Record<string, unknown>>
  readonly properties?: object
  readonly body?: string | Uint8Array
}): Message {
  const { headers = {}, properties = {}, body = '[[], {}, {}]' } = parts
  const merged = Object.entries({ ...HEADERS, ...headers }).filter(([, value]) => value !== ABSENT)
  const named = Object.entries<unknown>({ ...JSON_TYPE, ...properties }).filter(([, value]) => value !== ABSENT)
  return {
    headers: Object.fromEntries(merged),
    properties: Object.fromEntries(named),
    body: typeof body === 'string' ? utf8(body) : body,
  }
}

/** Takes a default away. */
const ABSENT = Symbol('absent')

const body = (text: string | Uint8Array) => message({ body: text })
const args = (text: string) => body(`[${text}, {}, {}]`)
const headers = (given: Headers) => message({ headers: given })
const properties = (given: object) => message({ properties: given })
const RUN: Outcome = { run: undefined }
const dead = (reason: DeadLetterReason): Outcome => ({ dead: reason })
const run = (...values: readonly unknown[]): Outcome => ({ run: values })
const c = (what: string, given: Message, outcome: Outcome, settings: SettingsInput = {}): Case => ({
  what,
  message: given,
  outcome,
  settings,
})

const packed = (bytes: Uint8Array, compression: string) => message({ headers: { compression }, body: bytes })
const PLAIN = utf8('[[], {}, {}]')
const ZEROS = Buffer.concat([utf8('["'), Buffer.alloc(8 * 1024 * 1024, 0x30), utf8('"]')])
const SMALL: SettingsInput = { limitBodyBytes: 1_000_000 }
const sig = { task: 'x', args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false }
const embed = (given: object | null) => body(`[[], {}, ${JSON.stringify(given)}]`)
const nested = (depth: number) => args(`${'['.repeat(depth)}${']'.repeat(depth)}`)
const typed = (type: string, value: unknown) => args(`[${JSON.stringify({ __type__: type, __value__: value })}]`)

const CASES: readonly Case[] = [
  c('M01 an empty body', body(''), dead('malformed')),
  c('M01 no bytes with a compression header', packed(new Uint8Array(), 'application/x-gzip'), dead('malformed')),

  c('M02 truncated JSON', body('[[1, 2'), dead('undecodable')),
  c('M02 trailing garbage', body('[[], {}, {}] x'), dead('undecodable')),
  c('M02 two documents', body('[[], {}, {}][[], {}, {}]'), dead('undecodable')),
  c('M02 a byte order mark', body('\uFEFF[[7], {}, {}]'), run(7)),

  c('M03 invalid UTF-8', body(Buffer.from('5b5b22ff225d2c7b7d2c7b7d5d', 'hex')), dead('undecodable')),
  c('M03 an overlong encoding', body(Buffer.from('5b5b22c0af225d2c7b7d2c7b7d5d', 'hex')), dead('undecodable')),
  c('M03 a lone surrogate, escaped', args('["\\ud800x"]'), run('\ud800x')),

  c('M04 no content type', properties({ contentType: ABSENT }), dead('disallowed-content')),
  c('M04 an unknown content type', properties({ contentType: 'application/x-strange' }), dead('disallowed-content')),
  c('M04 upper case and parameters', properties({ contentType: 'Application/JSON; charset=utf-8' }), RUN),

  ...['application/x-python-serialize', 'application/x-yaml', 'application/x-msgpack', 'application/data'].map(type =>
    c(
      `M05 ${type}, which is not accepted`,
      message({ properties: { contentType: type }, body: 'cos\nsystem\n' }),
      dead('disallowed-content'),
    ),
  ),

  ...['binary', 'utf-16', 'nonsense'].map(encoding =>
    c(`M06 content encoding ${encoding}`, properties({ contentEncoding: encoding }), dead('undecodable')),
  ),

  c('M07 an unknown compression', packed(PLAIN, 'rot13'), dead('undecodable')),
  c('M07 a compression that is no text', headers({ compression: { a: 1 } }), dead('undecodable')),
  c('M07 garbage under a compression', packed(utf8('garbage'), 'application/x-gzip'), dead('undecodable')),
  c('M07 a truncated stream', packed(deflateSync(PLAIN).subarray(0, -4), 'application/x-gzip'), dead('undecodable')),
  c(
    'M07 another algorithm than announced',
    packed(brotliCompressSync(PLAIN), 'application/x-gzip'),
    dead('undecodable'),
  ),
  c(
    'M07 two streams after another',
    packed(Buffer.concat([deflateSync(PLAIN), deflateSync(PLAIN)]), 'gzip'),
    dead('undecodable'),
  ),
  c('M07 a gzip container under the name gzip, which means zlib', packed(gzipSync(PLAIN), 'gzip'), dead('undecodable')),
  c('M07 a whole stream', packed(deflateSync(utf8('[[7], {}, {}]')), 'application/x-gzip'), run(7)),

  c('M08 a bomb of zlib', packed(deflateSync(ZEROS), 'application/x-gzip'), dead('too-large'), SMALL),
  c('M08 a bomb of brotli', packed(brotliCompressSync(ZEROS), 'application/x-brotli'), dead('too-large'), SMALL),

  c('M09 compressed twice', packed(deflateSync(deflateSync(PLAIN)), 'application/x-gzip'), dead('undecodable')),

  c('M10 a body over the limit', args(`["${'x'.repeat(60_000)}"]`), dead('too-large'), { limitMessageBytes: 50_000 }),
  c('M10 a body just under it', args(`["${'x'.repeat(49_000)}"]`), RUN, { limitMessageBytes: 50_000 }),

  c('M11 nested 10⁴ deep', nested(10_000), dead('malformed')),
  c('M11 nested 10⁶ deep', nested(1_000_000), dead('malformed')),
  c('M11 nested deep and never closed', body('['.repeat(1_000_000)), dead('malformed')),

  c('M12 10⁶ keys', args(`[{${Array.from({ length: 1_000_000 }, (_, i) => `"k${i}":0`).join()}}]`), RUN),
  c('M12 10⁶ equal keys', args(`[{${'"k":1,'.repeat(1_000_000)}"k":2}]`), run({ k: 2 })),
  c('M12 10⁶ elements', args(`[[${'0,'.repeat(999_999)}0]]`), RUN),
  c('M12 more values than the limit', args(`[[${'0,'.repeat(5_000)}0]]`), dead('too-large'), { limitValues: 5_000 }),

  c('M13 duplicate keys', args('[{"a": 1, "a": 2}]'), run({ a: 2 })),

  c(
    'M14 keys that mean something to JavaScript',
    args('[{"constructor": 1, "prototype": 2, "toString": 3, "hasOwnProperty": 4, "then": 5}]'),
    run({ constructor: 1, prototype: 2, toString: 3, hasOwnProperty: 4, then: 5 }),
  ),
  c('M14 the key __proto__', args('[{"__proto__": {"polluted": true}}]'), RUN),
  c('M14 keyword arguments of such names', body('[[], {"__proto__": {"polluted": true}, "constructor": 1}, {}]'), RUN),

  c('M15 an integer beyond 2⁵³', args('[123456789012345678901234567890]'), RUN),
  c('M15 an integer of 4,300 digits', args(`[${'9'.repeat(4300)}]`), RUN),
  c('M15 an integer of 4,301 digits', args(`[${'9'.repeat(4301)}]`), dead('malformed')),

  c(
    'M16 what Python writes for no number',
    args('[NaN, Infinity, -Infinity]'),
    run(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  ),
  c('M17 -0, 1.0 and 1e400', args('[-0, 1.0, 1e400]'), run(-0, 1, Number.POSITIVE_INFINITY)),

  c('M18 control characters in data', args('["\\u0000\\u001b[31m"]'), run('\u0000\u001b[31m')),
  c('M18 a NUL in the task name', headers({ task: 'a\u0000b' }), dead('malformed')),
  c('M18 a line break in the id', headers({ id: 'a\nb' }), dead('malformed')),
  c('M18 control characters in a header nobody knows', headers({ x: '\u0000\n' }), RUN),

  c('M19 a datetime that is none', typed('datetime', 'yesterday'), dead('malformed')),
  c('M19 a datetime of another type', typed('datetime', [1]), dead('malformed')),
  c('M19 a uuid without its value', args('[{"__type__": "uuid", "__value__": null}]'), dead('malformed')),
  c('M19 a decimal that is none', typed('decimal', 'ten'), dead('malformed')),
  c('M19 bytes that are no base64', typed('base64', '%%%'), dead('malformed')),
  c('M19 one within another', typed('datetime', { __type__: 'datetime', __value__: 'x' }), dead('malformed')),
  c('M19 an unknown tag', typed('unheard-of', 1), run({ __type__: 'unheard-of', __value__: 1 })),

  ...['null', '42', '"text"', 'true', '[]', '[[]]', '[[], {}]', '[[], {}, {}, {}]'].map(text =>
    c(`M20 the body ${text}`, body(text), dead('malformed')),
  ),
  c('M20 args that are no list', body('[{"a": 1}, {}, {}]'), dead('malformed')),
  c('M20 kwargs that are no object', body('[[], [1], {}]'), dead('malformed')),
  c('M20 kwargs that are null', body('[[], null, {}]'), dead('malformed')),
  c('M20 an embed that is a list', body('[[], {}, [1]]'), dead('malformed')),
  c('M20 an embed that is null', embed(null), RUN),
  c('M20 an embed with only strangers', embed({ strange: 1 }), RUN),

  c('M21 no task', headers({ task: ABSENT }), dead('malformed')),
  ...[42, { a: 1 }, '', 'x'.repeat(10_240), ['a']].map(task =>
    c(`M21 the task ${JSON.stringify(task).slice(0, 20)}`, headers({ task }), dead('malformed')),
  ),

  c('M22 no id', headers({ id: ABSENT }), dead('malformed')),
  ...[42, '', 'x'.repeat(1024), null].map(id =>
    c(`M22 the id ${JSON.stringify(id).slice(0, 20)}`, headers({ id }), dead('malformed')),
  ),
  c('M22 an id that is no UUID', headers({ id: 'bad' }), RUN),

  c('M23 another language', headers({ lang: 'cobol' }), RUN),
  c('M23 no language', headers({ lang: ABSENT }), RUN),

  ...['soon', '', '2026-13-01T00:00:00', '0001-01-01T00:00:00', '9999-12-31T23:59:59', 42].map(eta =>
    c(`M24 the eta ${JSON.stringify(eta)}`, headers({ eta }), dead('malformed')),
  ),
  ...['soon', '2026-02-30T00:00:00Z', [1], true].map(expires =>
    c(`M24 the expiry ${JSON.stringify(expires)}`, headers({ expires }), dead('malformed')),
  ),
  c('M24 an eta without zone', headers({ eta: '2026-09-21T13:00:00' }), RUN),
  c('M24 an eta with Z and microseconds', headers({ eta: '2026-09-21T13:00:00.123456Z' }), RUN),
  c('M24 an expiry in seconds', headers({ expires: 3600 }), RUN),

  ...[-1, 1.5, '1', 2 ** 31, Number.NaN].map(retries =>
    c(
      `M25 retries ${JSON.stringify(retries)}${Number.isNaN(retries) ? ' (NaN)' : ''}`,
      headers({ retries }),
      dead('malformed'),
    ),
  ),

  ...[42, [1], [1, 2, 3], [-1, null], [1, 2], ['1', null], [Number.NaN, null]].map(timelimit =>
    c(`M26 the limits ${JSON.stringify(timelimit)}`, headers({ timelimit }), dead('malformed')),
  ),
  c('M26 limits of zero, which are none', headers({ timelimit: [0, 0] }), RUN),

  c('M27 a negative group index', headers({ group: 'g', group_index: -1 }), RUN),
  c('M27 a huge group index', headers({ group: 'g', group_index: 2 ** 52 }), RUN),
  c('M27 a group index that is text', headers({ group: 'g', group_index: '1' }), dead('malformed')),
  c('M27 a group without chord', headers({ group: 'g' }), RUN),
  c(
    'M27 a chord whose size nobody knows',
    message({ headers: { group: 'g', group_index: 0 }, body: `[[], {}, ${JSON.stringify({ chord: sig })}]` }),
    RUN,
  ),

  ...['callbacks', 'errbacks', 'chain'].flatMap(name => [
    c(`M28 ${name} that are no list`, embed({ [name]: { a: 1 } }), dead('malformed')),
    c(`M28 ${name} that hold text`, embed({ [name]: ['text'] }), dead('malformed')),
  ]),
  c('M28 a chord that is no signature', embed({ chord: [1] }), dead('malformed')),
  c('M28 10⁵ signatures', embed({ callbacks: Array.from({ length: 100_000 }, () => sig) }), dead('malformed')),

  c('M29 a callback without a task', embed({ callbacks: [{ ...sig, task: undefined }] }), RUN),
  c(
    'M29 a callback of an unknown kind',
    embed({ callbacks: [{ ...sig, task: 'good', args: [3], subtask_type: 'mystery' }] }),
    RUN,
  ),
  c('M29 a callback whose options are a list', embed({ callbacks: [{ ...sig, options: [1] }] }), RUN),
  c("M29 a callback with another task's id", embed({ callbacks: [{ ...sig, options: { task_id: 'good-1' } }] }), RUN),

  c(
    'M30 protocol 1',
    message({ headers: { task: ABSENT, id: ABSENT }, body: '{"task": "ok", "id": "bad", "args": [7]}' }),
    run(7),
  ),
  c(
    'M30 protocol 1 with utc false and taskset',
    message({
      headers: { task: ABSENT, id: ABSENT },
      body: '{"task": "ok", "id": "bad", "args": [], "kwargs": {}, "utc": false, "taskset": "g"}',
    }),
    RUN,
  ),
  c(
    'M30 protocol 1 without id',
    message({ headers: { task: ABSENT, id: ABSENT }, body: '{"task": "ok", "args": []}' }),
    dead('malformed'),
  ),

  c('M31 protocol 3', headers({ protocol: 3 }), dead('unsupported-version')),

  c(
    'M32 JSON that is no task',
    message({ headers: { task: ABSENT, id: ABSENT }, body: '{"hello": "world"}' }),
    dead('malformed'),
  ),
  c(
    'M32 plain text',
    { headers: {}, properties: { contentType: 'text/plain' }, body: utf8('hello') },
    dead('disallowed-content'),
  ),
  c(
    'M32 bytes without any word about them',
    { headers: {}, properties: {}, body: new Uint8Array([0, 255, 1, 254]) },
    dead('disallowed-content'),
  ),
  c(
    'M32 an e-mail that says it is JSON',
    message({ headers: { task: ABSENT, id: ABSENT }, body: 'From: a@b\r\nSubject: c\r\n\r\nHi' }),
    dead('undecodable'),
  ),

  ...[
    'nowhere',
    '../../etc/passwd',
    'file:///etc/passwd',
    'node:child_process',
    'http://x/',
    'a b',
    'x'.repeat(255),
  ].map(task => c(`M33 the unknown task ${task.slice(0, 30)}`, headers({ task }), 'waits')),

  c('M34 no correlation id', properties({ correlationId: ABSENT }), RUN),
  c('M34 a huge answer queue with wildcards', properties({ replyTo: '*.#'.repeat(10_000) }), RUN),

  ...[-1, 11, 255, 300].map(priority => c(`M35 priority ${priority}`, properties({ priority }), RUN)),
  c('M35 a priority that is text', properties({ priority: 'high' }), dead('malformed')),

  c('M36 other properties of nonsense', properties({ deliveryMode: 'x', expiration: 'never', timestamp: 'then' }), RUN),

  c(
    'M37 10⁴ headers',
    headers(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`h${i}`, i]))),
    dead('too-large'),
  ),
  c('M37 a header of 1 MiB', headers({ big: 'x'.repeat(1024 * 1024) }), dead('too-large')),
  c(
    'M37 more headers than the setting allows',
    headers(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`h${i}`, i]))),
    dead('too-large'),
    { limitHeaders: 10 },
  ),
  c(
    'M37 headers of AMQP types',
    headers({
      date: new Date(0),
      bytes: new Uint8Array([1, 2]),
      list: [1, [2]],
      table: { a: { b: null } },
      big: 2n ** 60n,
      none: null,
      flag: true,
    }),
    RUN,
  ),
]

const PLACES: readonly (readonly [string, (runtime: Runtime) => Place])[] = [
  ['memory', runtime => new MemoryPlace(runtime)],
  ['sqlite', () => new SqlitePlace()],
]

for (const [name, place] of PLACES) {
  describe(`a message that is not what it should be, on ${name}`, () => {
    for (const { what, message: bad, outcome, settings = {} } of CASES) {
      test(what, async () => {
        const seen: unknown[][] = []
        const define = (app: App): void => {
          app.task('good', (n: number) => n)
          app.task('ok', (...given: unknown[]) => void seen.push(given))
        }
        await using rig = new Rig(place, define, settings)
        const worker = await rig.worker()
        const good = (id: string, n: number) => message({ headers: { task: 'good', id }, body: `[[${n}], {}, {}]` })
        await rig.publish(good('good-1', 1), 'g1')
        await rig.publish(bad, 'bad')
        await rig.publish(good('good-2', 2), 'g2')
        await rig.pass(3000)

        assert.deepEqual([(await rig.meta('good-1'))?.result, (await rig.meta('good-2'))?.result], [1, 2], 'neighbours')
        const letters = await rig.dead()
        assert.equal(({} as { polluted?: unknown }).polluted, undefined)
        const connection = await rig.connection()
        const { ready, held, delayed } = await rig.wait(connection.stats('celery' as never))
        if (outcome === 'waits') {
          assert.deepEqual([letters.length, ready + held, delayed], [0, 0, 1])
        } else {
          assert.equal(ready + held + delayed, 0, 'nothing is left in the queue')
          if ('dead' in outcome) sameLetter(letters, bad, outcome.dead, rig.runtime.lines)
          else assert.equal(letters.length, 0, letters[0]?.record.detail)
        }
        if (typeof outcome === 'object' && 'run' in outcome) {
          assert.equal(seen.length, 1, 'it runs')
          if (outcome.run !== undefined) assert.deepEqual(seen[0], outcome.run)
        } else assert.equal(seen.length, 0)
        assert.deepEqual(
          rig.runtime.lines.filter(line => line.level === 'critical'),
          [],
        )
        assert.equal(await Promise.race([worker.closed, 'up']), 'up')
      })
    }
  })
}

function sameLetter(
  letters: Awaited<ReturnType<Rig['dead']>>,
  bad: Message,
  reason: DeadLetterReason,
  lines: Rig['runtime']['lines'],
): void {
  const [letter, more] = letters
  assert.equal(more, undefined)
  assert.equal(letter?.record.reason, reason, letter?.record.detail)
  assert.ok(Buffer.from(bad.body).equals(letter?.message.body ?? Buffer.alloc(0)), 'the original bytes')
  assert.deepEqual(letter?.message.headers, bad.headers)
  const { expiration: _, ...kept } = bad.properties as Record<string, unknown>
  assert.deepEqual({ ...letter?.message.properties }, kept)
  const warnings = lines.filter(line => line.level === 'warning' && line.message.startsWith(`Dead letter (${reason})`))
  assert.equal(warnings.length, 1)
  const [warning] = warnings
  assert.match(warning?.message ?? '', new RegExp(`from celery, ${bad.body.byteLength} bytes`))
  assert.doesNotMatch(warning?.message ?? '', /\p{Cc}/u)
  assert.ok((warning?.message.length ?? 0) < 1000)
}
