import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from '@msgpack/msgpack'
import { EncodeError, ProtocolError, type ProtocolFault } from './errors.js'
import { DEFAULT_LIMITS } from './limits.js'
import { packMsgpack, unpackMsgpack } from './msgpack.js'
import { Decimal } from './values.js'

const INTEGERS = [
  0,
  1,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  -1,
  -32,
  -33,
  -128,
  -129,
  -32_768,
  -32_769,
  -(2 ** 31),
  -(2 ** 31) - 1,
  -(2 ** 53) + 1,
]
const PLAIN = {
  integers: INTEGERS,
  floats: [1.5, 1e20, 1e300, Number.NaN, Infinity],
  texts: ['', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(255), 'x'.repeat(256), 'x'.repeat(65_536), 'ž🐎'],
  bytes: [Buffer.alloc(0), Buffer.alloc(255, 1), Buffer.alloc(256, 2), Buffer.alloc(65_536, 3)],
  lists: [
    [],
    Array.from({ length: 15 }, () => null),
    Array.from({ length: 16 }, () => true),
    Array.from({ length: 65_536 }, () => false),
  ],
  map: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
  dates: [new Date(0), new Date(1709210096789), new Date(-1), new Date(8.64e15)],
}

function fault(bytes: readonly number[] | Uint8Array, limits = DEFAULT_LIMITS): ProtocolFault | undefined {
  try {
    unpackMsgpack(Uint8Array.from(bytes), limits)
    return undefined
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error} is a ProtocolError`)
    return error.fault
  }
}

test('plain data survives', () => {
  const value = { ...PLAIN, more: [-0, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)], ['__proto__']: { x: 1 } }
  assert.deepEqual(unpackMsgpack(packMsgpack(value)), value)
})

test('another implementation reads what we write, and we read what it writes', () => {
  const asBytes = (value: unknown): unknown => unpackMsgpack(encode(value))
  assert.deepEqual(decode(packMsgpack({ ...PLAIN, bytes: [] })), { ...PLAIN, bytes: [] })
  assert.deepEqual(asBytes(PLAIN), PLAIN)
  assert.equal(packMsgpack(PLAIN).length, encode(PLAIN).length)
})

test('keys that are no text become it', () => {
  assert.deepEqual(unpackMsgpack(Buffer.from([0x83, 1, 2, 0xc0, 3, 0xc3, 4])), { 1: 2, null: 3, true: 4 })
  assert.equal(fault([0x81, 0x90, 1]), 'undecodable')
})

test('integers of 64 bits are numbers where these are exact', () => {
  assert.deepEqual(
    unpackMsgpack(Buffer.from([0x92, 0xcf, 0, 0, 0, 0, 0, 0, 0, 5, 0xd3, 255, 255, 255, 255, 255, 255, 255, 255])),
    [5, -1],
  )
})

test('bytes that are no msgpack are undecodable', () => {
  for (const bytes of [
    [],
    [0xc1],
    [0x91],
    [0x81, 0xa1],
    [1, 2],
    [0xa1, 0xff],
    [0xd9, 5, 0x61],
    [0xc4, 1],
    [0xd4, 5, 1],
    [0xc7, 3, 0xff, 1, 2, 3],
    [0xd6, 0xff, 1],
    [0xcb, 0],
  ]) {
    assert.equal(fault(bytes), 'undecodable', JSON.stringify(bytes))
  }
})

test('M08 a few bytes that promise billions of values cost nothing', () => {
  assert.equal(fault([0xdd, 0xff, 0xff, 0xff, 0xff]), 'undecodable')
  assert.equal(fault([0xdf, 0x7f, 0xff, 0xff, 0xff]), 'undecodable')
  assert.equal(fault([0xdb, 0xff, 0xff, 0xff, 0xff]), 'undecodable')
})

test('L04 depth and number of values are limited', () => {
  assert.equal(fault([...Array.from({ length: 512 }, () => 0x91), 1]), undefined)
  assert.equal(fault([...Array.from({ length: 513 }, () => 0x91), 1]), 'malformed')
  assert.equal(fault(new Uint8Array(1_000_000).fill(0x91)), 'malformed')
  assert.equal(fault([0x93, 1, 2, 3], { ...DEFAULT_LIMITS, values: 3 }), 'too-large')
})

test('M50 what msgpack has no form for is refused with its place', () => {
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  for (const [value, path] of [
    [[{ a: [() => 1] }], 'args.a[0]'],
    [[[2n ** 64n]], 'args[0]'],
    [[[new Decimal('1.1')]], 'args[0]'],
    [[[new Map()]], 'args[0]'],
    [[[new Date(Number.NaN)]], 'args[0]'],
    [[['\ud800']], 'args[0]'],
    [[{ '\udc00': 1 }], 'args["\\udc00"]'],
    [
      [
        [
          new Proxy(
            {},
            {
              ownKeys() {
                throw new Error('no')
              },
            },
          ),
        ],
      ],
      'args[0]',
    ],
  ] as const) {
    assert.throws(
      () => packMsgpack(value, { names: ['args'] }),
      (error: unknown) => error instanceof EncodeError && error.path === path,
      path,
    )
  }
  assert.throws(() => packMsgpack(cyclic), EncodeError)
  assert.throws(() => packMsgpack(new Array(1e9)), { code: 'LVG_ENCODE_TOO_LARGE' })
})
