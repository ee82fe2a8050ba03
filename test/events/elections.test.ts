import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Elections } from '../../src/events/elections.js'
import type { ReceivedEvent } from '../../src/events/received-event.js'

function elect(hostname: string, clock: number, fields: Readonly<Record<string, unknown>> = {}): ReceivedEvent {
  return event('worker-elect', hostname, clock, { topic: 'task', action: null, cver: 1, ...fields })
}

function ack(hostname: string): ReceivedEvent {
  return event('worker-elect-ack', hostname, 1, {})
}

function event(
  type: string,
  hostname: string,
  clock: number,
  fields: Readonly<Record<string, unknown>>,
): ReceivedEvent {
  const times = { timestamp: 0, receivedAt: 0, seenAt: 0, utcoffset: 0 }
  return { type, hostname, pid: 1, clock, fields: { id: 'e', ...fields }, ...times }
}

function standing(): Elections {
  const elections = new Elections()
  elections.stand('e')
  return elections
}

describe('an election', () => {
  test('is won by the lowest clock', () => {
    const elections = standing()
    for (const one of [elect('a@h', 7), elect('b@h', 5), elect('c@h', 9)]) elections.candidature(one)
    elections.acknowledged(ack('a@h'))
    assert.equal(elections.winner('e', 2), undefined)
    elections.acknowledged(ack('b@h'))
    assert.equal(elections.winner('e', 2)?.candidate, 'b@h.1')
    assert.equal(elections.winner('e', 2), undefined)
  })

  test('with equal clocks by the lowest name', () => {
    const elections = standing()
    for (const one of [elect('b@h', 5), elect('a@h', 5)]) elections.candidature(one)
    elections.acknowledged(ack('b@h'))
    assert.equal(elections.winner('e', 1)?.candidate, 'a@h.1')
  })

  test('is won by a worker that is alone', () => {
    const elections = standing()
    elections.candidature(elect('a@h', 5, { action: { task: 't' } }))
    elections.acknowledged(ack('a@h'))
    assert.deepEqual(elections.winner('e', 0), { clock: 5, candidate: 'a@h.1', topic: 'task', action: { task: 't' } })
  })

  test('is not decided while a candidature is missing, however many have acknowledged: all must come to one winner', () => {
    const elections = standing()
    elections.candidature(elect('a@h', 5))
    for (const who of ['a@h', 'b@h']) elections.acknowledged(ack(who))
    assert.equal(elections.winner('e', 1), undefined)
    elections.candidature(elect('b@h', 3))
    assert.equal(elections.winner('e', 1)?.candidate, 'b@h.1')
  })

  test('is none of ours where we do not stand', () => {
    const elections = new Elections()
    elections.candidature(elect('a@h', 5))
    elections.acknowledged(ack('a@h'))
    assert.equal(elections.winner('e', 0), undefined)
  })

  test('takes no candidature that lacks something, and each once', () => {
    const elections = standing()
    for (const missing of ['id', 'topic', 'action', 'cver']) {
      assert.equal(elections.candidature(elect('a@h', 1, { [missing]: undefined })), false, missing)
    }
    assert.equal(elections.candidature({ ...elect('a@h', 1), pid: undefined }), false)
    for (const clock of [9, 1]) assert.equal(elections.candidature(elect('a@h', clock)), true)
    elections.acknowledged(ack('a@h'))
    assert.equal(elections.winner('e', 0)?.clock, 9)
  })

  test('that nobody ends is forgotten', () => {
    const elections = standing()
    for (let n = 0; n < 2000; n++) elections.candidature(elect('a@h', 1, { id: `x${n}` }))
    elections.candidature(elect('a@h', 1))
    elections.acknowledged(ack('a@h'))
    assert.equal(elections.winner('e', 0), undefined)
  })
})
