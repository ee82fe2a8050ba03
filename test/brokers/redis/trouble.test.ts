import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { BackendError } from '../../../src/backends/errors.js'
import { jsonStoreCodec } from '../../../src/backends/json-store-codec.js'
import { createRedisBackend } from '../../../src/backends/redis/redis-backend.js'
import { BrokerError, PublishUnknownError, RejectedByBrokerError } from '../../../src/brokers/errors.js'
import { redisAddress } from '../../../src/drivers/redis/redis-url.js'
import { memoryLog } from '../../../src/lib/memory-log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { queueName, taskId } from '../../../src/protocol/ids.js'
import { certificatesMissing, makeCertificates } from '../../support/services/certificates.js'
import { freePort } from '../../support/services/free-port.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'
import { connect, eventually, publish, QUEUE, type RigOptions } from './rig.js'

/* What Redis refuses, or does not answer, is an error with a code that says what, where, and what to do. */

const binary = redisServerMissing()
const openssl = binary ?? certificatesMissing()
const skip = (reason: string | undefined): { readonly skip?: string } => (reason === undefined ? {} : { skip: reason })

interface Expected {
  readonly code: string
  readonly transient: boolean
  readonly text: RegExp
}

/** The broker and the backend say the same; neither shows a password. */
async function assertRefused(url: string, expected: Expected, options: RigOptions = {}): Promise<void> {
  const check = (kind: typeof BrokerError | typeof BackendError) => (error: unknown) => {
    assert.ok(error instanceof kind, String(error))
    assert.equal(error.code, expected.code, error.message)
    assert.equal(error.transient, expected.transient)
    assert.match(error.message, expected.text)
    assert.doesNotMatch(error.message, /canary/)
    return true
  }
  await assert.rejects(connect(url, options), check(BrokerError))
  const codec = jsonStoreCodec(undefined)
  const address = redisAddress(url, options.address)
  await using backend = createRedisBackend({ address, runtime: nodeRuntime(), codec })
  await assert.rejects(backend.fetch(taskId('t')), check(BackendError))
}

test('a wrong password, and none where one is needed', skip(binary), async () => {
  await using server = await privateRedis({ config: { requirepass: 'right' } })
  const auth: Expected = { code: 'LVG_REDIS_AUTH', transient: false, text: /logging in.*127\.0\.0\.1.*password/is }
  await assertRefused(`redis://:canary@127.0.0.1:${server.port}/0`, auth)
  await assertRefused(`redis://127.0.0.1:${server.port}/1`, auth)
  await using rig = await connect(`redis://:right@127.0.0.1:${server.port}/0`)
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
})

test('a password full of signs, raw and percent-encoded', skip(binary), async () => {
  const password = 'p@ss:w/rd%#?x'
  await using server = await privateRedis({ config: { requirepass: `"${password}"` } })
  for (const written of [password, encodeURIComponent(password)]) {
    await using rig = await connect(`redis://:${written}@127.0.0.1:${server.port}/0`)
    await rig.connection.declare({ queues: [{ name: QUEUE }] })
  }
})

test('a missing right is named, with the user and the remedy', skip(binary), async () => {
  await using server = await privateRedis({ users: ['poor on >canary ~* &* -@all +ping +select +client'] })
  const url = `redis://poor:canary@127.0.0.1:${server.port}/0`
  await using rig = await connect(url)
  await assert.rejects(rig.connection.declare({ queues: [{ name: QUEUE }] }), error => {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.code, 'LVG_REDIS_DENIED')
    assert.equal(error.transient, false)
    assert.match(error.message, /hsetnx.*right/is)
    return true
  })
})

test('a database that is not there', skip(binary), async () => {
  await using server = await privateRedis({ config: { databases: '2' } })
  await assertRefused(`redis://127.0.0.1:${server.port}/7`, {
    code: 'LVG_REDIS_DATABASE',
    transient: false,
    text: /database 7/,
  })
})

test('nobody listens; a host that does not exist', async () => {
  const port = await freePort()
  await assertRefused(`redis://u:canary@127.0.0.1:${port}/0`, {
    code: 'LVG_REDIS_UNREACHABLE',
    transient: true,
    text: /connecting.*ECONNREFUSED/is,
  })
})

test('a black hole is given up within the time to connect', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    const expected: Expected = { code: 'LVG_REDIS_UNREACHABLE', transient: true, text: /did not answer within 300 ms/ }
    await assertRefused(`redis://127.0.0.1:${port}/0`, expected, { address: { connectTimeoutMs: 300 } })
  } finally {
    server.close()
  }
})

test('something that is no Redis', async () => {
  const server = createServer(socket => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  try {
    await assert.rejects(connect(`redis://127.0.0.1:${port}/0`), error => {
      assert.ok(error instanceof BrokerError && error.code.startsWith('LVG_REDIS_'), String(error))
      return true
    })
  } finally {
    server.close()
  }
})

test('a server that stops answering in the middle of it', skip(binary), async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url, { address: { answerTimeoutMs: 1500 } })
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
  server.signal('SIGSTOP')
  await assert.rejects(publish(rig.connection, 'x'), error => {
    assert.ok(error instanceof PublishUnknownError, String(error))
    assert.equal(error.code, 'LVG_REDIS_SILENT')
    return true
  })
  const reason = await rig.connection.closed
  assert.ok(reason.kind === 'lost' && reason.error.transient)
  server.signal('SIGCONT')
})

test('F66 TLS: unknown authority, over, wrong port, wrong way round; and the right way', skip(openssl), async () => {
  using files = makeCertificates()
  const tlsOf = (one: { readonly certificate: string; readonly key: string }) => ({
    certificate: one.certificate,
    key: one.key,
    authority: files.authority,
  })
  const tls = (text: RegExp): Expected => ({ code: 'LVG_REDIS_TLS', transient: false, text })
  const ca = `ssl_ca_certs=${encodeURIComponent(files.authority)}`
  {
    await using server = await privateRedis({ tls: tlsOf(files.server) })
    const url = `rediss://127.0.0.1:${server.port}/0`
    await assertRefused(url, tls(/certificate/i))
    await assertRefused(`${url}?ssl_ca_certs=${encodeURIComponent(files.foreignAuthority)}`, tls(/certificate/i))
    await assertRefused(`${url}?ssl_ca_certs=/nowhere.pem`, tls(/nowhere\.pem/))
    for (const query of [ca, 'ssl_cert_reqs=none', 'ssl_cert_reqs=CERT_NONE', `ssl_cert_reqs=CERT_REQUIRED&${ca}`]) {
      await using rig = await connect(`${url}?${query}`)
      await rig.connection.declare({ queues: [{ name: QUEUE }] })
    }
    await using byOption = await connect(`redis://127.0.0.1:${server.port}/0`, {
      address: { tls: { ssl_ca_certs: files.authority } },
    })
    await byOption.connection.declare({ queues: [{ name: QUEUE }] })
    await assert.rejects(connect(`redis://127.0.0.1:${server.port}/0`), BrokerError)
  }
  {
    await using server = await privateRedis({ tls: tlsOf(files.expired) })
    await assertRefused(`rediss://127.0.0.1:${server.port}/0?${ca}`, tls(/expired/i))
  }
  {
    await using server = await privateRedis({ tls: { ...tlsOf(files.server), clients: true } })
    const { certificate, key } = files.client
    await using rig = await connect(
      `rediss://127.0.0.1:${server.port}/0?${ca}&ssl_certfile=${certificate}&ssl_keyfile=${key}`,
    )
    await rig.connection.declare({ queues: [{ name: QUEUE }] })
  }
  {
    await using plain = await privateRedis()
    await assertRefused(`rediss://127.0.0.1:${plain.port}/0?${ca}`, {
      // It waits for the end of what it takes for a command.
      code: 'LVG_REDIS_UNREACHABLE',
      transient: true,
      text: /speaks what the URL says \(TLS or not\)/,
    })
  }
})

test(
  'F31 out of memory: a publish is rejected, what is queued can be drained, and then it goes on',
  skip(binary),
  async () => {
    await using server = await privateRedis({ config: { 'maxmemory-policy': 'noeviction' } })
    await using rig = await connect(server.url)
    const { connection } = rig
    await connection.declare({ queues: [{ name: QUEUE }] })
    await publish(connection, 'first')
    const client = await server.client()
    await client.config('SET', 'maxmemory', '1mb')
    await assert.rejects(publish(connection, 'x'), error => {
      assert.ok(error instanceof RejectedByBrokerError, String(error))
      assert.equal(error.code, 'LVG_REDIS_FULL')
      return true
    })
    const [delivery] = await connection.get(QUEUE, 1)
    assert.equal(await delivery?.ack(), 'settled')
    await client.config('SET', 'maxmemory', '0')
    await publish(connection, 'y')
  },
)

test('F34 a script cache that was flushed is filled again', skip(binary), async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url)
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
  const client = await server.client()
  for (const text of ['0', '1']) {
    await publish(rig.connection, text)
    await client.script('FLUSH')
    const [delivery] = await rig.connection.get(QUEUE, 1)
    await client.script('FLUSH')
    assert.equal(await delivery?.ack(), 'settled')
    await client.script('FLUSH')
  }
})

test(
  'D07 many messages of one turn are several scripts, and stand in their order, also where the server must be told the script',
  skip(binary),
  async () => {
    await using server = await privateRedis()
    await using rig = await connect(server.url)
    await rig.connection.declare({ queues: [{ name: QUEUE }] })
    const texts = Array.from({ length: 250 }, (_, i) => String(i))
    await Promise.all(texts.map(text => publish(rig.connection, text)))
    const client = await server.client()
    // The first in vain: the server is told its text then.
    assert.match(String(await client.info('commandstats')), /cmdstat_evalsha:calls=3,/)
    const deliveries = await rig.connection.get(QUEUE, texts.length)
    assert.deepEqual(
      deliveries.map(({ message }) => Buffer.from(message.body).toString()),
      texts,
    )
  },
)

test('D06 what Redis refuses of one turn fails alone', skip(binary), async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url)
  const other = queueName('other')
  await rig.connection.declare({ queues: [{ name: QUEUE }, { name: other }] })
  const client = await server.client()
  await client.set(other, 'no list')
  const message = { headers: {}, properties: {}, body: Buffer.from('x') }
  const publishTo = (routingKey: string, publishId: string) =>
    rig.connection.publish(message, { exchange: '', routingKey }, { publishId })
  const settled = await Promise.allSettled([publishTo(QUEUE, 'a'), publishTo(other, 'b'), publishTo(QUEUE, 'c')])
  assert.deepEqual(
    settled.map(one => (one.status === 'fulfilled' ? 'accepted' : one.reason.code)),
    ['accepted', 'LVG_REDIS_WRONG_TYPE', 'accepted'],
  )
})

test('D39 a master that becomes a replica ends the session', skip(binary), async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url)
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
  await using other = await privateRedis()
  const client = await server.client()
  await client.replicaof('127.0.0.1', other.port)
  await assert.rejects(publish(rig.connection, 'x'), error => {
    assert.ok(error instanceof BrokerError && error.code === 'LVG_REDIS_READONLY' && error.transient, String(error))
    return true
  })
  const reason = await rig.connection.closed
  assert.ok(reason.kind === 'lost' && reason.error.code === 'LVG_REDIS_READONLY')
})

test('M39 a queue whose key holds something else is named once; the others are served', skip(binary), async () => {
  await using server = await privateRedis()
  const client = await server.client()
  await client.set('tasks', 'not a list')
  const { log, lines } = memoryLog()
  await using rig = await connect(server.url, { runtime: nodeRuntime({ log }) })
  const { connection } = rig
  const good = queueName('good')
  await connection.declare({ queues: [{ name: QUEUE }, { name: good }] })
  await assert.rejects(publish(connection, 'x'), error => {
    assert.ok(error instanceof RejectedByBrokerError && error.code === 'LVG_REDIS_WRONG_TYPE', String(error))
    assert.match(error.message, /tasks/)
    return true
  })
  const message = { headers: {}, properties: {}, body: Buffer.from('y') }
  await connection.publish(message, { exchange: '', routingKey: good }, { publishId: 'y' })
  const seen: string[] = []
  const consumer = await connection.consume([{ name: QUEUE }, { name: good }], 10)
  for await (const batch of consumer) {
    seen.push(...batch.map(delivery => Buffer.from(delivery.message.body).toString()))
    break
  }
  assert.deepEqual(seen, ['y'])
  const complaints = lines.filter(line => /"tasks".*no list/.test(line.message))
  assert.equal(complaints.length, 1)
})

test('M39 a key of our bookkeeping that holds something else is named, and nothing is lost', skip(binary), async () => {
  for (const key of ['unacked', 'unacked_index', 'lovage.lease']) {
    await using server = await privateRedis()
    await using rig = await connect(server.url)
    await rig.connection.declare({ queues: [{ name: QUEUE }] })
    await publish(rig.connection, 'x')
    const client = await server.client()
    await client.set(key, 'mine')
    await assert.rejects(rig.connection.get(QUEUE, 1), error => {
      assert.ok(error instanceof BrokerError, String(error))
      assert.equal(error.code, 'LVG_REDIS_WRONG_TYPE', error.message)
      assert.ok(error.message.includes(key), error.message)
      return true
    })
    assert.equal(await client.llen('tasks'), 1, key)
    await client.del(key)
    assert.equal((await rig.connection.get(QUEUE, 1)).length, 1, key)
  }
})

test('D11 one line says what the server keeps; another policy than noeviction is a warning', skip(binary), async () => {
  await using server = await privateRedis({
    config: { appendonly: 'yes', appendfsync: 'always', 'maxmemory-policy': 'allkeys-lru' },
  })
  const { log, lines } = memoryLog()
  await using rig = await connect(server.url, { runtime: nodeRuntime({ log }) })
  await rig.connection.consume([{ name: QUEUE }], 1)
  await eventually('two lines', async () => (lines.length >= 2 ? true : undefined))
  assert.match(lines[0]?.message ?? '', /appendfsync always/)
  assert.deepEqual([lines[1]?.level, /allkeys-lru/.test(lines[1]?.message ?? '')], ['warning', true])
})

test('with redisWait a publish counts when the replicas have it, and otherwise may run', skip(binary), async () => {
  await using server = await privateRedis()
  await using rig = await connect(server.url, { replicas: { count: 1, timeoutMs: 200 } })
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
  await assert.rejects(publish(rig.connection, 'x', 'same'), error => {
    assert.ok(error instanceof PublishUnknownError && error.code === 'LVG_REDIS_UNREPLICATED', String(error))
    return true
  })
  await using replica = await privateRedis({ replicaOf: { port: server.port } })
  const client = await replica.client()
  await eventually('replication', async () =>
    /master_link_status:up/.test(await client.info('replication')) ? true : undefined,
  )
  await using patient = await connect(server.url, { replicas: { count: 1, timeoutMs: 20_000 } })
  await publish(patient.connection, 'x', 'same')
  assert.equal(await client.llen('tasks'), 1)
})
