import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenBucket } from './token-bucket.js'

/** When each of `count` waiting takers gets its token, the first asking `idle` ms after the bucket was made. */
function pattern(rate: number, count: number, idle: number): readonly number[] {
  const bucket = new TokenBucket(rate, 0)
  const taken: number[] = []
  for (let now = idle; taken.length < count; ) {
    if (bucket.take(now)) taken.push(now - idle)
    else now += bucket.wait(now)
  }
  return taken
}

test('after an idle period two pass at once, then one per 1/rate: what Celery was measured to do at 2/s', () => {
  assert.deepEqual(pattern(2, 6, 10_000), [0, 0, 500, 1000, 1500, 2000])
})

test('a bucket that is asked at once has one token', () => {
  assert.deepEqual(pattern(2, 4, 0), [0, 500, 1000, 1500])
})

test('rates of minutes and hours, and rates that do not divide', () => {
  assert.deepEqual(pattern(10 / 60, 4, 0), [0, 6000, 12_000, 18_000])
  assert.deepEqual(pattern(5 / 3600, 3, 0), [0, 720_000, 1_440_000])
  assert.deepEqual(pattern(3, 4, 0), [0, 334, 668, 1002])
  assert.deepEqual(pattern(0.1, 3, 50_000), [0, 0, 10_000])
})

test('tokens do not pile up', () => {
  const bucket = new TokenBucket(100, 0)
  bucket.take(0)
  bucket.take(10)
  const taken = [0, 1, 2].map(() => bucket.take(100_000))
  assert.deepEqual(taken, [true, false, false])
  assert.equal(bucket.wait(100_000), 10)
})
