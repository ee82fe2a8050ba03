import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { AmqpBrokerOptions } from '../../../src/brokers/amqp/amqp-broker.js'
import type { Delivery } from '../../../src/brokers/broker.js'
import { BrokerError, NotSentError } from '../../../src/brokers/errors.js'
import { standStill } from '../../../src/lib/stand-still.js'
import { queueName } from '../../../src/protocol/ids.js'
import { Reader } from '../../../src/testing/conformance/broker-bench.js'
import { AmqpRig, someQueue } from '../../support/brokers/amqp-rig.js'
import { type Certificates, certificatesMissing, makeCertificates } from '../../support/services/certificates.js'
import { freePort } from '../../support/services/free-port.js'
import { eventually, RabbitMq } from '../../support/services/rabbitmq.js'
import { needsRabbitMqNode, RabbitMqNode } from '../../support/services/rabbitmq-node.js'

const missing = certificatesMissing()
const needed = missing === undefined ? needsRabbitMqNode : { skip: missing }

/** One node for all of it: TLS with client certificates, the management plugin, alarms, a short consumer timeout. */
describe('on a RabbitMQ of its own', needed, () => {
  let node: RabbitMqNode
  let rabbit: RabbitMq
  let certificates: Certificates
  let tlsPort: number
  let managementUrl: string

  before(async () => {
    certificates = makeCertificates()
    tlsPort = await freePort()
    const managementPort = await freePort()
    managementUrl = `http://127.0.0.1:${managementPort}`
    const { authority, server } = certificates
    node = await RabbitMqNode.start({
      plugins: ['rabbitmq_management', 'rabbitmq_auth_mechanism_ssl'],
      settings: [
        `management.tcp.port = ${managementPort}`,
        'management.tcp.ip = 127.0.0.1',
        `listeners.ssl.default = 127.0.0.1:${tlsPort}`,
        `ssl_options.cacertfile = ${authority}`,
        `ssl_options.certfile = ${server.certificate}`,
        `ssl_options.keyfile = ${server.key}`,
        'ssl_options.verify = verify_peer',
        'ssl_options.fail_if_no_peer_cert = true',
        'auth_mechanisms.1 = PLAIN',
        'auth_mechanisms.2 = AMQPLAIN',
        'auth_mechanisms.3 = EXTERNAL',
        'ssl_cert_login_from = common_name',
      ],
    })
    await node.eval('rabbit:await_startup().')
    rabbit = new RabbitMq('/', undefined, node.url, node)
    await node.eval(
      'rabbit_auth_backend_internal:add_user(<<"client">>, <<"unused">>, <<"t">>), rabbit_auth_backend_internal:set_permissions(<<"client">>, <<"/">>, <<".*">>, <<".*">>, <<".*">>, <<"t">>).',
    )
  })

  after(async () => {
    await node?.[Symbol.asyncDispose]()
    certificates?.[Symbol.dispose]()
  })

  function secure(
    ssl: Readonly<Record<string, unknown>>,
    url = '/',
    options: Partial<AmqpBrokerOptions> = {},
  ): AmqpRig {
    return new AmqpRig(`amqps://guest:guest@localhost:${tlsPort}${url}`, { useSsl: ssl, ...options })
  }

  async function works(rig: AmqpRig): Promise<void> {
    const connection = await rig.connect()
    const queue = someQueue()
    await connection.declare({ queues: [queue] })
    await rig.publish(connection, queue.name, 'x')
    await (await rig.take(connection, queue.name)).ack()
  }

  async function refused(rig: AmqpRig, code: string, text: RegExp): Promise<void> {
    await assert.rejects(rig.connect(), error => {
      assert.ok(error instanceof BrokerError)
      assert.equal(error.code, code, error.message)
      assert.match(error.message, text)
      return true
    })
  }

  const trusted = () => ({
    ca_certs: certificates.authority,
    certfile: certificates.client.certificate,
    keyfile: certificates.client.key,
  })

  test('S40 S42 TLS with a client certificate', async () => {
    await using rig = secure(trusted())
    await works(rig)
  })

  test('H47 D24 S40 a blocked event loop costs a guarded connection over TLS nothing', async () => {
    await using rig = secure(trusted(), '/?heartbeat=1')
    const connection = await rig.broker.connect({ name: 'guarded@tls', guarded: true })
    const queue = someQueue()
    const reader = new Reader(await connection.consume([queue], 1))
    await rig.publish(connection, queue.name, 'held')
    await eventually('the message', () => reader.deliveries.length === 1)
    standStill(5000)
    assert.equal(await reader.deliveries[0]?.ack(), 'settled')
    await rig.publish(connection, queue.name, 'x'.repeat(3_000_000))
    await eventually('the next', () => reader.deliveries.length === 2)
    assert.equal(reader.deliveries[1]?.redelivered, false)
    assert.equal(reader.deliveries[1]?.message.body.byteLength, 3_000_000)
  })

  test('what is more than the thread of a guarded connection keeps for a blocked loop stays with the server', async () => {
    await using rig = secure(trusted(), '/?heartbeat=1')
    const connection = await rig.broker.connect({ name: 'guarded@tls', guarded: true })
    const queue = someQueue()
    await connection.declare({ queues: [queue] })
    // Thirty mebibytes, of which the thread keeps sixteen.
    const count = 30
    for (let n = 0; n < count; n++) await rig.publish(connection, queue.name, `${n}:${'x'.repeat(1024 * 1024)}`)
    const reader = new Reader(await connection.consume([queue], 0))
    standStill(4000)
    await eventually('all of it', () => reader.deliveries.length === count)
    assert.deepEqual(
      reader.texts.map(text => text.split(':')[0]),
      Array.from({ length: count }, (_, n) => String(n)),
    )
    const settled = await Promise.all(reader.deliveries.map(delivery => delivery.ack()))
    assert.ok(settled.every(one => one === 'settled'))
  })

  test('a guarded connection over TLS leaves no thread, descriptor or file behind', async t => {
    if (process.platform !== 'linux') return t.skip('threads and descriptors are counted in /proc')
    const folder = mkdtempSync(join(tmpdir(), 'lovage-guarded-'))
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = folder
    t.after(() => {
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
      rmSync(folder, { recursive: true })
    })
    await using rig = secure(trusted())
    const count = (): readonly number[] => ['task', 'fd'].map(what => readdirSync(`/proc/self/${what}`).length)
    const once = async (): Promise<void> => {
      const connection = await rig.broker.connect({ name: 'guarded@tls', guarded: true })
      await connection.declare({ queues: [someQueue()] })
      await connection[Symbol.asyncDispose]()
    }
    await once()
    const settled = count()
    for (let n = 0; n < 3; n++) await once()
    await eventually('everything to be gone', () => count().every((now, i) => now <= (settled[i] as number)))
    assert.deepEqual(readdirSync(folder), [])
  })

  test('S43 a guarded connection to a server with a foreign certificate is refused as any other', async () => {
    await using rig = secure({ ...trusted(), ca_certs: certificates.foreignAuthority })
    const refusal = { code: 'LVG_BROKER_TLS' }
    await assert.rejects(rig.broker.connect({ name: 'guarded@tls', guarded: true }), refusal)
    await assert.rejects(rig.connect(), refusal)
  })

  test('S42 the client certificate is the login (EXTERNAL)', async () => {
    await using rig = secure(trusted(), '/?login_method=external')
    await works(rig)
    const listed = await node.ctl('list_connections', 'user', 'auth_mechanism')
    assert.ok(!listed.includes('guest\tEXTERNAL'))
  })

  test('the same options in the URL', async () => {
    const { authority, client } = certificates
    const query = new URLSearchParams({
      ssl_ca_certs: authority,
      ssl_certfile: client.certificate,
      ssl_keyfile: client.key,
    })
    await using rig = new AmqpRig(`amqps://guest:guest@localhost:${tlsPort}//?${query}`)
    await works(rig)
  })

  test('S43 an authority that signed something else is refused, and what to do is said', async () => {
    await using rig = secure({ ...trusted(), ca_certs: certificates.foreignAuthority })
    await refused(rig, 'LVG_BROKER_TLS', /ca_certs/)
  })

  test('S43 a server that goes by another name is refused, unless that name is asked for', async () => {
    await using rig = secure({ ...trusted(), server_hostname: 'other.example' })
    await refused(rig, 'LVG_BROKER_TLS', /server_hostname/)
  })

  test('S43 without a client certificate the server refuses', async () => {
    await using rig = secure({ ca_certs: certificates.authority })
    await assert.rejects(rig.connect(), BrokerError)
  })

  test('S43 F66 a client certificate whose time is over is refused', async () => {
    const { certificate, key } = certificates.expired
    await using rig = secure({ ca_certs: certificates.authority, certfile: certificate, keyfile: key })
    await assert.rejects(rig.connect(), BrokerError)
  })

  test('a file that is not there is named', async () => {
    await using rig = secure({ ...trusted(), ca_certs: '/nowhere/ca.pem' })
    await refused(rig, 'LVG_BROKER_TLS', /\/nowhere\/ca\.pem.*path/)
  })

  test('S40 checking nothing works, and is warned about', async () => {
    await using rig = secure({ ...trusted(), ca_certs: certificates.foreignAuthority, cert_reqs: 'CERT_NONE' })
    await works(rig)
    assert.ok(rig.log.lines.some(({ level, message }) => level === 'warning' && message.includes('cert_reqs')))
  })

  test('a plain URL to the TLS port is told as another protocol or a lost connection, with the port to use', async () => {
    await using rig = new AmqpRig(`amqp://guest:guest@localhost:${tlsPort}/`)
    await assert.rejects(rig.connect(), error => error instanceof BrokerError && /5671/.test(error.message))
  })

  test('the management plugin lists everything, with what is held', async () => {
    await using rig = new AmqpRig(node.url, { managementUrl })
    const connection = await rig.connect()
    const queue = someQueue({ exchange: { name: 'listed', type: 'topic' }, routingKey: 'a.#' })
    await connection.declare({ queues: [queue] })
    for (const text of ['0', '1', '2']) await rig.publish(connection, queue.name, text)
    const held = await rig.take(connection, queue.name)
    await using other = new AmqpRig(node.url, { managementUrl })
    const looker = await other.connect()
    await eventually('the counts, which are seconds old', async () => {
      const stats = (await looker.list()).find(each => each.queue === queue.name)
      return stats?.ready === 2 && stats.held === 1
    })
    assert.deepEqual(
      (await looker.bindings()).filter(each => each.queue === queue.name),
      [{ exchange: 'listed', exchangeType: 'topic', routingKey: 'a.#', queue: queue.name }],
    )
    await held.ack()
  })

  test('D34 a quorum queue with a delivery limit and no dead-letter exchange is warned about', async () => {
    await node.ctl('set_policy', '--apply-to', 'queues', 'limit', '^limited', '{"delivery-limit": 7}')
    await using rig = new AmqpRig(node.url, { managementUrl })
    const connection = await rig.connect()
    const quorum = { arguments: { 'x-queue-type': 'quorum' } }
    const queues = ['limited', 'free'].map(name => ({ name: queueName(name), ...quorum }))
    await connection.declare({ queues })
    await connection.consume(queues, 1)
    await eventually('the warning', () =>
      rig.log.lines.some(({ message }) => message.includes("'limited' drops a message after 7")),
    )
    assert.ok(!rig.log.lines.some(({ message }) => message.includes("'free'")))
  })

  test('D04 D33 F30 while RabbitMQ has an alarm publishing rejects in time, and consuming and acking go on', async () => {
    await using rig = new AmqpRig(node.url, { behaviour: { publishTimeout: 1_000 } })
    const connection = await rig.connect()
    const queue = someQueue()
    await connection.declare({ queues: [queue] })
    for (let i = 0; i < 20; i++) await rig.publish(connection, queue.name, String(i))
    const worker = await rig.connect()
    const consumer = await worker.consume([queue], 5)
    await rig.publish(worker, queue.name, '20')
    await node.eval('vm_memory_monitor:set_vm_memory_high_watermark(0.0000001).')
    try {
      // The first one meets the alarm on its way; from then on the connection knows.
      const met = rig.publish(worker, queue.name, '21').catch((error: unknown) => error)
      await eventually('the alarm to be known', async () => {
        return rig.log.lines.some(({ message }) => message.includes('takes no messages'))
      })
      await assert.rejects(rig.publish(worker, queue.name, '22'), error => {
        assert.ok(error instanceof NotSentError)
        assert.deepEqual([error.code, error.transient], ['LVG_BROKER_BLOCKED', true])
        assert.match(error.message, /memory/)
        return true
      })
      const reader = new Reader(consumer, delivery => void delivery.ack())
      await eventually('what was there', () => reader.deliveries.length >= 21)
      const looker = await rig.connect()
      await eventually('the acks', async () => (await looker.stats(queue.name)).ready === 0)
      await node.eval('vm_memory_monitor:set_vm_memory_high_watermark(0.9).')
      assert.equal(await met, undefined)
      await rig.publish(worker, queue.name, '23')
    } finally {
      await node.eval('vm_memory_monitor:set_vm_memory_high_watermark(0.9).')
    }
  })

  test('D32 H20 H09 what is held too long is warned about, taken back, and buried when that happens again', async () => {
    await node.eval(
      'application:set_env(rabbit, consumer_timeout, 4000), application:set_env(rabbit, channel_tick_interval, 500).',
    )
    try {
      await using rig = new AmqpRig(node.url, { consumerTimeout: 4_000 })
      const queue = someQueue()
      const setUp = await rig.connect()
      await setUp.declare({ queues: [queue] })
      const message = { headers: { id: 'loop', task: 'slow' }, properties: { deliveryMode: 2 }, body: Buffer.from('x') }
      await setUp.publish(message, { exchange: '', routingKey: queue.name }, { publishId: 'p' })
      for (let round = 0; round < 2; round++) {
        const connection = await rig.connect()
        const reader = new Reader(await connection.consume([queue], 1))
        const reason = await connection.closed
        assert.ok(reason.kind === 'lost')
        assert.deepEqual([reason.error.code, reason.error.transient], ['LVG_CONSUMER_TIMEOUT', true])
        assert.match(reason.error.message, /consumer_timeout/)
        assert.equal(await (reader.deliveries[0] as Delivery).ack(), 'stale')
      }
      assert.ok(rig.log.lines.some(({ message: line }) => /slow\[loop\] has been held.*consumer_timeout/.test(line)))
      const last = await rig.connect()
      const reader = new Reader(await last.consume([queue], 1))
      const dead = await rig.take(setUp, `${queue.name}.dead`)
      assert.equal((dead.message.headers['lovage_dead'] as Record<string, unknown>)['reason'], 'consumer-timeout')
      assert.equal(reader.deliveries.length, 0)
    } finally {
      await node.eval('application:set_env(rabbit, consumer_timeout, 1800000).')
    }
  })

  test('F20 a broker that is restarted ends the connection; what was confirmed is there afterwards', async () => {
    await using rig = new AmqpRig(node.url)
    const connection = await rig.connect()
    const queue = someQueue()
    await connection.declare({ queues: [queue] })
    await rig.publish(connection, queue.name, 'x')
    await node.eval('rabbit:stop().')
    const reason = await connection.closed
    assert.ok(reason.kind === 'lost' && reason.error.transient)
    await node.eval('rabbit:start().')
    const again = await rig.connect()
    assert.equal((await again.stats(queue.name)).ready, 1)
    assert.equal(rabbit.present, true)
  })
})
