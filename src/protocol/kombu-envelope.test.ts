import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEnvelope, type Envelope, encodeEnvelope } from './kombu-envelope.js'
import type { Message } from './message.js'

const TO = { exchange: 'tasks', routingKey: 'ž', deliveryTag: 'tag', publishedAt: 7 }

function messageOf(body: Uint8Array): Message {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8', correlationId: 'ž', priority: 3 }
  return { headers: { task: 't', text: '"žluť\u2028' }, properties, body }
}

function read(text: string): Envelope | undefined {
  return decodeEnvelope(Buffer.from(text))
}

/** The same with the body as its last member. */
function bodyLast(envelope: string): string {
  const { body, ...others } = JSON.parse(envelope) as Record<string, unknown>
  return JSON.stringify({ ...others, body })
}

const LARGE: string = encodeEnvelope(messageOf(Buffer.alloc(50_001, '\u00e9 0123')), TO)

test('a message of any length is read as it was written, wherever its body stands', () => {
  for (const length of [0, 1, 2, 3, 4000, 12_000, 12_200, 12_288, 12_289, 16_384, 100_000, 100_001]) {
    const message = messageOf(Buffer.alloc(length, '{"ž": 1}'))
    const envelope = encodeEnvelope(message, TO)
    const { exchange, routingKey, publishedAt } = TO
    const expected = { message, exchange, routingKey, redelivered: false, faults: 0, begun: undefined, publishedAt }
    assert.deepEqual(read(envelope), expected, `${length} bytes`)
    assert.deepEqual(read(bodyLast(envelope)), expected, `${length} bytes`)
  }
})

test('of two bodies in a large envelope the last one counts', () => {
  const second = LARGE.replace('"content-encoding"', '"body": "c2Vjb25k", "content-encoding"')
  assert.equal(Buffer.from(read(second)?.message.body ?? []).toString(), 'second')
  assert.equal(read(LARGE.replace('"content-encoding"', '"body": null, "content-encoding"'))?.message.body.length, 0)
})

test('the body of a large envelope may be text, with marks that JSON hides', () => {
  const text = `{"a": "\\\\ \u00e9"}${' '.repeat(20_000)}`
  const wire = JSON.parse(LARGE) as { properties: Record<string, unknown> }
  const { body_encoding: _, ...properties } = wire.properties
  const envelope = JSON.stringify({ ...wire, body: text, properties }).replace('{"body":', '{"body": ')
  assert.equal(Buffer.from(read(envelope)?.message.body ?? []).toString(), text)
  const hidden = LARGE.replace('{"body": "', '{"body": "\\u0041\\/\\/\\u0041')
  assert.deepEqual(read(hidden), read(bodyLast(hidden)))
  assert.equal(read(hidden)?.message.body.length, 50_004)
})

test('a large envelope that is broken is none', () => {
  const end = LARGE.indexOf('", "content-encoding"')
  for (const broken of [
    LARGE.slice(0, -1),
    LARGE.slice(0, end),
    `${LARGE}}`,
    `${LARGE.slice(0, 30)}\n${LARGE.slice(30)}`,
    `${LARGE.slice(0, 30)}!!!!${LARGE.slice(30)}`,
    `${LARGE.slice(0, 30)}=${LARGE.slice(31)}`,
    LARGE.replace('"delivery_tag"', '"tag"'),
    LARGE.replace('"body_encoding": "base64"', '"body_encoding": "base65"'),
  ])
    assert.equal(read(broken), undefined, broken.slice(0, 60))
})
