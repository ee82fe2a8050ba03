import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type DeadLetterRecord, deadQueue, fromDeadLetter, toDeadLetter } from './dead-letter.js'
import { ProtocolError } from './errors.js'
import { queueName } from './ids.js'
import type { Message } from './message.js'

const MESSAGE: Message = {
  headers: { task: 't', id: 'i', 'x-death': [{ count: 1 }], list: [1, null] },
  properties: { contentType: 'text/plain', priority: 5, expiration: '1000', messageId: 'm' },
  body: Buffer.from([0, 255, 254]),
}

const RECORD: DeadLetterRecord = {
  reason: 'malformed',
  detail: 'no id',
  queue: queueName('mail'),
  exchange: 'ex',
  routingKey: 'key',
  deliveries: 2,
  firstSeen: 1000,
  diedAt: 2000,
  worker: 'w@h',
}

describe('dead letters', () => {
  it('I16 give back the message as it was published, byte for byte, and the record', () => {
    const dead = toDeadLetter(MESSAGE, RECORD)
    assert.equal(dead.body, MESSAGE.body)
    assert.deepEqual(fromDeadLetter(dead), { message: MESSAGE, record: RECORD })
    const { firstSeen, ...rest } = RECORD
    const unseen: DeadLetterRecord = { ...rest, firstSeen: undefined }
    assert.deepEqual(fromDeadLetter(toDeadLetter(MESSAGE, unseen))?.record, unseen)
    assert.equal(firstSeen, 1000)
  })

  it('survive a broker that carries JSON', () => {
    const dead = toDeadLetter(MESSAGE, RECORD)
    const carried = { ...dead, headers: JSON.parse(JSON.stringify(dead.headers)) }
    assert.deepEqual(fromDeadLetter(carried), { message: MESSAGE, record: RECORD })
  })

  it('lose their TTL as long as they are dead: the broker would drop them', () => {
    assert.equal('expiration' in toDeadLetter(MESSAGE, RECORD).properties, false)
  })

  it('may die twice, or come with a header of that name already', () => {
    const once = toDeadLetter(MESSAGE, RECORD)
    const twice = toDeadLetter(once, { ...RECORD, reason: 'poison' })
    assert.deepEqual(fromDeadLetter(twice), { message: once, record: { ...RECORD, reason: 'poison' } })
    const forged = { ...MESSAGE, headers: { lovage_dead: 'mine' } }
    assert.deepEqual(fromDeadLetter(toDeadLetter(forged, RECORD))?.message, forged)
  })

  it('are known by a whole record only', () => {
    for (const lovage_dead of [
      null,
      7,
      'x',
      [],
      {},
      { reason: 'boredom', queue: 'q', died_at: 1 },
      { reason: 'poison', queue: 'q' },
    ]) {
      assert.equal(fromDeadLetter({ ...MESSAGE, headers: { lovage_dead } }), undefined)
    }
    assert.equal(fromDeadLetter(MESSAGE), undefined)
  })

  it('lie in the queue with .dead after its name', () => {
    assert.equal(deadQueue(queueName('mail')), 'mail.dead')
    assert.throws(() => deadQueue(queueName('q'.repeat(252))), ProtocolError)
  })
})
