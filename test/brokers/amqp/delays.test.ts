import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { queueName } from '../../../src/protocol/ids.js'
import { Reader } from '../../../src/testing/conformance/broker-bench.js'
import { AmqpRig, someQueue, textOf } from '../../support/brokers/amqp-rig.js'
import { eventually, openRabbitMq } from '../../support/services/rabbitmq.js'

const rabbit = await openRabbitMq('delays')
after(() => rabbit[Symbol.asyncDispose]())

test('D32 what is handed back with a delay waits at the broker, and is held by nobody', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue({ exchange: { name: 'somewhere', type: 'direct' }, routingKey: 'k' })
  await connection.declare({ queues: [queue] })
  await rig.send(connection, { exchange: 'somewhere', routingKey: 'k' }, 'x', { expiration: '900' })
  const reader = new Reader(await connection.consume([queue], 1))
  await eventually('the message', () => reader.deliveries.length === 1)
  const begun = Date.now()
  assert.equal(await reader.deliveries[0]?.requeue({ counted: false, delay: 3_000 }), 'settled')
  // The window has room for another one.
  await rig.publish(connection, queue.name, 'y')
  await eventually('the other message', () => reader.texts.includes('y'))
  await reader.deliveries[1]?.ack()
  await eventually('the message again', () => reader.deliveries.length === 3)
  assert.ok(Date.now() - begun >= 2_900)
  const [, , back] = reader.deliveries
  assert.ok(back)
  assert.equal(textOf(back), 'x')
  assert.deepEqual([back.exchange, back.routingKey, back.redelivered], ['somewhere', 'k', true])
  assert.deepEqual([back.faults, back.begun], [0, false])
  assert.deepEqual(Object.keys(back.message.headers), [])
})

test('a parked message comes back to its own queue, whatever the names of others', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const long = `a.${'long-'.repeat(48)}`
  const names = ['a.b', 'b', '#', '*', 'x.#', 'sha-b', long]
  const queues = names.map(name => ({ name: queueName(name) }))
  await connection.declare({ queues })
  for (const { name } of queues) {
    await rig.publish(connection, name, name)
    assert.equal(await (await rig.take(connection, name)).requeue({ counted: false, delay: 1_000 }), 'settled')
  }
  for (const { name } of queues) {
    const delivery = await rig.take(connection, name)
    assert.equal(textOf(delivery), name)
    await delivery.ack()
  }
  for (const { name } of queues) assert.equal((await connection.stats(name)).ready, 0)
})

test('D30 the names of parking are none that Celery declares', rabbit.needed, async () => {
  await using rig = new AmqpRig(rabbit.url)
  const connection = await rig.connect()
  const queue = someQueue()
  await connection.declare({ queues: [queue] })
  await rig.publish(connection, queue.name, 'x')
  await (await rig.take(connection, queue.name)).requeue({ counted: false, delay: 60_000 })
  const names = (await rabbit.queues()).map(({ name }) => name)
  assert.ok(names.includes('lovage.delay.0'))
  assert.ok(names.every(name => !name.startsWith('celery')))
})

test(
  'D32 an account that may not declare holds the message itself, and gives it back in time',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(rabbit.url, { behaviour: { declare: 'passive' } })
    await using owner = new AmqpRig(rabbit.url)
    const queue = someQueue()
    const setUp = await owner.connect()
    await setUp.declare({ queues: [queue] })
    await owner.publish(setUp, queue.name, 'x')
    const connection = await rig.connect()
    const delivery = await rig.take(connection, queue.name)
    const begun = Date.now()
    await delivery.requeue({ counted: false, delay: 500 })
    assert.ok(Date.now() - begun >= 450)
    assert.equal(textOf(await rig.take(connection, queue.name)), 'x')
  },
)

test(
  'Celery’s delayed delivery: declared, used for exchanges that are not direct, and hidden from the task',
  rabbit.needed,
  async () => {
    const quorum = { 'x-queue-type': 'quorum' }
    await using rig = new AmqpRig(rabbit.url, { behaviour: { quorum: true, delayQueueType: 'classic' } })
    const connection = await rig.connect()
    const topic = someQueue({ exchange: { name: 'events', type: 'topic' }, routingKey: 'task.sent', arguments: quorum })
    const direct = someQueue({ exchange: { name: 'plain', type: 'direct' }, routingKey: 'p', arguments: quorum })
    const reader = new Reader(await connection.consume([topic, direct], 10), delivery => void delivery.ack())
    const message = { headers: { eta: 'soon' }, properties: {}, body: Buffer.from('delayed') }
    const begun = Date.now()
    const notBefore = begun + 2_500
    await connection.publish(message, { exchange: 'events', routingKey: 'task.sent' }, { publishId: 'a', notBefore })
    await connection.publish(
      { ...message, body: Buffer.from('at once') },
      { exchange: 'plain', routingKey: 'p' },
      { publishId: 'b', notBefore },
    )
    await eventually('the direct one', () => reader.texts.includes('at once'))
    assert.equal(reader.deliveries.length, 1)
    await eventually('the delayed one', () => reader.texts.includes('delayed'))
    assert.ok(Date.now() - begun >= 1_900)
    const delayed = reader.deliveries.find(delivery => textOf(delivery) === 'delayed')
    assert.deepEqual([delayed?.exchange, delayed?.routingKey], ['events', 'task.sent'])
    assert.deepEqual(delayed?.message.headers, { eta: 'soon' })
  },
)

test('Celery’s delayed delivery has its names, arguments and bindings, bit for bit', rabbit.needed, async () => {
  const rows = async (...words: readonly string[]): Promise<readonly Record<string, unknown>[]> =>
    JSON.parse(await rabbit.ctl(...words, '--formatter', 'json')) as readonly Record<string, unknown>[]
  const queues = await rows('list_queues', '-p', rabbit.vhost, 'name', 'durable', 'auto_delete', 'arguments')
  const exchanges = await rows('list_exchanges', '-p', rabbit.vhost, 'name', 'type', 'durable', 'auto_delete')
  const bindings = await rows(
    'list_bindings',
    '-p',
    rabbit.vhost,
    'source_name',
    'destination_name',
    'destination_kind',
    'routing_key',
  )
  const bound = new Set(
    bindings.map(each =>
      [each['source_name'], each['destination_kind'], each['destination_name'], each['routing_key']].join(' '),
    ),
  )
  for (let level = 0; level < 28; level++) {
    const name = `celery_delayed_${level}`
    const next = level === 0 ? 'celery_delayed_delivery' : `celery_delayed_${level - 1}`
    const queue = queues.find(each => each['name'] === name)
    assert.deepEqual([queue?.['durable'], queue?.['auto_delete']], [true, false])
    assert.deepEqual(argumentsOf(queue?.['arguments']), {
      'x-dead-letter-exchange': next,
      'x-message-ttl': 2 ** level * 1000,
      'x-overflow': 'reject-publish',
      'x-queue-type': 'classic',
    })
    assert.deepEqual(
      exchanges.find(each => each['name'] === name),
      { name, type: 'topic', durable: true, auto_delete: false },
    )
    const stars = '*.'.repeat(27 - level)
    assert.ok(bound.has(`${name} queue ${name} ${stars}1.#`), name)
    assert.ok(bound.has(`${name} exchange ${next} ${stars}0.#`), name)
  }
  assert.ok(bound.has('celery_delayed_delivery exchange events #.task.sent'))
})

test(
  'a connection made anew looks for delayed delivery, and declares it again only where it is gone',
  rabbit.needed,
  async () => {
    await using rig = new AmqpRig(rabbit.url, { behaviour: { quorum: true, delayQueueType: 'classic' } })
    await using shell = await rig.broker.openShell('shell')
    const queue = someQueue({ exchange: { name: 'events', type: 'topic' }, routingKey: 'task.again' })
    const consumeOnce = async (): Promise<void> => {
      await using connection = await rig.connect()
      await connection.consume([queue], 1)
    }
    const hasLevel = async (): Promise<boolean> => {
      await using other = await rig.broker.openShell('other')
      return await other.lookAtQueue('celery_delayed_3').then(
        () => true,
        () => false,
      )
    }
    await consumeOnce()
    assert.equal(await hasLevel(), true)
    await shell.deleteQueue('celery_delayed_3', false, false)
    await consumeOnce()
    assert.equal(await hasLevel(), false)
    await shell.deleteExchange('celery_delayed_27', false)
    await consumeOnce()
    assert.equal(await hasLevel(), true)
  },
)

/** `rabbitmqctl` prints a table as a list of triples. */
function argumentsOf(table: unknown): unknown {
  if (!Array.isArray(table)) return table
  return Object.fromEntries(table.map(([name, , value]: readonly unknown[]) => [String(name), value]))
}
