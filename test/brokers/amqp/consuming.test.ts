import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, connect as dial, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import type { Queue } from '../../../src/brokers/broker.js'
import { queueName } from '../../../src/protocol/ids.js'
import { ChaosProxy } from '../../../src/testing/chaos/chaos-proxy.js'
import { Reader } from '../../../src/testing/conformance/broker-bench.js'
import { AmqpRig, someQueue } from '../../support/brokers/amqp-rig.js'
import { freePort } from '../../support/services/free-port.js'
import { eventually, openRabbitMq } from '../../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('consuming')
after(() => rabbit[Symbol.asyncDispose]())

test(
  'H05 a queue deleted under its consumer is declared and consumed again, the others undisturbed',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(rabbit.url)
    const connection = await rig.connect()
    const [gone, other] = [someQueue(), someQueue()]
    const reader = new Reader(await connection.consume([gone, other], 10), delivery => void delivery.ack())
    await rabbit.deleteQueue(gone.name)
    await rig.publish(connection, other.name, 'other')
    await eventually('the other queue', () => reader.texts.includes('other'))
    await eventually('the queue to be back', async () => (await connection.stats(gone.name)).consumers === 1)
    await rig.publish(connection, gone.name, 'again')
    await eventually('the message', () => reader.texts.includes('again'))
    assert.ok(rig.log.lines.some(({ level, message }) => level === 'warning' && message.includes(`'${gone.name}'`)))
    assert.equal((await connection.stats(other.name)).consumers, 1)
  },
)

test('D33 a queue that cannot be consumed again ends the connection, with the reason', rabbit.needed, async () => {
  const user = `${rabbit.vhost}-once`
  await rabbit.addUser(user, 'pw', ['.*', '.*', '.*'])
  await using rig = new AmqpRig(rabbit.urlAs(user, 'pw'))
  const connection = await rig.connect()
  const queue = someQueue()
  const reader = new Reader(await connection.consume([queue], 10))
  await rabbit.setRights(user, ['^$', '.*', '.*'])
  // Its 404 closes the channel that declares; the next one has no rights in its cache.
  await connection.stats(queueName('nowhere'))
  await rabbit.deleteQueue(queue.name)
  const reason = await connection.closed
  assert.ok(reason.kind === 'lost')
  assert.equal(reason.error.code, 'LVG_BROKER_ACCESS')
  assert.equal(reason.error.transient, false)
  await eventually('the end of iteration', () => reader.ended)
})

test('H03 a connection that falls silent is noticed by its heartbeat', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(`${proxy.url}?heartbeat=1`)
  const connection = await rig.connect()
  const reader = new Reader(await connection.consume([someQueue()], 10))
  proxy.blackhole()
  const reason = await connection.closed
  assert.ok(reason.kind === 'lost')
  assert.match(reason.error.message, /[Hh]eartbeat/)
  await eventually('the end of iteration', () => reader.ended)
  await assert.rejects(connection.stats(someQueue().name), { code: 'LVG_CONNECTION_CLOSED' })
})

test('M41 hostile bytes on an open connection end it, and the next one works', rabbit.needed, async () => {
  const victims = new Set<Socket>()
  const port = await freePort()
  const { hostname, port: behind } = rabbit.server
  const relay = createServer(client => {
    victims.add(client)
    const server = dial({ host: hostname, port: Number(behind) })
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
      from.pipe(to)
    }
  }).listen(port, '127.0.0.1')
  await once(relay, 'listening')
  await using rig = new AmqpRig(rabbit.url.replace(/:\d+\//, `:${port}/`))
  for (const bytes of [
    Buffer.alloc(32, 0xff),
    Buffer.from([1, 0, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 0xce]),
    Buffer.from([8, 0, 7, 0, 0, 0, 0, 0x00]),
    Buffer.from([2, 0, 1, 0x7f, 0xff, 0xff, 0xff]),
  ]) {
    const connection = await rig.connect()
    await connection.consume([someQueue()], 10)
    for (const socket of victims) socket.write(bytes)
    victims.clear()
    const reason = await connection.closed
    assert.ok(reason.kind === 'lost' && reason.error.transient, bytes.toString('hex'))
  }
  relay.close()
})

for (const [type, options] of [
  ['classic', {}],
  ['quorum', { arguments: { 'x-queue-type': 'quorum' } }],
] as const satisfies readonly (readonly [string, Partial<Queue>])[]) {
  describe(`prefetch on a ${type} queue`, () => {
    test('H34 it can be raised and lowered while consuming, again and again', rabbit.needed, async () => {
      await using rig = new AmqpRig(rabbit.url)
      const connection = await rig.connect()
      const queue = someQueue(options)
      await connection.declare({ queues: [queue] })
      for (let i = 0; i < 40; i++) await rig.publish(connection, queue.name, String(i))
      const consumer = await connection.consume([queue], 2)
      const reader = new Reader(consumer)
      let settled = 0
      for (const window of [2, 6, 1, 4, 3]) {
        await consumer.setPrefetch(window)
        await eventually(`a window of ${window}`, () => reader.deliveries.length - settled >= window)
        while (reader.deliveries.length > settled) await reader.deliveries[settled++]?.ack()
        // What the broker had under way comes still, but never more at once than the window.
        await eventually('the next window', () => reader.deliveries.length - settled === window)
      }
      assert.equal(new Set(reader.texts).size, reader.texts.length)
    })
  })
}

test('classic and quorum queues can be consumed together', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const [classic, quorum] = [someQueue(), someQueue({ arguments: { 'x-queue-type': 'quorum' } })]
  const reader = new Reader(await connection.consume([classic, quorum], 3), delivery => void delivery.ack())
  for (let i = 0; i < 10; i++) {
    await rig.publish(connection, classic.name, `c${i}`)
    await rig.publish(connection, quorum.name, `q${i}`)
  }
  await eventually('twenty messages', () => reader.texts.length === 20)
})

test('verdicts of one turn are one ack where the order allows', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(proxy.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  await Promise.all(Array.from({ length: 50 }, (_, i) => rig.publish(connection, queue.name, String(i))))
  const reader = new Reader(await connection.consume([queue], 50))
  await eventually('fifty deliveries', () => reader.deliveries.length === 50)
  const third = proxy.at({ direction: 'up', name: 'basic.ack', nth: 3, side: 'after' }, 'pass')
  let acks = 0
  void third.then(() => {
    acks = 3
  })
  await Promise.all(reader.deliveries.slice(0, 40).map(delivery => delivery.ack()))
  await Promise.all(reader.deliveries.slice(41).map(delivery => delivery.requeue({ counted: false })))
  await reader.deliveries[40]?.ack()
  const [back] = [await rig.connect()]
  await eventually('the rest', async () => (await back.get(queue.name, 100)).length === 0)
  assert.equal(acks, 0)
})
