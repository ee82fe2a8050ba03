import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoff, backoffCeiling } from './backoff.js'
import type { Random } from './runtime.js'

const RULE = { first: 100, cap: 30_000 }

function always(value: number): Random {
  return { next: () => value, bytes: n => new Uint8Array(n) }
}

test('the ceiling doubles from the first span up to the cap', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 9].map(attempt => backoffCeiling(attempt, RULE)),
    [100, 200, 400, 3200, 30_000],
  )
})

test('the span is drawn from the whole range below the ceiling', () => {
  assert.equal(backoff(2, RULE, always(0)), 0)
  assert.equal(backoff(2, RULE, always(0.25)), 100)
  assert.ok(backoff(2, RULE, always(1 - 2 ** -53)) < 400)
})

test('it is never negative, above the cap or not a number, for any attempt', () => {
  const attempts = fc.oneof(fc.nat(), fc.constantFrom(1e4, 2 ** 53, Number.MAX_VALUE))
  const value = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(attempts, value, (attempt, drawn) => {
      const span = backoff(attempt, RULE, always(drawn))
      assert.ok(span >= 0 && span <= RULE.cap)
    }),
  )
})

test('a first span above the cap is cut to it', () => {
  assert.equal(backoffCeiling(0, { first: 500, cap: 50 }), 50)
})
