import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from '../pools/pool.js'
import { EncodeError } from '../protocol/errors.js'
import { reducedOutcome } from './reduced-outcome.js'

const REST = { children: [], runtime: 3 }
const PROBLEM = new EncodeError('value', 'a function cannot leave')

test('H48 an error keeps its class, and its arguments become text', () => {
  const error = { type: 'OddError', args: ['x', 5, () => 1], module: null }
  const outcome: Outcome = { kind: 'failed', error, traceback: 'at', ...REST }
  const reduced = reducedOutcome(outcome, PROBLEM, false)
  assert.ok(reduced.kind === 'failed')
  assert.deepEqual(
    [reduced.error.type, reduced.error.args.slice(0, 2), reduced.traceback],
    ['OddError', ['x', '5'], 'at'],
  )
  assert.equal(typeof reduced.error.args[2], 'string')
})

test('H48 a value that cannot leave is a failure that says why', () => {
  const reduced = reducedOutcome({ kind: 'succeeded', value: () => 1, ...REST }, PROBLEM, false)
  assert.ok(reduced.kind === 'failed')
  assert.deepEqual(
    [reduced.error.type, reduced.error.args, reduced.runtime],
    ['EncodeError', ['value: a function cannot leave'], 3],
  )
})

test('H48 a value that nobody keeps does not fail its task', () => {
  const reduced = reducedOutcome({ kind: 'succeeded', value: () => 1, ...REST }, PROBLEM, true)
  assert.ok(reduced.kind === 'succeeded')
  assert.equal(typeof reduced.value, 'string')
})
