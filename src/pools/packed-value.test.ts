import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deserialize, serialize } from 'node:v8'
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
} from '../protocol/values.js'
import { type Packed, packValue, unpackValue } from './packed-value.js'

function across(value: unknown): unknown {
  return unpackValue(deserialize(serialize(packValue(value))) as Packed)
}

for (const [name, value] of Object.entries({
  plain: { a: [1, 'b', null, undefined, true, 1.5, Number.NaN, 2n ** 70n] },
  dates: [
    new Date(0),
    new NaiveDateTime('2024-02-29T12:34:56'),
    new PlainDate('2024-02-29'),
    new PlainTime('12:34:56'),
  ],
  numbers: [new Decimal('1.10'), new ExactNumber('1.0'), new TimeDelta(-1, 5, 6)],
  ids: { id: new Uuid('12345678-1234-5678-1234-567812345678') },
  nested: new Tuple([new Tuple([]), [new Decimal('1')], { x: new ExactTagged('t', new Decimal('2')) }]),
  containers: new Map([['k', new Set([1])]]),
  forged: { '\u0000': 'Decimal', content: 'x' },
  'odd keys': JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'),
})) {
  test(`${name} come out as they went in`, () => assert.deepEqual(across(value), value))
}

test('bytes keep their bytes', () => {
  assert.deepEqual(Buffer.from(across(Buffer.from('abc')) as Uint8Array), Buffer.from('abc'))
})

test('toJSON is asked where the object still has it', () => {
  class Money {
    toJSON(): unknown {
      return { amount: new Decimal('3.50') }
    }
  }
  assert.deepEqual(across({ price: new Money() }), { price: { amount: new Decimal('3.50') } })
})

test('nothing is looked through where nothing is marked', () => {
  assert.equal(packValue({ a: [1, { b: 2 }] }).marked, false)
  assert.equal(packValue([new Decimal('1')]).marked, true)
})

class Secret {
  readonly #hidden = 1
  get hidden(): number {
    return this.#hidden
  }
}

const circle: unknown[] = []
circle.push(circle)

for (const [name, value, problem] of [
  ['a function', { on: { click: () => 1 } }, /^on\.click: a function cannot leave/],
  ['a symbol', [Symbol('x')], /^\[0\]: a symbol/],
  ['an instance of a class', [1, new Secret()], /^\[1\]: an instance of a class/],
  ['an error', { e: new Error('x') }, /^e: an instance of a class/],
  ['a circle', circle, /in itself/],
  ['a revoked proxy', proxy(), /reading it threw TypeError/],
] as const) {
  test(`${name} is refused, and the place is named`, () => {
    assert.throws(() => packValue(value), { code: 'LVG_ENCODE', message: problem })
  })
}

function proxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return { x: proxy }
}
