import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLAIM_BATCH, claimLimit, expectBytes, HELD_BYTES, rotate, UNLIMITED_PREFETCH } from './window.js'

const EMPTY = { prefetch: 4, held: 0, heldBytes: 0, expectedBytes: 0 }

test('an empty window claims what the prefetch allows', () => {
  assert.equal(claimLimit(EMPTY), 4)
})

test('a window claims only what it does not hold already', () => {
  assert.equal(claimLimit({ ...EMPTY, held: 3 }), 1)
  assert.equal(claimLimit({ ...EMPTY, held: 4 }), 0)
})

test('a window that was made smaller than what it holds claims nothing', () => {
  assert.equal(claimLimit({ ...EMPTY, prefetch: 2, held: 4 }), 0)
})

test('one claim asks for no more than a batch', () => {
  assert.equal(claimLimit({ ...EMPTY, prefetch: 5_000 }), CLAIM_BATCH)
})

test('L10 no limit is a thousand', () => {
  assert.equal(claimLimit({ ...EMPTY, prefetch: 0, held: UNLIMITED_PREFETCH - 1 }), 1)
  assert.equal(claimLimit({ ...EMPTY, prefetch: 0, held: UNLIMITED_PREFETCH }), 0)
})

test('L10 nothing is claimed beyond the bytes a connection may hold', () => {
  assert.equal(claimLimit({ ...EMPTY, heldBytes: HELD_BYTES }), 0)
  assert.equal(claimLimit({ ...EMPTY, heldBytes: HELD_BYTES - 1 }), 1)
})

test('L10 when messages have been heavy lately, a claim asks for no more than would fit', () => {
  const heldBytes = HELD_BYTES - 30 * 1024 * 1024
  assert.equal(claimLimit({ ...EMPTY, prefetch: 100, heldBytes, expectedBytes: 10 * 1024 * 1024 }), 3)
  assert.equal(claimLimit({ ...EMPTY, prefetch: 100, heldBytes, expectedBytes: 40 * 1024 * 1024 }), 1)
})

test('a heavy message is expected again at once, and forgotten slowly', () => {
  assert.equal(expectBytes(100, 5_000), 5_000)
  assert.equal(expectBytes(8_000, 100), 7_000)
})

test('rotation begins anywhere and leaves nothing out', () => {
  assert.deepEqual(rotate(['a', 'b', 'c'], 0), ['a', 'b', 'c'])
  assert.deepEqual(rotate(['a', 'b', 'c'], 2), ['c', 'a', 'b'])
})
