import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskId } from '../../src/protocol/ids.js'
import type { ResultMeta } from '../../src/protocol/result-meta.js'
import { type AdmitFacts, admit, PARK_AFTER } from '../../src/worker/admit.js'
import { requestOf } from '../support/requests.js'

const NOW = 1_000_000

function facts(changes: Partial<AdmitFacts> = {}, request: Parameters<typeof requestOf>[0] = {}): AdmitFacts {
  return {
    request: requestOf(request),
    redelivered: false,
    faults: 0,
    begun: true,
    maxDeliveries: 3,
    here: 'unknown',
    registered: true,
    revoked: false,
    stored: 'unasked',
    unknownTask: 'hand-back',
    handBacks: 0,
    now: NOW,
    canPark: true,
    full: false,
    turn: undefined,
    ...changes,
  }
}

const meta = (status: string, intent?: ResultMeta['intent']): ResultMeta => ({
  taskId: 't-1' as TaskId,
  status,
  result: undefined,
  error: undefined,
  traceback: undefined,
  children: [],
  dateDone: undefined,
  ...(intent === undefined ? {} : { intent }),
})

describe('admit', () => {
  test('an ordinary delivery runs', () => assert.deepEqual(admit(facts()), { kind: 'run' }))

  test('D46 what runs here is adopted, what ended here is only acked', () => {
    assert.deepEqual(admit(facts({ here: 'running', redelivered: true })), { kind: 'adopt' })
    assert.deepEqual(admit(facts({ here: 'finished' })), { kind: 'finished' })
  })

  test('D44 a redelivered one asks the backend first, a fresh one does not', () => {
    assert.deepEqual(admit(facts({ redelivered: true })), { kind: 'consult' })
    assert.deepEqual(admit(facts({ redelivered: true, stored: 'unkept' })), { kind: 'run' })
    assert.deepEqual(admit(facts({ redelivered: true, stored: undefined })), { kind: 'run' })
  })

  for (const status of ['SUCCESS', 'FAILURE', 'REVOKED']) {
    test(`D44 a stored ${status} is replayed, not run`, () => {
      assert.equal(admit(facts({ redelivered: true, stored: meta(status) })).kind, 'replay')
    })
  }

  test('D51 a stored retry intent newer than the message is replayed; one that led to the message is not', () => {
    const stored = meta('RETRY', { retries: 1, eta: 5 })
    assert.equal(admit(facts({ redelivered: true, stored }, { retries: 0 })).kind, 'replay')
    assert.equal(admit(facts({ redelivered: true, stored }, { retries: 1 })).kind, 'run')
  })

  test('D51 the retry of another task under the id, which it replaced or was replaced by, is none of its own', () => {
    const stored = { ...meta('RETRY', { retries: 1, eta: 5 }), nesting: 1 }
    for (const [replacedTaskNesting, kind] of [
      [0, 'run'],
      [1, 'replay'],
      [2, 'run'],
    ] as const) {
      assert.equal(admit(facts({ redelivered: true, stored }, { replacedTaskNesting })).kind, kind)
    }
  })

  test('an unfinished state does not keep a redelivery from running', () => {
    assert.equal(admit(facts({ redelivered: true, stored: meta('STARTED') })).kind, 'run')
  })

  test('revoked and expired ones are discarded; the last instant before expiry still runs', () => {
    assert.deepEqual(admit(facts({ revoked: true })), { kind: 'discard', why: { kind: 'revoked' } })
    assert.deepEqual(admit(facts({}, { expires: NOW - 1 })), { kind: 'discard', why: { kind: 'expired' } })
    assert.deepEqual(admit(facts({}, { expires: NOW })), { kind: 'run' })
  })

  test('a task with a limit waits for its turn, after everything that keeps it from running at all', () => {
    assert.deepEqual(admit(facts({ turn: 0 })), { kind: 'throttle' })
    assert.equal(admit(facts({ turn: 100_000 })).kind, 'postpone')
    assert.equal(admit(facts({ turn: 0, revoked: true })).kind, 'discard')
    assert.equal(admit(facts({ turn: 0, faults: 3 })).kind, 'discard')
    assert.equal(admit(facts({ turn: 0 }, { eta: NOW + 1000 })).kind, 'hold')
  })

  test('an eta is waited for here when it is near, at the store when it is far or there is no room', () => {
    const near = { eta: NOW + PARK_AFTER }
    assert.deepEqual(admit(facts({}, near)), { kind: 'hold', until: NOW + PARK_AFTER })
    assert.deepEqual(admit(facts({}, { eta: NOW + PARK_AFTER + 1 })), { kind: 'park', delay: PARK_AFTER + 1 })
    assert.equal(admit(facts({ full: true }, near)).kind, 'park')
    assert.equal(admit(facts({ full: true, canPark: false }, near)).kind, 'hold')
    assert.deepEqual(admit(facts({}, { eta: NOW })), { kind: 'run' })
  })

  test('D60 the delivery after the last allowed fault is poison', () => {
    assert.deepEqual(admit(facts({ faults: 2, redelivered: true, stored: 'unkept' })), { kind: 'run' })
    const poison = admit(facts({ faults: 3, redelivered: true, stored: 'unkept' }))
    assert.deepEqual(poison, { kind: 'discard', why: { kind: 'poison', faults: 3 } })
  })

  test("D60 a message that only waited in workers that died is nobody's poison", () => {
    assert.deepEqual(admit(facts({ faults: 3, begun: false, redelivered: true, stored: 'unkept' })), { kind: 'run' })
  })

  test('D65 an unknown task goes back with growing delay, or is rejected at once', () => {
    const delays = [0, 1, 2, 3, 6, 7, 8, 9, 99].map(handBacks => admit(facts({ registered: false, handBacks })))
    assert.deepEqual(
      delays.map(admission => (admission.kind === 'hand-back' ? admission.delay : admission.kind)),
      [100, 200, 400, 800, 1000, 5000, 15_000, 60_000, 60_000],
    )
    const rejected = admit(facts({ registered: false, unknownTask: 'reject' }))
    assert.deepEqual(rejected, { kind: 'discard', why: { kind: 'unknown-task' } })
  })
})
