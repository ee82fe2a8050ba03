import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createCodec } from './create-codec.js'
import { EncodeError } from './errors.js'
import { nodeName } from './ids.js'
import type { Message } from './message.js'
import {
  type ControlReply,
  type ControlRequest,
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from './pidbox.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })

const REQUEST: ControlRequest = {
  method: 'rate_limit',
  arguments: { task_name: 't', rate_limit: '10/m' },
  destination: ['w@h'],
  pattern: 'w*',
  matcher: 'glob',
  ticket: 'ticket',
  replyTo: { exchange: 'reply.celery.pidbox', routingKey: 'oid' },
  clock: 4,
  expires: 1_795_171_575_000,
}

const REPLY: ControlReply = { node: nodeName('w@h'), value: { ok: 'pong' }, ticket: 'ticket', clock: 9 }

function message(body: unknown, headers: Message['headers'] = {}): Message {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return { headers, properties, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }
}

describe('control requests', () => {
  it('have the members of Kombu in its order, and come back as they were', () => {
    const sent = encodeControlRequest(REQUEST, codec)
    assert.equal(
      Buffer.from(sent.body).toString(),
      '{"method":"rate_limit","arguments":{"task_name":"t","rate_limit":"10/m"},"destination":["w@h"],"pattern":"w*",' +
        '"matcher":"glob","ticket":"ticket","reply_to":{"exchange":"reply.celery.pidbox","routing_key":"oid"}}',
    )
    assert.deepEqual(sent.headers, { clock: 4, expires: 1_795_171_575 })
    assert.deepEqual(decodeControlRequest(sent, codec), { kind: 'request', request: REQUEST })
  })

  it('of which nobody waits for an answer carry neither ticket nor reply address', () => {
    const cast: ControlRequest = {
      ...REQUEST,
      destination: undefined,
      pattern: undefined,
      matcher: undefined,
      ticket: undefined,
      replyTo: undefined,
      expires: undefined,
    }
    const sent = encodeControlRequest(cast, codec)
    assert.equal('ticket' in JSON.parse(Buffer.from(sent.body).toString()), false)
    assert.equal(sent.headers['expires'], 0)
    assert.deepEqual(decodeControlRequest(sent, codec), { kind: 'request', request: cast })
  })

  it('may be as short as a method', () => {
    const decoded = decodeControlRequest(message({ method: 'ping', destination: [], future: 1 }), codec)
    if (decoded.kind === 'malformed') assert.fail(decoded.detail)
    const { arguments: given, destination, clock, expires } = decoded.request
    assert.deepEqual([given, destination, clock, expires], [{}, undefined, undefined, undefined])
  })

  it('M45 that are malformed still say where an error can go', () => {
    const address = { ticket: 'ticket', reply_to: { exchange: 'e', routing_key: 'k' } }
    const bodies = [
      {},
      { method: 7 },
      { method: '' },
      { method: 'm', arguments: [] },
      { method: 'm', arguments: 'x' },
      { method: 'm', destination: {} },
      { method: 'm', destination: [7] },
    ]
    for (const body of bodies) {
      const decoded = decodeControlRequest(message({ ...body, ...address }), codec)
      if (decoded.kind === 'request') assert.fail(JSON.stringify(body))
      assert.deepEqual([decoded.ticket, decoded.replyTo], ['ticket', { exchange: 'e', routingKey: 'k' }])
    }
    for (const body of ['', '[]', 'x', 'null', '7'])
      assert.equal(decodeControlRequest(message(body), codec).kind, 'malformed')
  })

  it('M45 with an unusable ticket, address or clock are taken as without', () => {
    const odd = { method: 'm', ticket: 7, reply_to: { exchange: 7 }, pattern: 7, destination: 'w@h' }
    const decoded = decodeControlRequest(message(odd, { clock: 2 ** 63, expires: 'x' }), codec)
    if (decoded.kind === 'malformed') assert.fail(decoded.detail)
    const { ticket, replyTo, pattern, clock, expires, destination } = decoded.request
    assert.deepEqual(
      [ticket, replyTo, pattern, clock, expires],
      [undefined, undefined, undefined, undefined, undefined],
    )
    assert.deepEqual(destination, ['w@h'])
  })
})

describe('control replies', () => {
  it('are one object with the node as its only member', () => {
    const sent = encodeControlReply(REPLY, codec)
    assert.equal(Buffer.from(sent.body).toString(), '{"w@h":{"ok":"pong"}}')
    assert.deepEqual(sent.headers, { ticket: 'ticket', clock: 9 })
    assert.deepEqual(decodeControlReply(sent, codec), { kind: 'reply', reply: REPLY })
  })

  it('that name no node, several, or none at all are malformed', () => {
    for (const body of ['', '[]', '{}', '7', '{"a": 1, "b": 2}', '{"": 1}']) {
      assert.equal(decodeControlReply(message(body), codec).kind, 'malformed', body)
    }
  })
})

describe('L17', () => {
  it('control messages beyond 1 MiB and replies beyond 8 MiB are neither sent nor read', () => {
    const long = 'x'.repeat(2 ** 20)
    assert.throws(() => encodeControlRequest({ ...REQUEST, arguments: { long } }, codec), EncodeError)
    assert.equal(decodeControlRequest(message({ method: 'm', arguments: { long } }), codec).kind, 'malformed')
    assert.equal(decodeControlReply(message({ 'w@h': long }), codec).kind, 'reply')
    const longer = 'x'.repeat(2 ** 23)
    assert.throws(() => encodeControlReply({ ...REPLY, value: longer }, codec), EncodeError)
    assert.equal(decodeControlReply(message({ 'w@h': longer }), codec).kind, 'malformed')
  })
})
