import assert from 'node:assert/strict'
import type { Message, Properties } from '../../protocol/message.js'
import type { BrokerBench, BrokerCase } from './broker-bench.js'

const PROPERTIES: Properties = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  correlationId: '5f2b1a34-7e0c-4d1f-9a86-6c6f76616765',
  replyTo: 'reply',
  deliveryMode: 2,
  priority: 3,
  expiration: '60000',
  messageId: 'm-1',
  timestamp: 1_790_000_000,
  type: 'task',
  userId: 'guest',
  appId: 'app',
  clusterId: 'cluster',
}

const TEXT_HEADERS: Readonly<Record<string, unknown>> = {
  none: null,
  yes: true,
  no: false,
  whole: 42,
  negative: -7,
  half: 0.5,
  empty: '',
  text: 'smörgåsbord \u{1f33f} \\ " \n',
  list: [null, 1, 'two', [3, [4]], { five: 6 }],
  nested: { deep: { deeper: [true] }, 'odd key.with:signs': 1 },
}

const BINARY_HEADERS: Readonly<Record<string, unknown>> = {
  bytes: Uint8Array.from({ length: 256 }, (_, i) => i),
  noBytes: new Uint8Array(0),
  date: new Date(1_790_000_000_000),
  inside: [{ bytes: Uint8Array.of(0, 255), date: new Date(0) }],
}

const WIDE_HEADERS: Readonly<Record<string, unknown>> = { big: 2n ** 60n + 1n, inside: [-(2n ** 60n) - 1n] }

/** Nothing about a message changes on its way. */
export const MESSAGES: readonly BrokerCase[] = [
  {
    name: 'every property arrives as it was sent',
    async run(bench) {
      const message = { headers: {}, properties: PROPERTIES, body: Buffer.from('x') }
      assert.deepEqual((await roundTrip(bench, message)).properties, PROPERTIES)
    },
  },
  {
    name: 'a message without properties and headers arrives without',
    async run(bench) {
      const arrived = await roundTrip(bench, { headers: {}, properties: {}, body: Buffer.from('x') })
      const present = Object.entries(arrived.properties).filter(([, value]) => value !== undefined && value !== null)
      assert.deepEqual(present, [])
      assert.deepEqual(plain(arrived.headers), {})
    },
  },
  {
    name: 'headers of every JSON type arrive as they were sent',
    async run(bench) {
      const message = { headers: TEXT_HEADERS, properties: {}, body: Buffer.from('x') }
      assert.deepEqual(plain((await roundTrip(bench, message)).headers), plain(TEXT_HEADERS))
    },
  },
  {
    name: 'headers that hold bytes and dates arrive as they were sent',
    async run(bench) {
      const message = { headers: BINARY_HEADERS, properties: {}, body: Buffer.from('x') }
      assert.deepEqual(plain((await roundTrip(bench, message)).headers), plain(BINARY_HEADERS))
    },
  },
  {
    name: 'headers that hold integers of 64 bits arrive as they were sent',
    needs: ['wide-integers'],
    async run(bench) {
      const message = { headers: WIDE_HEADERS, properties: {}, body: Buffer.from('x') }
      assert.deepEqual(plain((await roundTrip(bench, message)).headers), plain(WIDE_HEADERS))
    },
  },
  {
    name: 'a body of every byte arrives as it was sent',
    async run(bench) {
      const body = Uint8Array.from({ length: 1_024 }, (_, i) => (i * 7) & 0xff)
      const arrived = await roundTrip(bench, { headers: {}, properties: {}, body })
      assert.deepEqual(Buffer.from(arrived.body), Buffer.from(body))
    },
  },
  {
    name: 'an empty body arrives empty',
    async run(bench) {
      const arrived = await roundTrip(bench, { headers: {}, properties: {}, body: new Uint8Array(0) })
      assert.equal(arrived.body.byteLength, 0)
    },
  },
  {
    name: 'L01 a body of 15 MiB arrives as it was sent',
    async run(bench) {
      const body = Buffer.alloc(15 * 1024 * 1024)
      for (let i = 0; i < body.length; i += 4_099) body[i] = i & 0xff
      const arrived = await roundTrip(bench, { headers: {}, properties: {}, body })
      assert.ok(Buffer.from(arrived.body).equals(body))
    },
  },
]

async function roundTrip(bench: BrokerBench, message: Message): Promise<Message> {
  const { connection, queue } = await bench.queue()
  const to = { exchange: '', routingKey: queue.name }
  await connection.publish(message, to, { publishId: bench.publishId() })
  return (await bench.getOne(connection, queue.name)).message
}

/** Comparable, whatever class the bytes come back in: bytes as hex, dates and big integers tagged. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { integer: value.toString() }
  if (value instanceof Date) return { date: value.getTime() }
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
