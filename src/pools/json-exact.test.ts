import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal } from '../protocol/values.js'
import { isJsonExact } from './json-exact.js'

for (const [name, value, expected] of [
  ['plain data', { a: [1, 'b', null, true, { c: 1.5 }] }, true],
  ['a member that is undefined', { a: undefined }, true],
  ['an item that is undefined', [undefined], false],
  ['a hole', new Array(1), false],
  ['-0', -0, false],
  ['NaN', [Number.NaN], false],
  ['a bigint', 1n, false],
  ['a date', { at: new Date(0) }, false],
  ['bytes', Buffer.from('x'), false],
  ['a value of our classes', new Decimal('1'), false],
  ['an object with toJSON', { toJSON: () => 1 }, false],
  ['a function', () => 1, false],
  ['what throws when it is read', Object.defineProperty({}, 'x', { enumerable: true, get: thrower }), false],
  ['what is deeper than anybody looks', nested(40), false],
] as const) {
  test(`${name}: ${expected}`, () => assert.equal(isJsonExact(value), expected))
}

function thrower(): never {
  throw new Error('no')
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)]
}
