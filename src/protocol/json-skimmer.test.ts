import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProtocolError } from './errors.js'
import { parseJson } from './json.js'
import { JsonSkimmer } from './json-skimmer.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'

function skims(text: string, limits: Partial<Limits> = {}): boolean {
  const bytes = Buffer.from(text)
  const skimmer = new JsonSkimmer(bytes, { ...DEFAULT_LIMITS, ...limits })
  return skimmer.value() && skimmer.next() === bytes.length
}

function parses(text: string, limits: Partial<Limits> = {}): boolean {
  try {
    parseJson(text, { exact: true, limits: { ...DEFAULT_LIMITS, ...limits } })
    return true
  } catch (error) {
    assert.ok(error instanceof ProtocolError)
    return false
  }
}

const TEXTS: readonly string[] = [
  ...['null', 'true', 'false', 'NaN', 'Infinity', '-Infinity', '""', '[]', '{}', ' [ ] ', '{ }', '\t[\r\n1 , 2 ]\n'],
  ...['0', '-0', '10', '0.5', '-1.25e+10', '1E400', '1e-7', '9'.repeat(4300), `-${'9'.repeat(4300)}`],
  ...['"a\\u00e9\\ud83d\\n\\/"', '"ž日本語 😀"', '{"": {"a": [null, {"b": "c"}]}, "": 1}', '[[[[[[]]]]], {"k": []}]'],
]

const NO_JSON: readonly string[] = [
  ...[
    '',
    ' ',
    'nul',
    'True',
    '-NaN',
    '-null',
    '+1',
    '01',
    '1.',
    '.5',
    '1e',
    '1e+',
    '--1',
    '9'.repeat(4301),
    '1 2',
    '0x1',
  ],
  ...['"', '"a', '"\\', '"\\x"', '"\\u12"', '"\\u12g4"', '"\n"', "'a'", '"a" "b"'],
  ...[
    '[',
    ']',
    '[1',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1}',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{1:2}',
    '{"a":1]',
  ],
  ...[
    '{"a" 1}',
    '{"a":1 "b":2}',
    '[}',
    '{]',
    '[1]]',
    '{"a":1}}',
    '{"a",1}',
    '["a":1]',
    ',',
    ':',
    '[:]',
    '{,}',
    '[1,,2]',
  ],
]

test('what is JSON in our dialect is gone over to its end, and what is not is refused', () => {
  for (const text of TEXTS) assert.ok(skims(text), text.slice(0, 60))
  for (const text of NO_JSON) assert.ok(!skims(text), text.slice(0, 60))
})

test('of any text, also one that nearly is JSON, it thinks what the parser thinks', () => {
  const json = fc.oneof(
    fc.constantFrom(...TEXTS, ...NO_JSON),
    fc.json(),
    fc.jsonValue().map(value => JSON.stringify(value, null, 1)),
  )
  const cut = fc.tuple(
    json,
    fc.nat(),
    fc.constantFrom('', ',', ']', '}', '{', '[', ':', '"', '\\', '1', ' ', 'e', '.', '\u0001'),
  )
  const near = cut.map(([text, at, mark]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + mark + text.slice(place + (at % 3))
  })
  fc.assert(
    fc.property(fc.oneof(json, near), text => assert.equal(skims(text), parses(text), text)),
    { numRuns: 2000 },
  )
})

test('L04 it stops where the parser stops', () => {
  const limits = { depth: 3, values: 6 }
  for (const text of [
    '[[[1]]]',
    '[[[[1]]]]',
    '[{"a":[]}]',
    '[{"a":[{}]}]',
    '[1,2,3,4,5]',
    '[1,2,3,4,5,6]',
    '{"a":[1,2],"b":{"c":1}}',
  ])
    assert.equal(skims(text, limits), parses(text, limits), text)
  assert.ok(skims('['.repeat(512) + ']'.repeat(512)))
  assert.ok(!skims('['.repeat(513) + ']'.repeat(513)))
})

test('it counts objects and the depth, and can be led into a value', () => {
  const bytes = Buffer.from('[1, {"a": {"b": [{}]}}, "end"] ')
  const skimmer = new JsonSkimmer(bytes, DEFAULT_LIMITS)
  assert.ok(skimmer.begin('[') && !skimmer.begin('{') && skimmer.value() && skimmer.comma() && skimmer.begin('{'))
  assert.equal(Buffer.from(skimmer.key() ?? []).toString(), 'a')
  assert.ok(skimmer.value() && !skimmer.comma() && skimmer.end() && skimmer.comma())
  assert.deepEqual([skimmer.objects, skimmer.deepest], [3, 5])
  assert.ok(!skimmer.end() && skimmer.value() && skimmer.end() && !skimmer.end())
  assert.equal(skimmer.next(), bytes.length)
})
