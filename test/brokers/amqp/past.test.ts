import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Delivery, Queue } from '../../../src/brokers/broker.js'
import { AmqpRig, someQueue, textOf } from '../../support/brokers/amqp-rig.js'
import { openRabbitMq } from '../../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('past')
after(() => rabbit[Symbol.asyncDispose]())

const CLASSIC: Partial<Queue> = {}
const QUORUM: Partial<Queue> = { arguments: { 'x-queue-type': 'quorum' } }

/** A delivery, held by a connection that dies with it. */
async function heldByTheDoomed(rig: AmqpRig, queue: Queue): Promise<{ delivery: Delivery; die(): Promise<void> }> {
  const connection = await rig.connect()
  const delivery = await rig.take(connection, queue.name)
  return { delivery, die: async () => await connection[Symbol.asyncDispose]() }
}

for (const [type, options] of [
  ['classic', CLASSIC],
  ['quorum', QUORUM],
] as const) {
  describe(`the past of a message in a ${type} queue`, () => {
    test('D40 every beginning counts, and nothing else but the first return', rabbit.needed, async () => {
      await using rig = new AmqpRig(rabbit.url)
      const queue = someQueue(options)
      const connection = await rig.connect()
      await connection.declare({ queues: [queue] })
      await rig.publish(connection, queue.name, 'x')

      const first = await heldByTheDoomed(rig, queue)
      assert.deepEqual([first.delivery.faults, first.delivery.begun, first.delivery.redelivered], [0, false, false])
      await first.die()

      // It came back, nobody knows why: one fault, but no poison yet. To begin it needs a mark, which a copy carries.
      const second = await heldByTheDoomed(rig, queue)
      assert.deepEqual([second.delivery.faults, second.delivery.begun, second.delivery.redelivered], [1, false, true])
      assert.equal(await second.delivery.begin(), 'stale')
      assert.equal(await second.delivery.ack(), 'stale')
      await second.die()

      const third = await heldByTheDoomed(rig, queue)
      assert.deepEqual([third.delivery.faults, third.delivery.begun, third.delivery.redelivered], [1, false, true])
      assert.equal(await third.delivery.begin(), 'settled')
      assert.equal(await third.delivery.current(), true)
      await third.die()

      const fourth = await heldByTheDoomed(rig, queue)
      assert.deepEqual([fourth.delivery.faults, fourth.delivery.begun], [2, true])
      assert.ok(fourth.delivery.claim > third.delivery.claim && third.delivery.claim > first.delivery.claim)
      // Whoever dies while it refuses the message leaves it as it was.
      assert.equal(await fourth.delivery.condemn(), 'settled')
      await fourth.die()

      const fifth = await rig.take(connection, queue.name)
      assert.deepEqual([fifth.faults, fifth.begun], [2, true])
      assert.equal(await fifth.ack(), 'settled')
      assert.equal(await fifth.condemn(), 'stale')
      assert.equal((await connection.stats(queue.name)).ready, 0)
    })

    test('D40 what only waited in dying workers never becomes poison', rabbit.needed, async () => {
      await using rig = new AmqpRig(rabbit.url)
      const queue = someQueue(options)
      const connection = await rig.connect()
      await connection.declare({ queues: [queue] })
      await rig.publish(connection, queue.name, 'x')
      for (let i = 0; i < 5; i++) await (await heldByTheDoomed(rig, queue)).die()
      const delivery = await rig.take(connection, queue.name)
      assert.deepEqual([delivery.faults, delivery.begun], [1, false])
    })

    test('D40 a counted hand-back counts, a clean one after it does not', rabbit.needed, async () => {
      await using rig = new AmqpRig(rabbit.url)
      const queue = someQueue(options)
      const connection = await rig.connect()
      await connection.declare({ queues: [queue] })
      await rig.publish(connection, queue.name, 'x')
      const seen: unknown[] = []
      for (const counted of [true, false, true, false]) {
        const delivery = await rig.take(connection, queue.name)
        seen.push([delivery.faults, delivery.begun])
        assert.equal(await delivery.requeue({ counted }), 'settled')
      }
      assert.deepEqual(seen, [
        [0, false],
        [1, true],
        [1, true],
        [2, true],
      ])
    })

    test('a clean hand-back takes the mark of having begun away', rabbit.needed, async () => {
      await using rig = new AmqpRig(rabbit.url)
      const queue = someQueue(options)
      const connection = await rig.connect()
      await connection.declare({ queues: [queue] })
      await rig.publish(connection, queue.name, 'x')
      assert.equal(await (await rig.take(connection, queue.name)).begin(), 'stale')
      const marked = await rig.take(connection, queue.name)
      assert.equal(await marked.begin(), 'settled')
      assert.equal(await marked.requeue({ counted: false }), 'settled')
      const again = await rig.take(connection, queue.name)
      assert.deepEqual([again.faults, again.begun], [0, false])
    })

    test('the copy is the message: same bytes, headers, properties and address', rabbit.needed, async () => {
      await using rig = new AmqpRig(rabbit.url)
      const exchange = { name: `mail-${type}`, type: 'direct' } as const
      const queue = someQueue({ ...options, exchange, routingKey: 'in' })
      const connection = await rig.connect()
      await connection.declare({ queues: [queue] })
      const message = {
        headers: { id: 'a', list: [1, null, 'x'], nested: { when: new Date(1_790_000_000_000) } },
        properties: { contentType: 'application/json', correlationId: 'c', deliveryMode: 2, expiration: '600000' },
        body: Buffer.from('[[1], {}]'),
      }
      await connection.publish(message, { exchange: exchange.name, routingKey: 'in' }, { publishId: 'p' })
      const before = await rig.take(connection, queue.name)
      await before.requeue({ counted: true })
      const copy = await rig.take(connection, queue.name)
      assert.equal(copy.faults, 1)
      assert.deepEqual(copy.message, before.message)
      assert.deepEqual([copy.exchange, copy.routingKey], [exchange.name, 'in'])
    })
  })
}

test('D40 the count is in the header that other readers look for', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const queue = someQueue()
  const connection = await rig.connect()
  await connection.declare({ queues: [queue] })
  await rig.publish(connection, queue.name, 'x')
  await (await rig.take(connection, queue.name)).requeue({ counted: true })
  const channel = await (await rabbit.client()).createChannel()
  const raw = await channel.get(queue.name)
  assert.ok(raw !== false)
  assert.equal(raw.properties.headers?.['x-delivery-count'], 1)
  await channel.close()
})

test('nonsense in the header of the past is no past', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const queue = someQueue()
  const connection = await rig.connect()
  await connection.declare({ queues: [queue] })
  for (const past of [
    'text',
    7,
    [],
    { deliveries: -1 },
    { deliveries: 2, mark: 'odd', claim: 0, exchange: '', key: '' },
  ]) {
    const message = { headers: { lovage_past: past }, properties: {}, body: Buffer.from('x') }
    await connection.publish(message, { exchange: '', routingKey: queue.name }, { publishId: 'p' })
    const delivery = await rig.take(connection, queue.name)
    assert.deepEqual([delivery.faults, delivery.begun, delivery.redelivered], [0, false, false])
    await delivery.ack()
  }
})

test('D31 a verdict on a delivery of a lost connection is stale and reaches nobody', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const queue = someQueue()
  const first = await rig.connect()
  const reader = await first.consume([queue], 5)
  await rig.publish(first, queue.name, 'x')
  let delivery: Delivery | undefined
  for await (const [one] of reader) {
    delivery = one
    break
  }
  assert.ok(delivery)
  await rabbit.closeConnections('test of D31')
  const reason = await first.closed
  assert.ok(reason.kind === 'lost' && reason.error.transient)
  const second = await rig.connect()
  const again = await rig.take(second, queue.name)
  assert.equal(await delivery.ack(), 'stale')
  assert.equal(await delivery.requeue({ counted: true }), 'stale')
  assert.equal(await delivery.begin(), 'stale')
  assert.equal(await delivery.current(), false)
  assert.equal(textOf(again), 'x')
  assert.equal(await again.ack(), 'settled')
})
