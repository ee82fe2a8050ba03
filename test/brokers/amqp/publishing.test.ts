import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  NotSentError,
  PublishUnknownError,
  RejectedByBrokerError,
  UnroutableError,
} from '../../../src/brokers/errors.js'
import { ChaosProxy } from '../../../src/testing/chaos/chaos-proxy.js'
import { AmqpRig, someQueue, textOf } from '../../support/brokers/amqp-rig.js'
import { openRabbitMq } from '../../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('publishing')
after(() => rabbit[Symbol.asyncDispose]())

test(
  'D03 an exchange that nobody declared is looked for first, so that its message harms no other',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(rabbit.url)
    const connection = await rig.connect()
    const queue = someQueue()
    await connection.declare({ queues: [queue] })
    const fates = await Promise.allSettled([
      rig.publish(connection, queue.name, '0'),
      rig.send(connection, { exchange: 'nowhere', routingKey: 'x' }, 'x'),
      rig.publish(connection, queue.name, '1'),
    ])
    assert.deepEqual(
      fates.map(fate => fate.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.ok(fates[1]?.status === 'rejected' && fates[1].reason instanceof UnroutableError)
    assert.match(fates[1].reason.message, /'nowhere'/)
    assert.equal((await connection.stats(queue.name)).ready, 2)
  },
)

test(
  'D33 an exchange deleted meanwhile closes the channel, and each message is told its own fate',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(rabbit.url)
    const connection = await rig.connect()
    const exchange = { name: 'vanishing', type: 'direct' } as const
    const queue = someQueue({ exchange, routingKey: 'k' })
    await connection.declare({ queues: [queue] })
    await rig.send(connection, { exchange: exchange.name, routingKey: 'k' }, 'first')
    await rabbit.deleteExchange(exchange.name)
    const [lost, behind] = await Promise.allSettled([
      rig.send(connection, { exchange: exchange.name, routingKey: 'k' }, 'x'),
      rig.publish(connection, queue.name, 'y'),
    ])
    assert.ok(lost.status === 'rejected' && lost.reason instanceof UnroutableError, String(lost))
    assert.ok(behind.status === 'rejected' && behind.reason instanceof NotSentError && behind.reason.transient)
    // Declared anew, since what was declared may be gone, everything works again.
    await connection.declare({ queues: [queue] })
    await rig.send(connection, { exchange: exchange.name, routingKey: 'k' }, 'again')
    await rig.publish(connection, queue.name, 'y')
    assert.equal((await connection.stats(queue.name)).ready, 3)
  },
)

test('D06 a full queue that refuses is told as that, and may have room later', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue({ arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } })
  await connection.declare({ queues: [queue] })
  await rig.publish(connection, queue.name, '0')
  await assert.rejects(rig.publish(connection, queue.name, '1'), error => {
    assert.ok(error instanceof RejectedByBrokerError)
    assert.equal(error.transient, true)
    assert.match(error.message, new RegExp(`${queue.name}.*full`))
    return true
  })
})

test('F26 a connection cut before the confirm leaves the message in doubt, and says so', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(proxy.url)
  await using direct = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  await rig.publish(connection, queue.name, '0')
  const cut = proxy.at({ direction: 'down', name: 'basic.ack', side: 'before' })
  const published = rig.publish(connection, queue.name, '1')
  await cut
  await assert.rejects(published, error => error instanceof PublishUnknownError && error.transient)
  await assert.rejects(rig.publish(connection, queue.name, '2'), NotSentError)
  const reason = await connection.closed
  assert.ok(reason.kind === 'lost' && reason.error.code === 'LVG_BROKER_LOST' && reason.error.transient)
  const other = await direct.connect()
  assert.deepEqual((await other.get(queue.name, 10)).map(textOf), ['0', '1'])
})

test('F26 a connection cut before the publish leaves nothing behind', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(proxy.url)
  await using direct = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  await rig.publish(connection, queue.name, '0')
  const cut = proxy.at({ direction: 'up', name: 'basic.publish', side: 'before' })
  const published = rig.publish(connection, queue.name, '1')
  await cut
  // It was written, so the sender cannot know.
  await assert.rejects(published, PublishUnknownError)
  assert.deepEqual((await (await direct.connect()).get(queue.name, 10)).map(textOf), ['0'])
})

test('an integer that no header can hold is refused before anything is sent', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  const message = { headers: { huge: 2n ** 80n }, properties: {}, body: Buffer.from('x') }
  const sent = connection.publish(message, { exchange: '', routingKey: queue.name }, { publishId: 'p' })
  await assert.rejects(sent, error => error instanceof NotSentError && !error.transient)
})

test('M14 M37 odd header names and the library’s own marks travel as plain data', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  const table = JSON.parse(
    '{"__proto__": {"polluted": 1}, "constructor": "c", "then": 1, "in": {"!": "timestamp", "x": 1}}',
  )
  const message = { headers: table as Record<string, unknown>, properties: {}, body: Buffer.from('x') }
  await connection.publish(message, { exchange: '', routingKey: queue.name }, { publishId: 'p' })
  const { headers } = (await rig.take(connection, queue.name)).message
  assert.deepEqual(Object.keys(headers).sort(), ['__proto__', 'constructor', 'in', 'then'])
  assert.equal(Object.getPrototypeOf(headers), Object.prototype)
  assert.equal(JSON.stringify(headers), JSON.stringify(Object.fromEntries(Object.entries(headers))))
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('confirms off: a publish counts when it is written', rabbit.needed, async () => {
  await using proxy = await ChaosProxy.before(rabbit.url)
  await using rig = new AmqpRig(proxy.url, { behaviour: { confirms: false } })
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  await rig.publish(connection, queue.name, '0')
  proxy.blackhole()
  await rig.publish(connection, queue.name, '1')
  await proxy.heal()
})

test(
  'publishVia exchange: messages for a queue go through its own exchange, dead letters through theirs',
  rabbit.needed,
  async () => {
    const user = `${rabbit.vhost}-strict`
    await rabbit.addUser(user, 'pw', ['^$', '^(strict|lovage\\.dead)$', '^strict$'])
    await using owner = new AmqpRig(rabbit.url)
    const setUp = await owner.connect()
    const queue = someQueue({
      name: 'strict' as never,
      exchange: { name: 'strict', type: 'direct' },
      routingKey: 'strict',
    })
    const dead = someQueue({
      name: 'strict.dead' as never,
      exchange: { name: 'lovage.dead', type: 'direct' },
      routingKey: 'strict.dead',
    })
    await setUp.declare({ queues: [queue, dead] })

    await using rig = new AmqpRig(rabbit.urlAs(user, 'pw'), {
      behaviour: { declare: 'passive', publishVia: 'exchange' },
    })
    const connection = await rig.connect()
    await connection.declare({ queues: [queue] })
    await rig.publish(connection, queue.name, 'x')
    await connection.declare({ queues: [{ name: dead.name, durable: true }] })
    await rig.publish(connection, dead.name, 'y')
    const delivery = await rig.take(connection, queue.name)
    await delivery.requeue({ counted: true })
    assert.equal((await rig.take(connection, queue.name)).faults, 1)
    assert.equal((await connection.stats(dead.name)).ready, 1)
    // What is not there is not made.
    await assert.rejects(connection.declare({ queues: [someQueue()] }), { code: 'LVG_BROKER_NOT_FOUND' })
  },
)
