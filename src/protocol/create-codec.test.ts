import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { ConfigError } from '../lib/errors.js'
import type { Encoded } from './codec.js'
import { type CodecOptions, createCodec } from './create-codec.js'
import type { DeadLetterReason } from './dead-letter.js'
import { EncodeError } from './errors.js'
import { pickle } from './pickle.js'
import { ExactNumber } from './values.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })

type Change = Partial<Record<keyof Encoded, unknown>>

/** A JSON message with something changed. Senders may put anything anywhere, hence the cast. */
function message(change: Change = {}): Encoded {
  const sent = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    compression: undefined,
    body: '[1]',
    ...change,
  }
  return { ...sent, body: typeof sent.body === 'string' ? Buffer.from(sent.body) : sent.body } as Encoded
}

function reason(change: Change, options?: Partial<CodecOptions>): DeadLetterReason | 'read' {
  const reader = options === undefined ? codec : createCodec({ accept: ['json'], serializer: 'json', ...options })
  const decoded = reader.decode(message(change))
  if (decoded.kind === 'value') return 'read'
  assert.ok(decoded.detail.length > 0 && decoded.detail.length < 512)
  return decoded.reason
}

test('a value goes out as bare JSON and comes back', () => {
  const body = [[2, 'ž'], { k: null }, { callbacks: null, errbacks: null, chain: null, chord: null }]
  const encoded = codec.encode(body)
  assert.deepEqual(
    [encoded.contentType, encoded.contentEncoding, encoded.compression],
    ['application/json', 'utf-8', undefined],
  )
  assert.deepEqual(codec.decode(encoded), { kind: 'value', value: body })
})

test('every serializer announces itself as Kombu does', () => {
  const all = createCodec({ accept: ['json', 'yaml', 'msgpack', 'raw', 'text'], serializer: 'json' })
  for (const [serializer, contentType, contentEncoding, value] of [
    ['json', 'application/json', 'utf-8', { a: 1 }],
    ['yaml', 'application/x-yaml', 'utf-8', { a: 1 }],
    ['msgpack', 'application/x-msgpack', 'binary', { a: 1 }],
    ['raw', 'application/data', 'binary', Buffer.from([0, 255])],
    ['text', 'text/plain', 'utf-8', 'plain'],
  ] as const) {
    const encoded = all.encode(value, { serializer })
    assert.deepEqual([encoded.contentType, encoded.contentEncoding], [contentType, contentEncoding])
    assert.deepEqual(all.decode(encoded), { kind: 'value', value })
    assert.deepEqual(all.encode(value, { serializer: contentType }), encoded)
  }
})

test('a compressed value carries the full MIME type and comes back', () => {
  const encoded = codec.encode(['x'.repeat(300)], { compression: 'zlib' })
  assert.equal(encoded.compression, 'application/x-gzip')
  assert.ok(encoded.body.length < 50)
  assert.deepEqual(codec.decode(encoded), { kind: 'value', value: ['x'.repeat(300)] })
})

test('M01 an empty body is malformed, compressed or not', () => {
  assert.equal(reason({ body: '' }), 'malformed')
  assert.equal(reason({ body: '', compression: 'gzip' }), 'malformed')
  assert.equal(reason({ body: deflateSync(Buffer.alloc(0)), compression: 'gzip' }), 'malformed')
})

test('M02 broken JSON is undecodable, a byte order mark is not broken', () => {
  for (const body of ['[1', '[1] x', '[1][2]']) assert.equal(reason({ body }), 'undecodable')
  assert.equal(reason({ body: '\ufeff[1]' }), 'read')
})

test('M03 bytes that are not UTF-8 are undecodable', () => {
  for (const bytes of [
    [0x22, 0xff, 0x22],
    [0x22, 0xc0, 0xaf, 0x22],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
    [0xff, 0xfe, 0x5b, 0],
  ]) {
    assert.equal(reason({ body: Buffer.from(bytes) }), 'undecodable')
  }
  assert.equal(reason({ body: '["\\ud800"]' }), 'read')
})

test('M04 content types missing, unknown or with parameters are disallowed, but case and charset=utf-8 are forgiven', () => {
  for (const contentType of [
    undefined,
    null,
    '',
    5,
    'text/html',
    'application/jsonx',
    'application/json; v=1',
    'application/json; charset=latin-1',
    'application/data',
  ]) {
    assert.equal(reason({ contentType }), 'disallowed-content', String(contentType))
  }
  for (const contentType of [
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json;',
  ]) {
    assert.equal(reason({ contentType }), 'read', contentType)
  }
})

test('M05 a known type outside the accept list is disallowed before anything is unpacked', () => {
  for (const contentType of ['application/x-python-serialize', 'application/x-yaml', 'application/x-msgpack']) {
    assert.equal(
      reason({ contentType, contentEncoding: 'binary', body: 'garbage', compression: 'garbage' }),
      'disallowed-content',
    )
  }
})

test('M06 content encodings that do not fit are undecodable, none at all is fine', () => {
  for (const contentEncoding of ['binary', 'utf-16', 'latin-1', 'ascii-8bit', 'x', 7]) {
    assert.equal(reason({ contentEncoding }), 'undecodable', String(contentEncoding))
  }
  for (const contentEncoding of [undefined, null, '', 'UTF-8', 'utf8', 'us-ascii']) {
    assert.equal(reason({ contentEncoding }), 'read', String(contentEncoding))
  }
  const binary = { contentType: 'application/x-msgpack', body: Buffer.from([1]) }
  assert.equal(reason({ ...binary, contentEncoding: 'utf-8' }, { accept: ['msgpack'] }), 'undecodable')
  assert.equal(reason({ ...binary, contentEncoding: 'Binary' }, { accept: ['msgpack'] }), 'read')
})

test('M07 unknown, wrong or damaged compression is undecodable', () => {
  const body = deflateSync(Buffer.from('[1]'))
  for (const compression of ['snappy', 'brotli', 'gzip, gzip', 5, {}])
    assert.equal(reason({ body, compression }), 'undecodable')
  assert.equal(reason({ body: body.subarray(0, 5), compression: 'gzip' }), 'undecodable')
  assert.equal(reason({ body: Buffer.concat([body, body]), compression: 'gzip' }), 'undecodable')
  for (const compression of [undefined, null, '']) assert.equal(reason({ compression }), 'read')
})

test('what is JSON already goes out as it is, within the same limits', () => {
  const text = '[{"a": "ž"}]'
  const { body, ...rest } = codec.encodeJson(text)
  assert.equal(Buffer.from(body).toString(), text)
  assert.deepEqual(rest, { contentType: 'application/json', contentEncoding: 'utf-8', compression: undefined })
  const short = createCodec({ accept: ['json'], serializer: 'msgpack', limits: { messageBytes: 10 } })
  assert.throws(() => short.encodeJson(text), { code: 'LVG_ENCODE_TOO_LARGE' })
})

test('M08 a decompression bomb is too large, and stopped by its decompressor', () => {
  const bomb = deflateSync(Buffer.alloc(1024 * 1024, ' '))
  assert.equal(reason({ body: bomb, compression: 'gzip' }, { limits: { bodyBytes: 10_000 } }), 'too-large')
})

test('M09 what is compressed twice is undecodable', () => {
  assert.equal(reason({ body: deflateSync(deflateSync(Buffer.from('[1]'))), compression: 'gzip' }), 'undecodable')
})

test('M10 a body over the limit is too large, and refused at the sender', () => {
  const limits = { messageBytes: 10 }
  assert.equal(reason({ body: '[1,2,3,4,5]' }, { limits }), 'too-large')
  const small = createCodec({ accept: ['json'], serializer: 'json', limits })
  assert.throws(
    () => small.encode('x'.repeat(20)),
    (error: unknown) =>
      error instanceof EncodeError &&
      error.code === 'LVG_ENCODE_TOO_LARGE' &&
      /22 bytes.*at most 10/.test(error.message),
  )
  const unpacked = createCodec({ accept: ['json'], serializer: 'json', limits: { bodyBytes: 10 } })
  assert.throws(() => unpacked.encode('x'.repeat(20), { compression: 'gzip' }), { code: 'LVG_ENCODE_TOO_LARGE' })
})

test('M11 M12 M15 M19 the limits and tags of JSON have their reasons', () => {
  assert.equal(reason({ body: '['.repeat(10_000) }), 'malformed')
  assert.equal(reason({ body: '[1,2,3]' }, { limits: { values: 3 } }), 'too-large')
  assert.equal(reason({ body: '9'.repeat(5000) }), 'malformed')
  assert.equal(reason({ body: '{"__type__":"uuid","__value__":1}' }), 'malformed')
})

test('the place of what cannot be sent is named by the parts of the body', () => {
  assert.throws(
    () => codec.encode([[1, { born: () => 1 }], {}, {}], { names: ['args', 'kwargs', 'embed'] }),
    (error: unknown) => error instanceof EncodeError && error.path === 'args[1].born',
  )
})

test('pickle is read where it is accepted, and never written', () => {
  const sent = { contentType: 'application/x-python-serialize', contentEncoding: 'binary', body: pickle([1]) }
  assert.equal(reason(sent), 'disallowed-content')
  assert.equal(reason(sent, { accept: ['pickle'] }), 'read')
  assert.throws(() => codec.encode([1], { serializer: 'pickle' }), ConfigError)
})

test('accept lists take names and MIME types', () => {
  assert.equal(reason({ contentType: 'text/plain', body: 'x' }, { accept: ['application/json', 'text/plain'] }), 'read')
})

test('exact decoding keeps what JavaScript would change', () => {
  assert.deepEqual(codec.decode(message({ body: '[1.0]' }), { exact: true }), {
    kind: 'value',
    value: [new ExactNumber('1.0')],
  })
})

test('unknown names are mistakes in the settings', () => {
  for (const options of [{ accept: ['jsn'] }, { serializer: 'xml' }, { accept: ['application/xml'] }]) {
    assert.throws(
      () => createCodec({ accept: ['json'], serializer: 'json', ...options }),
      (error: unknown) => error instanceof ConfigError && error.code === 'LVG_UNKNOWN_SERIALIZER',
    )
  }
})

test('S21 signing without a key is a mistake in the settings', () => {
  assert.throws(() => createCodec({ accept: ['auth'], serializer: 'auth' }), { code: 'LVG_SIGNING_SETUP' })
})
