import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClusterEvent } from './cluster-event.js'
import { createCodec } from './create-codec.js'
import { decodeEvents, encodeEvent, encodeEvents, eventBatchRoutingKey, eventRoutingKey } from './event-message.js'
import type { Message } from './message.js'

const codec = createCodec({ accept: ['json'], serializer: 'json' })
const NOW = 1_795_171_575_000

const RECEIVED: ClusterEvent = {
  type: 'task-received',
  hostname: 'w@h',
  pid: 7,
  clock: 3,
  timestamp: NOW,
  utcoffset: -1,
  fields: { uuid: 'u', name: 't', rootId: 'r', parentId: undefined, retries: 0, eta: undefined },
}

const WIRE = { hostname: 'w@h', utcoffset: 0, pid: 7, clock: 3, uuid: 'u', timestamp: NOW / 1000, type: 'task-started' }

function message(body: unknown, headers: Message['headers'] = {}): Message {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return { headers, properties, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }
}

describe('events on the wire', () => {
  it('have the members of Celery, its names and its units', () => {
    const { headers, properties, body } = encodeEvent(RECEIVED, codec)
    assert.equal(
      Buffer.from(body).toString(),
      '{"hostname":"w@h","utcoffset":-1,"pid":7,"clock":3,"uuid":"u","name":"t","root_id":"r","parent_id":null,"retries":0,' +
        '"eta":null,"timestamp":1795171575,"type":"task-received"}',
    )
    assert.deepEqual(headers, { hostname: 'w@h' })
    assert.deepEqual([properties.deliveryMode, properties.priority], [1, 0])
    const heartbeat = {
      ...RECEIVED,
      type: 'worker-heartbeat',
      fields: { freq: 2000, swIdent: 'lovage', loadavg: [1, 2, 3] },
    }
    const wire = JSON.parse(Buffer.from(encodeEvent(heartbeat, codec).body).toString())
    assert.deepEqual([wire.freq, wire.sw_ident, wire.loadavg], [2, 'lovage', [1, 2, 3]])
  })

  it('come back as they were, alone and in lists', () => {
    const started: ClusterEvent = { ...RECEIVED, type: 'task-started', fields: { uuid: 'u' } }
    assert.deepEqual(decodeEvents(encodeEvent(RECEIVED, codec), codec).events, [RECEIVED])
    assert.deepEqual(decodeEvents(encodeEvents([RECEIVED, started], codec), codec).events, [RECEIVED, started])
    assert.ok(Array.isArray(JSON.parse(Buffer.from(encodeEvents([started], codec).body).toString())))
  })

  it('of the user keep the names of their fields', () => {
    const custom: ClusterEvent = {
      ...RECEIVED,
      type: 'task-progress',
      fields: { uuid: 'u', root_id: 1, percentDone: 50 },
    }
    assert.deepEqual(decodeEvents(encodeEvent(custom, codec), codec).events, [custom])
  })

  it('are written alike by every way of serializer json, and by another as that one writes', () => {
    const custom: ClusterEvent = { ...RECEIVED, type: 'task-progress', fields: { uuid: 'u', percent: 50 } }
    for (const events of [[RECEIVED], [RECEIVED, RECEIVED], [RECEIVED, custom]] as const) {
      const [first, ...others] = events
      assert.deepEqual(encodeEvents([first, ...others], codec, 'json'), encodeEvents([first, ...others], codec))
    }
    const both = createCodec({ accept: ['msgpack'], serializer: 'json' })
    const packed = encodeEvents([RECEIVED], both, 'msgpack')
    assert.equal(packed.properties.contentType, 'application/x-msgpack')
    assert.deepEqual(decodeEvents(packed, both).events, [RECEIVED])
  })

  it('travel on keys made of their type', () => {
    assert.equal(eventRoutingKey('worker-heartbeat'), 'worker.heartbeat')
    assert.equal(eventBatchRoutingKey('task-received'), 'task.multi')
  })

  it('M44 that are none are dropped and counted, their neighbours stay', () => {
    const bad: readonly unknown[] = [
      null,
      7,
      [],
      {},
      { ...WIRE, type: undefined },
      { ...WIRE, type: 'untyped' },
      { ...WIRE, type: '-x' },
      { ...WIRE, hostname: undefined },
      { ...WIRE, hostname: '' },
      { ...WIRE, timestamp: 'now' },
      { ...WIRE, timestamp: undefined },
      { ...WIRE, timestamp: NOW },
      { ...WIRE, clock: undefined },
      { ...WIRE, clock: -1 },
      { ...WIRE, clock: 1.5 },
      { ...WIRE, uuid: undefined },
    ]
    for (const event of bad) {
      const { events, dropped, detail } = decodeEvents(message([event, WIRE]), codec, NOW)
      assert.deepEqual([events.length, dropped], [1, 1], JSON.stringify(event))
      assert.ok(detail !== undefined)
    }
    assert.equal(
      decodeEvents(message(`[${JSON.stringify(WIRE).replace('"clock":3', '"clock":9223372036854775808')}]`), codec)
        .dropped,
      1,
    )
    assert.equal(decodeEvents(message(WIRE, { hostname: 'other@h' }), codec).dropped, 1)
    assert.deepEqual(decodeEvents(message([]), codec), { events: [], dropped: 0, detail: undefined })
  })

  it('M44 in bodies that nobody can read, or too large, are dropped whole', () => {
    for (const text of ['', '{', 'x']) assert.equal(decodeEvents(message(text), codec).dropped, 1)
    assert.equal(decodeEvents(message({ ...WIRE, exception: 'x'.repeat(2 ** 20) }), codec).dropped, 1)
    assert.equal(decodeEvents(message([{ ...WIRE, exception: 'x'.repeat(2 ** 20) }, WIRE]), codec).events.length, 2)
  })

  it('a field of the wrong kind is as good as missing', () => {
    const [event] = decodeEvents(
      message({ ...WIRE, type: 'task-succeeded', runtime: 'long', result: 7, requeue: 'yes' }),
      codec,
    ).events
    assert.deepEqual(event?.fields, { uuid: 'u', result: undefined, runtime: undefined, requeue: undefined })
  })
})
