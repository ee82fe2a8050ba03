import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClaimNumbers } from './claim-numbers.js'
import { type Past, readPast, withPast } from './past.js'

const NOW = 1_795_000_000_000
const PAST: Past = { deliveries: 1, mark: 'begun', claim: 0, exchange: '', routingKey: 'q' }

/** Those of a connection for which chance drew this. */
const numbers = (drawn = 0.5): ClaimNumbers => new ClaimNumbers({ next: () => drawn })

test('D45 a claim is larger the more faults there were, then the later it is', () => {
  const claims = [
    numbers(0.5).next(0, NOW, undefined),
    numbers(0.1).next(0, NOW + 100, undefined),
    numbers(0.2).next(1, NOW - 86_400_000, PAST),
    numbers(0.2).next(2, NOW - 10 * 365 * 86_400_000, PAST),
    numbers(0.9999).next(1000, NOW + 10 * 365 * 86_400_000, PAST),
  ]
  assert.deepEqual(
    claims.toSorted((a, b) => a - b),
    claims,
  )
  assert.ok(claims.every(Number.isSafeInteger))
})

test('D45 two messages of one task that come to two connections at one instant have different claims', () => {
  assert.notEqual(numbers(0.25).next(0, NOW, undefined), numbers(0.75).next(0, NOW, undefined))
})

test('D45 claims of one connection at one instant differ, those of copies among them, wherever the count began', () => {
  const ahead = { ...PAST, claim: numbers().next(1, NOW + 3_600_000, undefined) }
  for (const drawn of [0, 0.5, 0.9999]) {
    const own = numbers(drawn)
    const claims = Array.from({ length: 4000 }, (_, i) => own.next(1, NOW, i % 2 === 0 ? undefined : ahead))
    assert.equal(new Set(claims).size, claims.length)
  }
})

test('D45 D95 what is published again has a larger claim wherever it comes, however wrong the clocks are', () => {
  const ahead = numbers(0.5).next(1, NOW + 3_600_000, PAST)
  const past = readPast(withPast({}, { ...PAST, claim: ahead }))
  assert.ok(past !== undefined && numbers(0.1).next(1, NOW - 3_600_000, past) > ahead)
})

test('D45 a copy does not take the number that the connection of its original gave out next', () => {
  const own = numbers()
  const [first, second] = [own.next(0, NOW, undefined), own.next(0, NOW, undefined)]
  const copy = numbers(0.1).next(0, NOW - 3_600_000, { ...PAST, claim: first })
  assert.ok(copy > first && copy !== second)
})
