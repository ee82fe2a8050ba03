import assert from 'node:assert/strict'
import { test } from 'node:test'
import { claimNumber, type Past, readPast, withPast } from './past.js'

const NOW = 1_795_000_000_000
const PAST: Past = { deliveries: 1, mark: 'begun', claim: 0, exchange: '', routingKey: 'q' }

test('D45 a claim is larger the more faults there were, then the later it is', () => {
  const claims = [
    claimNumber(0, NOW, 0.5, undefined),
    claimNumber(0, NOW + 100, 0.1, undefined),
    claimNumber(1, NOW - 86_400_000, 0.2, PAST),
    claimNumber(2, NOW - 10 * 365 * 86_400_000, 0.2, PAST),
    claimNumber(1000, NOW + 10 * 365 * 86_400_000, 0.9999, PAST),
  ]
  assert.deepEqual(
    claims.toSorted((a, b) => a - b),
    claims,
  )
  assert.ok(claims.every(Number.isSafeInteger))
})

test('D45 two messages of one task that come to two connections at one instant have different claims', () => {
  assert.notEqual(claimNumber(0, NOW, 0.25, undefined), claimNumber(0, NOW, 0.75, undefined))
})

test('D45 D95 what is published again has a larger claim wherever it comes, however wrong the clocks are', () => {
  const ahead = claimNumber(1, NOW + 3_600_000, 0.5, PAST)
  const past = readPast(withPast({}, { ...PAST, claim: ahead }))
  assert.ok(past !== undefined && claimNumber(1, NOW - 3_600_000, 0.1, past) > ahead)
})

test('a claim that nobody can have counted is no past', () => {
  for (const claim of [-1, 1.5, 2 ** 53, '7', undefined]) {
    assert.equal(readPast({ lovage_past: { deliveries: 1, mark: 'begun', claim, exchange: '', key: 'q' } }), undefined)
  }
})
