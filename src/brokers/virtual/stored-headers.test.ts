import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseHeaders, printHeaders } from './stored-headers.js'

test('plain headers are stored as plain JSON', () => {
  const headers = { task: 'a', retries: 0, timelimit: [null, 1.5], nested: { 'x-y': true } }
  assert.equal(printHeaders(headers), JSON.stringify(headers))
})

test('what JSON lacks comes back as it was', () => {
  const headers = {
    bytes: new Uint8Array([0, 255]),
    date: new Date(1_700_000_000_000),
    big: 2n ** 70n,
    odd: [Number.NaN, Number.POSITIVE_INFINITY, -0],
    tagged: { '@': 'bytes', v: 'AA==', deep: { '@': 1n } },
  }
  assert.deepEqual(parseHeaders(printHeaders(headers)), headers)
})

test('dangerous keys stay data', () => {
  const text = '{"__proto__":{"polluted":true},"constructor":1,"big":{"@":"bigint","v":"5"}}'
  const headers = parseHeaders(text)
  assert.deepEqual(Object.keys(headers ?? {}), ['__proto__', 'constructor', 'big'])
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('every table of values survives', () => {
  const value = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(fc.string(), fc.constant('@'), fc.constant('v')), tie('value'), { noNullPrototype: true }),
    ),
  })).value
  const table = fc.dictionary(fc.oneof(fc.string(), fc.constant('@')), value, { noNullPrototype: true })
  fc.assert(fc.property(table, headers => assert.deepEqual(parseHeaders(printHeaders(headers)), headers)))
})

test('M40 text that is no table of headers is none', () => {
  for (const text of ['', '{', '[]', '7', 'null', '{"a":{"@":"what","v":1}}', '{"a":{"@":"bigint","v":"x"}}']) {
    assert.equal(parseHeaders(text), undefined, text)
  }
})
