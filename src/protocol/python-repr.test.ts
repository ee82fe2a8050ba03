import assert from 'node:assert/strict'
import { test } from 'node:test'
import { argsrepr, kwargsrepr, pythonRepr } from './python-repr.js'
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

const at = new Date(Date.UTC(2024, 1, 29, 12, 34, 56, 789))

for (const [name, value, expected] of [
  ['words', [null, undefined, true, false], '[None, None, True, False]'],
  ['integers', [0, -1, 2 ** 53 - 1, 10n ** 20n], '[0, -1, 9007199254740991, 100000000000000000000]'],
  [
    'floats',
    [0.1 + 0.2, -0, 1e-7, 1e-5, 1e-4, 1e22, 5e-324],
    '[0.30000000000000004, -0.0, 1e-07, 1e-05, 0.0001, 1e+22, 5e-324]',
  ],
  [
    'large floats',
    [2 ** 53, 1e15 + 0.5, 1e16, Number.NaN, -Infinity],
    '[9007199254740992.0, 1000000000000000.5, 1e+16, nan, -inf]',
  ],
  ['text', ["it's", 'a "b"', 'é\n\\'], "['it\\'s', 'a \"b\"', 'é\n\\']"],
  ['bytes', [Buffer.from('kůň'), Buffer.from([0, 0xff])], "[b'kůň', b'00ff']"],
  ['tuples', [new Tuple([]), new Tuple([1]), new Tuple([1, 2])], '[(), (1,), (1, 2)]'],
  ['dicts', { a: undefined, 'b c': { d: [] } }, "{'b c': {'d': []}}"],
  [
    'maps and sets',
    new Map<unknown, unknown>([
      [1, new Set([1, 'a'])],
      [null, new Set()],
    ]),
    "{1: {1, 'a'}, None: set()}",
  ],
  ['an aware datetime', at, 'datetime.datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=datetime.timezone.utc)'],
  ['midnight', new NaiveDateTime('2024-02-29'), 'datetime.datetime(2024, 2, 29, 0, 0)'],
  ['a date', new PlainDate('2024-02-29'), 'datetime.date(2024, 2, 29)'],
  ['a time', new PlainTime('12:34:00.000005'), 'datetime.time(12, 34, 0, 5)'],
  [
    'a time with zone',
    new PlainTime('12:34-01:00'),
    'datetime.time(12, 34, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=82800)))',
  ],
  [
    'a timedelta',
    [new TimeDelta(0), new TimeDelta(1, 0, 5)],
    '[datetime.timedelta(0), datetime.timedelta(days=1, microseconds=5)]',
  ],
  [
    'a decimal and a UUID',
    [new Decimal('1.10'), new Uuid('0'.repeat(32))],
    "[Decimal('1.10'), UUID('00000000-0000-0000-0000-000000000000')]",
  ],
  [
    'exact values',
    [new ExactNumber('1.0'), new ExactNumber('5'), new ExactTagged('date', '2024-02-29')],
    '[1.0, 5, datetime.date(2024, 2, 29)]',
  ],
  ['what asks toJSON', [{ toJSON: () => ({ shown: 1 }) }], "[{'shown': 1}]"],
] as const) {
  test(`${name} look as in Python`, () => {
    assert.equal(pythonRepr(value), expected)
  })
}

test('three levels of containers are shown', () => {
  assert.equal(argsrepr([[[[1]]], { a: { b: { c: 1 } } }]), "([[[...]]], {'a': {'b': {...}}})")
})

test('a token is cut to what is left at its last space, then the brackets are closed', () => {
  assert.equal(pythonRepr(new Tuple(['hello world foo bar']), 12), "('hello...',)")
  assert.equal(
    pythonRepr(
      Array.from({ length: 50 }, (_, i) => i),
      20,
    ),
    '[0, 1, 2, 3, 4, 5, 6..., ...]',
  )
  assert.equal(pythonRepr(new Tuple(['x'.repeat(20)]), 10), "('xxxxxxxxx...', ...")
})

test('characters are counted as Python counts them, by code point', () => {
  assert.equal(pythonRepr(['🐎'.repeat(30)], 10), `['${'🐎'.repeat(9)}...', ...`)
})

test('arguments have at most about 1024 characters', () => {
  assert.ok(argsrepr(['y'.repeat(5000)]).length < 1050)
  assert.ok(kwargsrepr(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]))).length < 1100)
})

test('M50 what cannot be shown does not throw', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const trap = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('no')
      },
    },
  )
  const getter = {
    get x() {
      throw new Error('no')
    },
  }
  assert.equal(pythonRepr(cyclic), '[[[[...]]]]')
  assert.equal(
    pythonRepr([trap, getter, () => 1, Symbol('s'), new (class Foo {})(), new Date(Number.NaN)]),
    '[<unprintable>, <unprintable>, <function>, <symbol>, <Foo>, <unprintable>]',
  )
})
