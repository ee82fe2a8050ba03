import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ToChild } from '../../pools/child-protocol.js'
import { OpenCalls } from './open-calls.js'

/** Calls 1, 2, … of tasks a, b, …, each sent a millisecond after the one before. */
function sent(count: number): { readonly calls: OpenCalls; readonly clock: { now: number } } {
  const clock = { now: 0 }
  const calls = new OpenCalls(() => clock.now)
  for (let call = 1; call <= count; call++) {
    calls.sent(callOf(call))
    clock.now++
  }
  return { calls, clock }
}

function callOf(call: number): ToChild & { readonly kind: 'call' } {
  const headers = { id: String.fromCharCode(96 + call), task: 'plain' }
  return { kind: 'call', call, task: { headers } as unknown as (ToChild & { readonly kind: 'call' })['task'] }
}

describe('the calls of a child, as its worker may take them to be', () => {
  test('the first is the oldest without an outcome, from where the one before it ended', () => {
    const { calls, clock } = sent(3)
    assert.deepEqual([calls.first?.id, calls.firstSince, calls.behind(2)], ['a', 0, 1])
    clock.now = 10
    assert.equal(calls.ended(1)?.id, 'a')
    assert.deepEqual([calls.first?.id, calls.firstSince, calls.handed], ['b', 10, 3])
  })

  test('what is behind the first comes back as soon as all is heard that was sent before the recall', () => {
    const { calls } = sent(3)
    calls.recall()
    assert.equal(calls.caughtUp(), 2)
    assert.deepEqual([calls.first?.id, calls.size, calls.handed], ['a', 1, 1])
    assert.equal(calls.answered(1), 0)
  })

  test('one that has become the first by then comes back with the answer, if it had not begun', () => {
    for (const begun of [1, 2]) {
      const { calls } = sent(3)
      calls.recall()
      calls.ended(1)
      assert.equal(calls.caughtUp(), 1)
      assert.equal(calls.first?.id, 'b')
      assert.equal(calls.answered(begun), 2 - begun)
      assert.equal(calls.first?.id, begun === 1 ? undefined : 'b')
    }
  })

  test('a call that was sent after the recall is none of those that it concerned', () => {
    const { calls } = sent(1)
    calls.recall()
    calls.ended(1)
    calls.sent(callOf(2))
    assert.deepEqual([calls.caughtUp(), calls.answered(1), calls.first?.id], [0, 0, 'b'])
  })
})
