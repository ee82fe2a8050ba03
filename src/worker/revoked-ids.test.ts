import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskId } from '../protocol/ids.js'
import { RevokedIds } from './revoked-ids.js'

const id = (n: number): TaskId => `id-${n}` as TaskId
const LIMITS = { max: 50_000, ttl: 10_800_000 }

test('L14 H58 of a million revoked ids exactly the newest 50,000 are remembered', () => {
  const ids = new RevokedIds(LIMITS)
  for (let n = 0; n < 1_000_000; n++) ids.add(id(n), 0)
  assert.equal(ids.size, 50_000)
  assert.deepEqual([ids.has(id(950_000), 0), ids.has(id(949_999), 0), ids.has(id(999_999), 0)], [true, false, true])
})

test('L14 below and at the limit all are remembered', () => {
  const ids = new RevokedIds({ ...LIMITS, max: 3 })
  for (const n of [1, 2, 3]) {
    ids.add(id(n), 0)
    assert.equal(ids.size, n)
  }
  assert.ok([1, 2, 3].every(n => ids.has(id(n), 0)))
  ids.add(id(4), 0)
  assert.deepEqual(
    [1, 2, 3, 4].map(n => ids.has(id(n), 0)),
    [false, true, true, true],
  )
})

test('L14 for three hours, and from the last time it was revoked on', () => {
  const ids = new RevokedIds(LIMITS)
  ids.add(id(1), 0)
  assert.deepEqual([ids.has(id(1), 10_800_000), ids.has(id(1), 10_800_001)], [true, false])
  ids.add(id(1), 10_800_001)
  assert.equal(ids.has(id(1), 20_000_000), true)
  assert.equal(ids.size, 1)
})

test('an id that is revoked again and again takes one place', () => {
  const ids = new RevokedIds({ ...LIMITS, max: 2 })
  ids.add(id(1), 0)
  for (let n = 0; n < 10; n++) ids.add(id(2), n)
  assert.deepEqual([ids.has(id(1), 10), ids.has(id(2), 10)], [true, true])
})
