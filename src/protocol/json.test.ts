import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EncodeError, ProtocolError, type ProtocolFault } from './errors.js'
import { fromExact, type ParseJsonOptions, parseJson, parseJsonInTurns, printJson } from './json.js'
import { JsonReader } from './json-reader.js'
import { JsonSurveyor } from './json-survey.js'
import { DEFAULT_LIMITS } from './limits.js'
import {
  Decimal,
  ExactNumber,
  ExactTagged,
  NaiveDateTime,
  PlainDate,
  PlainTime,
  TimeDelta,
  Tuple,
  Uuid,
} from './values.js'

function fault(text: string, options?: ParseJsonOptions): ProtocolFault | undefined {
  try {
    parseJson(text, options)
    return undefined
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error} is a ProtocolError`)
    return error.fault
  }
}

function refusal(value: unknown, options?: Parameters<typeof printJson>[1]): EncodeError {
  try {
    printJson(value, options)
  } catch (error) {
    assert.ok(error instanceof EncodeError, `${error} is an EncodeError`)
    return error
  }
  return assert.fail('it was printed')
}

test('plain JSON is read as JSON.parse reads it', () => {
  const text = '[[2, "a\\u017e\\n"], {"k": [true, false, null, 1.5e3, -0.25]}, {"callbacks": null}]'
  assert.deepEqual(parseJson(text), JSON.parse(text))
})

test('the tagged values of Kombu are read as what they stand for', () => {
  assert.deepEqual(
    parseJson(`[{"__type__": "datetime", "__value__": "2024-02-29T12:34:56.789012+01:00"},
      {"__type__": "datetime", "__value__": "2024-02-29T12:34:56"},
      {"__type__": "date", "__value__": "2024-02-29"},
      {"__type__": "time", "__value__": "12:34:56.789012"},
      {"__type__": "decimal", "__value__": "1.10"},
      {"__type__": "uuid", "__value__": {"hex": "12345678123456781234567812345678", "version": 4}},
      {"__value__": "abc", "__type__": "bytes"},
      {"\\u005f_type__": "base64", "__value__": "/wA="}]`),
    [
      new Date(Date.UTC(2024, 1, 29, 11, 34, 56, 789)),
      new NaiveDateTime('2024-02-29T12:34:56'),
      new PlainDate('2024-02-29'),
      new PlainTime('12:34:56.789012'),
      new Decimal('1.10'),
      new Uuid('12345678-1234-5678-1234-567812345678'),
      Buffer.from('abc'),
      Buffer.from([0xff, 0]),
    ],
  )
})

test('M02 what is not one JSON text is undecodable', () => {
  for (const text of [
    '',
    ' ',
    '[1',
    '[1] 2',
    '{"a" 1}',
    '{"a":1,}',
    '[1,]',
    '"a',
    "'a'",
    '01',
    '1.',
    '+1',
    '.5',
    'nul',
    '-',
    '[1]\u00a0',
    '"\n"',
    '"\\x"',
    '{1:2}',
    'NaNa',
    '-Inf',
    '"\\ud8"',
  ]) {
    assert.equal(fault(text), 'undecodable', text)
  }
})

test('M02 a byte order mark is skipped', () => {
  assert.deepEqual(parseJson('\ufeff[1]'), [1])
})

test('errors do not quote the text, which may hold secrets', () => {
  assert.throws(
    () => parseJson('{"password": "hunter2", x}'),
    (error: Error) => !error.message.includes('hunter2') && error.message.includes('24'),
  )
})

test('M03 lone surrogates survive reading and printing', () => {
  assert.equal(parseJson('"\\ud800"'), '\ud800')
  assert.equal(printJson(['\ud800', '🐎']), '["\\ud800","🐎"]')
})

test('M11 nesting beyond the limit is malformed, and found without recursion', () => {
  assert.equal(fault('['.repeat(512) + ']'.repeat(512)), undefined)
  assert.equal(fault('['.repeat(513) + ']'.repeat(513)), 'malformed')
  assert.equal(fault('['.repeat(1_000_000)), 'malformed')
  assert.equal(fault('{"a":'.repeat(1_000_000)), 'malformed')
  assert.equal(fault(`"${'['.repeat(1000)}"`), undefined)
})

test('M12 more values than the limit are too large', () => {
  const limits = { ...DEFAULT_LIMITS, values: 10 }
  assert.equal(fault('[1,2,3,4,5,6,7,8,9]', { limits }), undefined)
  assert.equal(fault('[1,2,3,4,5,6,7,8,9,10]', { limits }), 'too-large')
  assert.equal(fault('[[],[],[],[],[],[],{},[],[]]', { limits }), undefined)
  assert.equal(fault('[[],[],[],[],[],[],{},[],[],[]]', { limits }), 'too-large')
})

test('M12 a million keys, equal or not, are read', () => {
  const distinct = parseJson(`{${Array.from({ length: 300_000 }, (_, i) => `"k${i}":NaN`).join(',')}}`)
  assert.equal(Object.keys(distinct as object).length, 300_000)
  assert.deepEqual(parseJson(`{${Array.from({ length: 300_000 }, (_, i) => `"k":${i}`).join(',')}}`), { k: 299_999 })
})

test('M13 the last of equal keys wins, in both ways of reading', () => {
  assert.deepEqual(parseJson('{"a":1,"b":2,"a":3}'), { a: 3, b: 2 })
  assert.deepEqual(parseJson('{"a":1,"b":NaN,"a":3}'), { a: 3, b: Number.NaN })
})

test('M14 __proto__ and its like are plain data, in both ways of reading', () => {
  for (const extra of ['1', 'NaN']) {
    const read = parseJson(`{"__proto__":{"x":1},"constructor":2,"then":3,"toString":4,"y":${extra}}`) as Record<
      string,
      unknown
    >
    assert.equal(Object.getPrototypeOf(read), Object.prototype)
    assert.deepEqual(Object.keys(read), ['__proto__', 'constructor', 'then', 'toString', 'y'])
    assert.equal(({} as Record<string, unknown>)['x'], undefined)
  }
  assert.equal(
    printJson(JSON.parse('{"__proto__":{"toString":1n}}'.replace('1n', '1'))),
    '{"__proto__":{"toString":1}}',
  )
})

test('M15 integers keep their digits, up to 4300 of them', () => {
  const digits = '9'.repeat(4300)
  assert.deepEqual(parseJson(`[9007199254740991,9007199254740993,-18446744073709551616,${digits}]`), [
    9007199254740991,
    9007199254740993n,
    -(2n ** 64n),
    BigInt(digits),
  ])
  assert.equal(printJson(parseJson(digits)), digits)
  assert.equal(fault(`${digits}9`), 'malformed')
  assert.equal(fault(`-${digits}`), undefined)
  assert.match(refusal([1n, 10n ** 4300n]).message, /4300 digits/)
})

test('M16 NaN and the infinities are read and never written', () => {
  assert.deepEqual(parseJson('[NaN, Infinity, -Infinity, {"N": "NaN"}]'), [
    Number.NaN,
    Infinity,
    -Infinity,
    { N: 'NaN' },
  ])
  for (const value of [Number.NaN, Infinity, -Infinity]) assert.equal(refusal({ a: [value] }).path, 'a[0]')
})

test('M17 -0, 1.0 and 1e400 are numbers', () => {
  assert.deepEqual(parseJson('[-0.0, 1.0, 1e400, -1e400]'), [-0, 1, Infinity, -Infinity])
  assert.equal(printJson([-0, 0, 1]), '[-0.0,0,1]')
})

test('an integral number beyond 2^53 is written as the float it is', () => {
  assert.equal(
    printJson([1e20, 2 ** 53, -1e300, Number.MAX_SAFE_INTEGER]),
    '[1e+20,9.007199254740992e+15,-1e+300,9007199254740991]',
  )
  assert.deepEqual(parseJson(printJson([1e20, 2 ** 53])), [1e20, 2 ** 53])
})

test('M19 a tagged value with the wrong content is malformed', () => {
  for (const text of [
    '{"__type__":"datetime","__value__":"yesterday"}',
    '{"__type__":"datetime","__value__":null}',
    '{"__type__":"datetime","__value__":{"__type__":"datetime","__value__":"2024-02-29T12:34:56"}}',
    '{"__type__":"date","__value__":"2024-02-30"}',
    '{"__type__":"time","__value__":"99:00"}',
    '{"__type__":"decimal","__value__":1.5}',
    '{"__type__":"decimal","__value__":"0x10"}',
    '{"__type__":"uuid","__value__":"12345678123456781234567812345678"}',
    '{"__type__":"uuid","__value__":{"hex":"123"}}',
    '{"__type__":"uuid","__value__":{}}',
    '{"__type__":"bytes","__value__":[1]}',
    '{"__type__":"bytes","__value__":"\\ud800"}',
    '{"__type__":"base64","__value__":"?"}',
    '{"__type__":"base64","__value__":"abc"}',
  ]) {
    assert.equal(fault(`[${text}]`), 'malformed', text)
  }
})

test('M19 an unknown tag is a plain object, and so is one with more or fewer keys', () => {
  for (const text of [
    '{"__type__":"set","__value__":[1]}',
    '{"__type__":"date","__value__":1,"x":2}',
    '{"__type__":"date"}',
    '{"__type__":["date"],"__value__":1}',
  ]) {
    assert.deepEqual(parseJson(text), JSON.parse(text))
  }
})

test('values that JSON lacks are written tagged', () => {
  const at = Date.UTC(2024, 1, 29, 12, 34, 56)
  assert.equal(
    printJson([
      new Date(at),
      new Date(at + 70),
      new NaiveDateTime('2024-02-29T12:34:56.7'),
      new PlainDate('2024-02-29'),
    ]),
    '[{"__type__":"datetime","__value__":"2024-02-29T12:34:56+00:00"},{"__type__":"datetime","__value__":"2024-02-29T12:34:56.070+00:00"},' +
      '{"__type__":"datetime","__value__":"2024-02-29T12:34:56.700000"},{"__type__":"date","__value__":"2024-02-29"}]',
  )
  assert.equal(
    printJson({
      d: new Decimal('1.10'),
      u: new Uuid('0'.repeat(32)),
      b: Buffer.from('kůň'),
      r: new Uint8Array([255, 0]),
    }),
    '{"d":{"__type__":"decimal","__value__":"1.10"},"u":{"__type__":"uuid","__value__":{"hex":"00000000000000000000000000000000"}},' +
      '"b":{"__type__":"bytes","__value__":"kůň"},"r":{"__type__":"base64","__value__":"/wA="}}',
  )
})

test('with plainTypes they are plain strings, as Kombu before 5.3 wrote them', () => {
  const values = [
    new Date(Date.UTC(2024, 1, 29, 12, 34, 56)),
    new PlainDate('2024-02-29'),
    new PlainTime('12:34'),
    new Decimal('1E+3'),
    new Uuid('1'.repeat(32)),
  ]
  assert.equal(
    printJson(values, { plainTypes: true }),
    '["2024-02-29T12:34:56Z","2024-02-29T00:00:00","12:34:00","1E+3","11111111-1111-1111-1111-111111111111"]',
  )
  assert.equal(refusal([Buffer.from('a')], { plainTypes: true }).path, '[0]')
})

test('undefined is null in arrays and at the top, and left out of objects', () => {
  assert.equal(printJson([undefined, { a: undefined, b: [undefined] }]), '[null,{"b":[null]}]')
  assert.equal(printJson(undefined), 'null')
  assert.equal(printJson({ a: undefined, b: 1n }), '{"b":1}')
  // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
  assert.equal(printJson([1, , 2]), '[1,null,2]')
})

test('toJSON is asked, once', () => {
  class Money {
    toJSON(key: string): unknown {
      return { key, cents: 5n }
    }
  }
  assert.equal(printJson({ price: new Money() }), '{"price":{"key":"price","cents":5}}')
  assert.equal(printJson([new Tuple([1, new Tuple([])])]), '[[1,[]]]')
  assert.equal(
    printJson({ toJSON: () => new Date(0) }),
    '{"__type__":"datetime","__value__":"1970-01-01T00:00:00+00:00"}',
  )
})

test('M50 what has no JSON form is refused with its place', () => {
  const cyclic: { a: unknown[] } = { a: [] }
  cyclic.a.push(cyclic)
  const names = ['args', 'kwargs']
  for (const [value, path] of [
    [[[1, 2, { user: { born: () => 1 } }]], 'args[2].user.born'],
    [[[], { 'odd key': Symbol('x') }], 'kwargs["odd key"]'],
    [[[new Map()]], 'args[0]'],
    [[[new Set([1])]], 'args[0]'],
    [[[new (class User {})()]], 'args[0]'],
    [[[new Error('x')]], 'args[0]'],
    [[[new Date(Number.NaN)]], 'args[0]'],
    [[[new Float64Array(2)]], 'args[0]'],
    [[[new TimeDelta(1)]], 'args[0]'],
    [[[Object(1)]], 'args[0]'],
    [[[{ __type__: 'date', __value__: '2024-02-29' }]], 'args[0]'],
    [[[{ __type__: 'anything', __value__: undefined }]], 'args[0]'],
    [[[Number.NaN]], 'args[0]'],
    [
      [
        [
          {
            get boom() {
              throw new Error('no')
            },
          },
        ],
      ],
      'args[0].boom',
    ],
    [
      [
        [
          {
            toJSON() {
              throw new TypeError('no')
            },
          },
        ],
      ],
      'args[0]',
    ],
    [
      [
        [
          new Proxy(
            {},
            {
              ownKeys() {
                throw null
              },
            },
          ),
        ],
      ],
      'args[0]',
    ],
  ] as const) {
    assert.equal(refusal(value, { names }).path, path)
  }
  assert.match(refusal(cyclic).message, /contains itself/)
  assert.match(
    refusal(
      new Proxy([], {
        get() {
          throw new Error('no')
        },
      }),
    ).message,
    /reading it threw/,
  )
})

test('L04 depth and number of values are limited on the way out', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1n : [nested(levels - 1)])
  assert.equal(printJson(nested(512)).length, 512 * 2 + 1)
  assert.match(refusal(nested(513)).message, /deeper than 512/)
  const limits = { ...DEFAULT_LIMITS, values: 10 }
  assert.equal(
    refusal(
      Array.from({ length: 11 }, () => 1),
      { limits },
    ).code,
    'LVG_ENCODE_TOO_LARGE',
  )
  assert.equal(refusal({ a: new Array(1e9) }).code, 'LVG_ENCODE_TOO_LARGE')
})

test('M15 M17 what is parsed exactly is printed as it came', () => {
  const text =
    '[1.0,1,{"__type__":"x","__value__":1.0},{"__type__":"datetime","__value__":"2024-02-29T12:34:56.789012+01:00"},' +
    'NaN,1e400,0.1000000000000000055511151231257827,{"__type__":"date","__value__":"nonsense"},1e2,-0.0,0.1,123456789012345678901234567890]'
  const exact = parseJson(text, { exact: true })
  assert.equal(printJson(exact), text)
  assert.deepEqual((exact as unknown[]).slice(0, 3), [
    new ExactNumber('1.0'),
    1,
    new ExactTagged('x', new ExactNumber('1.0')),
  ])
})

test('fromExact gives what an ordinary reading gives, and the same object where there is nothing to do', () => {
  const text =
    '[1.0,{"a":{"__type__":"x","__value__":2.0},"__proto__":3.0},{"__type__":"datetime","__value__":"2024-02-29T12:34:56+01:00"},1e400]'
  assert.deepEqual(fromExact(parseJson(text, { exact: true })), parseJson(text))
  const plain = parseJson('[1,{"a":[]}]', { exact: true })
  assert.equal(fromExact(plain), plain)
  assert.throws(
    () => fromExact(parseJson('[{"__type__":"date","__value__":"nonsense"}]', { exact: true })),
    ProtocolError,
  )
})

test('M12 between two turns a bounded number of values is read, however many there are', async () => {
  for (const count of [10_000, 100_000]) {
    let turns = 0
    const text = `[{${Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join()}},[NaN]]`
    const value = await parseJsonInTurns(text, async () => void turns++)
    assert.deepEqual(value, parseJson(text))
    assert.ok(turns > count / 5_000, `${turns} turns for ${count} values`)
  }
})

test('M12 a reader that is asked for one value reads one, and one that is asked for text looks no further', () => {
  const reader = new JsonReader('[[1,{"a":2}],[],"text",-1.5,{}]', false)
  let steps = 1
  while (!reader.advance(1)) steps++
  assert.deepEqual(reader.value, [[1, { a: 2 }], [], 'text', -1.5, {}])
  assert.equal(steps, 9)
  const surveyor = new JsonSurveyor(`"${'x'.repeat(98)}"`, DEFAULT_LIMITS)
  let looks = 1
  while (!surveyor.advance(10)) looks++
  assert.equal(looks, 10)
})

test('in turns the same is refused, with the same words', async () => {
  const turn = async (): Promise<void> => undefined
  for (const text of [
    '',
    '[1,',
    '[1 2]',
    '{"a" 1}',
    '[1]]',
    '"\\u12"',
    '["\n"]',
    '[01]',
    '9'.repeat(4301),
    '{"a":1,}',
  ]) {
    let problem: unknown
    assert.throws(
      () => parseJson(text),
      error => {
        problem = error
        return true
      },
    )
    await assert.rejects(parseJsonInTurns(text, turn), { message: (problem as Error).message })
  }
  const limits = { ...DEFAULT_LIMITS, depth: 3, values: 5 }
  await assert.rejects(parseJsonInTurns('[[[[1]]]]', turn, { limits }), { fault: 'malformed' })
  await assert.rejects(parseJsonInTurns('[1,2,3,4,5]', turn, { limits }), { fault: 'too-large' })
})
