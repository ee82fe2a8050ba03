import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LamportClock } from './lamport-clock.js'

describe('a Lamport clock', () => {
  it('begins at 0, or where an earlier run ended', () => {
    assert.equal(new LamportClock().value, 0)
    assert.equal(new LamportClock(36).value, 36)
  })

  it('goes on by one with each thing that happens here', () => {
    const clock = new LamportClock()
    assert.deepEqual([clock.forward(), clock.forward(), clock.value], [1, 2, 2])
  })

  it('is beyond both when it sees another clock', () => {
    const clock = new LamportClock(7)
    assert.deepEqual([clock.adjust(5000), clock.adjust(3), clock.value], [5001, 5002, 5002])
  })

  it('M44 does not believe what is no count, or more than 2 to the 40th ahead', () => {
    for (const other of [Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 63, 2 ** 40 + 8]) {
      const clock = new LamportClock(7)
      assert.equal(clock.adjust(other), 8, String(other))
    }
    assert.equal(new LamportClock(7).adjust(2 ** 40 + 7), 2 ** 40 + 8)
  })
})
