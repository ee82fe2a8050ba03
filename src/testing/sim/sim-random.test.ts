import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimRandom } from './sim-random.js'

test('the same seed gives the same numbers, whatever else is split off', () => {
  const plain = new SimRandom(5)
  const splitting = new SimRandom(5)
  splitting.split('faults').next()
  assert.deepEqual([plain.next(), plain.next()], [splitting.next(), splitting.next()])
})

test('streams of different purposes differ', () => {
  const random = new SimRandom(5)
  assert.notEqual(random.split('faults').next(), random.split('user').next())
  assert.equal(random.split('a').split('b').next(), new SimRandom(5).split('a/b').next())
})

test('numbers stay in [0, 1) and fill it evenly', () => {
  const random = new SimRandom('even')
  const tenths = new Array<number>(10).fill(0)
  for (let i = 0; i < 20_000; i++) {
    const value = random.next()
    assert.ok(value >= 0 && value < 1)
    const tenth = Math.floor(value * 10)
    tenths[tenth] = (tenths[tenth] ?? 0) + 1
  }
  // Chi-square with 9 degrees of freedom; the seed is fixed, so this either holds or does not.
  const chi = tenths.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)
  assert.ok(chi < 27.9, `chi-square ${chi}`)
})

test('whole numbers reach both ends', () => {
  const random = new SimRandom(1)
  const seen = new Set(Array.from({ length: 200 }, () => random.int(3, 6)))
  assert.deepEqual([...seen].sort(), [3, 4, 5, 6])
})

test('bytes are as many as asked for', () => {
  const random = new SimRandom(1)
  assert.deepEqual(
    [0, 1, 4, 7, 16].map(n => random.bytes(n).length),
    [0, 1, 4, 7, 16],
  )
})

test('shuffling keeps every item and leaves the original alone', () => {
  const items = [1, 2, 3, 4, 5, 6, 7, 8]
  const mixed = new SimRandom(2).shuffled(items)
  assert.deepEqual(items, [1, 2, 3, 4, 5, 6, 7, 8])
  assert.notDeepEqual(mixed, items)
  assert.deepEqual([...mixed].sort(), items)
})

test('there is nothing to pick from an empty list', () => {
  assert.throws(() => new SimRandom(1).pick([]), RangeError)
})
