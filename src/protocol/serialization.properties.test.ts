import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createCodec } from './create-codec.js'
import { ProtocolError } from './errors.js'
import { fromExact, parseJson, printJson } from './json.js'
import { pickle, unpickle } from './pickle.js'
import { argsrepr } from './python-repr.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from './values.js'

const codec = createCodec({ accept: ['json', 'yaml', 'msgpack', 'pickle', 'raw', 'text'], serializer: 'json' })
const TYPES = ['application/json', 'application/x-yaml', 'application/x-msgpack', 'application/x-python-serialize']

const isForged = (object: object): boolean => Object.keys(object).sort().join() === '__type__,__value__'

const milliseconds = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})
const bytes = fc.uint8Array({ maxLength: 40 }).map(array => Buffer.from(array))
const two = (max: number): fc.Arbitrary<string> => fc.integer({ min: 0, max }).map(n => String(n).padStart(2, '0'))
const timeText = fc.tuple(two(23), two(59), two(59)).map(parts => parts.join(':'))
const pythonValue = fc.oneof(
  milliseconds.map(date => new PlainDate(date.toISOString().slice(0, 10))),
  fc
    .tuple(milliseconds, timeText)
    .map(([date, time]) => new NaiveDateTime(`${date.toISOString().slice(0, 10)}T${time}.000123`)),
  timeText.map(text => new PlainTime(text)),
  fc.bigInt().map(n => new Decimal(`${n}.${String(n).replace('-', '')}E-3`)),
  fc.uuid().map(text => new Uuid(text)),
)

function values(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec(tie => ({
    value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 6 }), tie('object')),
    object: fc
      .dictionary(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'then', '__type__', '1')),
        tie('value'),
        { maxKeys: 6, noNullPrototype: true },
      )
      .filter(object => !isForged(object)),
  })).value
}

const text = fc.string({ unit: 'binary' })
const halfPairs = fc.constantFrom('\ud800', 'a\udc00b')
const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const plain = [fc.constant(null), fc.boolean(), fc.integer(), fc.maxSafeInteger(), finite, text] as const

for (const [serializer, leaf] of [
  ['json', fc.oneof(...plain, halfPairs, fc.bigInt().filter(isBeyondSafe), milliseconds, bytes, pythonValue)],
  [
    'msgpack',
    fc.oneof(
      ...plain,
      fc.double(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).filter(isBeyondSafe),
      milliseconds,
      bytes,
    ),
  ],
  ['yaml', fc.oneof(...plain, halfPairs, fc.double(), fc.bigInt().filter(isBeyondSafe), milliseconds)],
] as const) {
  test(`decoding what was encoded as ${serializer} gives it back`, () => {
    fc.assert(
      fc.property(values(leaf), fc.constantFrom(undefined, 'gzip', 'brotli'), (value, compression) => {
        const decoded = codec.decode(codec.encode(value, { serializer, compression }))
        assert.deepEqual(decoded, { kind: 'value', value })
      }),
      { numRuns: 300 },
    )
  })
}

test('unpickling what was pickled gives it back', () => {
  fc.assert(
    fc.property(
      values(
        fc.oneof(...plain, halfPairs, fc.double(), fc.bigInt().filter(isBeyondSafe), milliseconds, bytes, pythonValue),
      ),
      value => {
        assert.deepEqual(unpickle(pickle(value)), value)
      },
    ),
    { numRuns: 300 },
  )
})

test('what is parsed exactly is printed as it was, and means what it meant', () => {
  const number = fc.oneof(
    fc.constantFrom('1.0', '1e5', '-0.0', '1E400', 'NaN', '-Infinity', '0.1', '12345678901234567890'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(n => JSON.stringify(n)),
  )
  const json = fc
    .array(fc.oneof(number, fc.constantFrom('{"__type__":"date","__value__":"2024-02-29"}', '"x"', 'null')), {
      maxLength: 5,
    })
    .map(items => `[${items.join(',')}]`)
  fc.assert(
    fc.property(json, source => {
      const exact = parseJson(source, { exact: true })
      assert.deepEqual(parseJson(printJson(exact), { exact: true }), exact)
      assert.deepEqual(fromExact(exact), parseJson(source))
    }),
  )
})

test('both ways of reading JSON agree', () => {
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 5 }).filter(source => !/\d{16}/.test(source)),
      source => {
        assert.deepEqual(parseJson(`[${source},NaN]`), [JSON.parse(source), Number.NaN])
      },
    ),
  )
})

test('JSON with a mutation is read as JSON.parse reads it, or refused', () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', '"', '[', '}', ',', ':', '\\', '1', '-', 'e', '.', ' ', 't', '\u0000'),
      (source, at, patch) => {
        const mutated = source.slice(0, at % (source.length + 1)) + patch + source.slice((at % (source.length + 1)) + 1)
        const expected = attempt(() => JSON.parse(mutated))
        const found = attempt(() => parseJson(mutated))
        if (expected.kind === 'threw') assert.ok(found.kind === 'threw' && found.error instanceof ProtocolError)
        else if (found.kind === 'gave' && !/\d{16}/.test(mutated)) assert.deepEqual(found, expected)
      },
    ),
    { numRuns: 1000 },
  )
})

for (const contentType of TYPES) {
  test(`random bytes as ${contentType} give a value or a reason, never an error`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), body => {
        const decoded = codec.decode({ contentType, contentEncoding: '', compression: undefined, body })
        assert.ok(decoded.kind === 'value' || decoded.reason.length > 0)
      }),
      { numRuns: 1000 },
    )
  })

  test(`a mutated body as ${contentType} gives a value or a reason, never an error`, () => {
    fc.assert(
      fc.property(values(fc.oneof(...plain)), fc.nat(), fc.integer({ min: 0, max: 255 }), (value, at, byte) => {
        const serializer = contentType
        const body = contentType.endsWith('python-serialize')
          ? Buffer.from(pickle(value))
          : Buffer.from(codec.encode(value, { serializer }).body)
        body.writeUInt8(byte, at % body.length)
        const decoded = codec.decode({ contentType, contentEncoding: '', compression: undefined, body })
        assert.ok(decoded.kind === 'value' || decoded.reason.length > 0)
      }),
      { numRuns: 300 },
    )
  })
}

test('random opcodes give a value or a ProtocolError', () => {
  const opcode = fc.constantFrom(
    ...Array.from('(.012BCFGIJKLMNRSTUVX]abcdeghjlopqrstu})\n0x1').map(char => char.charCodeAt(0)),
    ...Array.from({ length: 24 }, (_, i) => 0x80 + i),
  )
  fc.assert(
    fc.property(fc.array(opcode, { maxLength: 60 }), ops => {
      const outcome = attempt(() => unpickle(Uint8Array.from([...ops, 0x2e])))
      assert.ok(
        outcome.kind === 'gave' || outcome.error instanceof ProtocolError,
        String(outcome.kind === 'threw' && outcome.error),
      )
    }),
    { numRuns: 3000 },
  )
})

test('anything can be shown', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
        }),
      ),
      args => {
        assert.ok(argsrepr(args).length < 20_000)
      },
    ),
  )
})

function isBeyondSafe(value: bigint): boolean {
  return !Number.isSafeInteger(Number(value))
}

type Attempt = { readonly kind: 'gave'; readonly value: unknown } | { readonly kind: 'threw'; readonly error: unknown }

function attempt(action: () => unknown): Attempt {
  try {
    return { kind: 'gave', value: action() }
  } catch (error) {
    return { kind: 'threw', error }
  }
}
