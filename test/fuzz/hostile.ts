import type { FuzzRandom } from './random.js'

/** Names that mean something to JavaScript, to Kombu, or to nobody. */
export const HOSTILE_NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'toJSON',
  'hasOwnProperty',
  'then',
  'length',
  '__type__',
  '__value__',
  '@',
  'v',
  '',
  '0',
  '-1',
  'null',
  'a.b',
  'nul\u0000',
  '\ud800',
  'ž',
  'x'.repeat(300),
]

const TEXTS: readonly string[] = [
  '',
  ' ',
  '0',
  '-1',
  '1e999',
  'NaN',
  'null',
  'true',
  '2026-11-20T08:51:09.816000+00:00',
  '0000-00-00',
  '9999-12-31T23:59:60Z',
  '\u0000',
  '\n\r\t',
  '\ud83d',
  '\udc34x',
  '‮abc',
  '../../etc/passwd',
  '%00%ff',
  '*'.repeat(40),
  '[!a-',
  '(((((((((((((((a+)+)+)+',
  'application/json',
  'gzip',
  'é'.repeat(128),
  'y'.repeat(255),
  'y'.repeat(256),
  'z'.repeat(5000),
  'AAAA',
  '====',
]

const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  2,
  0.1,
  255,
  256,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  1e21,
  1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  4e15,
]

const TAGS = ['datetime', 'date', 'time', 'decimal', 'uuid', 'bytes', 'base64', 'bigint', 'set', 'Date', null, 7]

/** A value nobody expects in that place. `typed`: also what only typed headers can hold (dates, bytes). */
export function hostileValue(random: FuzzRandom, typed: boolean): unknown {
  switch (random.below(typed ? 12 : 10)) {
    case 0:
      return null
    case 1:
      return random.once(2)
    case 2:
    case 3:
      return random.pick(TEXTS)
    case 4:
    case 5:
      return random.pick(NUMBERS)
    case 6:
      return random.once(2) ? [] : {}
    case 7:
      return {
        __type__: random.pick(TAGS),
        __value__: random.once(3) ? hostileValue(random, typed) : random.pick(TEXTS),
      }
    case 8:
      return random.pick([10n ** 30n, -(2n ** 63n) - 1n, 2n ** 64n, 9_007_199_254_740_993n])
    case 9:
      return own(random.pick(HOSTILE_NAMES), random.pick(NUMBERS))
    case 10:
      return new Date(random.pick([0, -1, 8.64e15]))
    default:
      return new Uint8Array(random.below(40)).fill(random.below(256))
  }
}

/** `depth` arrays or objects in each other. */
export function nested(depth: number, inner: unknown, random: FuzzRandom): unknown {
  const asArrays = random.once(2)
  let value = inner
  for (let i = 0; i < depth; i++) value = asArrays ? [value] : { a: value }
  return value
}

/** An object with one own member, whatever its name. */
function own(name: string, value: unknown): object {
  return Object.fromEntries([
    [name, value],
    ['valueOf', 1],
  ])
}
