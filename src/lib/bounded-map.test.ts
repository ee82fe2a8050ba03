import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BoundedMap } from './bounded-map.js'

test('what was set can be had until its time is over', () => {
  const map = new BoundedMap<string, number>({ max: 10, ttl: 1000 })
  map.set('a', 1, 0)
  assert.equal(map.get('a', 1000), 1)
  assert.equal(map.get('a', 1001), undefined)
})

test('the oldest entry leaves first when there are too many', () => {
  const map = new BoundedMap<string, number>({ max: 2, ttl: 1000 })
  for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, i, i)
  assert.equal(map.size, 2)
  assert.deepEqual(
    ['a', 'b', 'c'].map(key => map.get(key, 2)),
    [undefined, 1, 2],
  )
})

test('setting a key again makes it the youngest', () => {
  const map = new BoundedMap<string, number>({ max: 2, ttl: 1000 })
  map.set('a', 1, 0)
  map.set('b', 2, 1)
  map.set('a', 3, 2)
  map.set('c', 4, 3)
  assert.equal(map.get('a', 3), 3)
  assert.equal(map.get('b', 3), undefined)
})

test('entries that are too old leave when others come, a few at a time', () => {
  const map = new BoundedMap<number, number>({ max: 10_000, ttl: 10 })
  for (let i = 0; i < 1000; i++) map.set(i, i, i)
  assert.ok(map.size < 100, `${map.size} of 11 that are young enough`)
})

test('an entry found too old is forgotten', () => {
  const map = new BoundedMap<string, number>({ max: 10, ttl: 10 })
  map.set('a', 1, 0)
  map.get('a', 11)
  assert.equal(map.size, 0)
})

test('deleting tells whether there was something to delete', () => {
  const map = new BoundedMap<string, number>({ max: 10, ttl: 10 })
  map.set('a', 1, 0)
  assert.equal(map.delete('a'), true)
  assert.equal(map.delete('a'), false)
})
