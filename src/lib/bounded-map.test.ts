import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundedMap } from './bounded-map.js'

test('what was set is remembered for its time, and forgotten before twice that', () => {
  const map = new BoundedMap<string, number>({ max: 10, ttl: 1000 })
  map.set('a', 1, 0)
  assert.equal(map.get('a', 1000), 1)
  assert.equal(map.get('a', 2001), undefined)
  assert.equal(map.size, 0)
})

test('an entry set late in a generation still has its full time', () => {
  const map = new BoundedMap<string, number>({ max: 10, ttl: 1000 })
  map.set('a', 1, 0)
  map.set('b', 2, 999)
  assert.equal(map.get('b', 1999), 2)
  assert.equal(map.get('a', 2001), undefined)
  assert.equal(map.get('b', 3001), undefined)
})

test('there are never more than the maximum, and the newest half is always there', () => {
  const map = new BoundedMap<number, number>({ max: 10, ttl: 1000 })
  for (let i = 0; i < 1000; i++) {
    map.set(i, i, 0)
    assert.ok(map.size <= 10)
    for (let young = Math.max(0, i - 4); young <= i; young++) assert.equal(map.get(young, 0), young)
  }
})

test('setting a key again makes it the youngest', () => {
  const map = new BoundedMap<string, number>({ max: 4, ttl: 1000 })
  for (const key of ['a', 'b', 'a', 'c', 'd']) map.set(key, 1, 0)
  assert.equal(map.get('a', 0), 1)
})

test('deleting tells whether there was something to delete', () => {
  const map = new BoundedMap<string, number>({ max: 10, ttl: 10 })
  map.set('a', 1, 0)
  assert.equal(map.delete('a'), true)
  assert.equal(map.delete('a'), false)
})
