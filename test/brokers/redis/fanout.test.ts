import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { queueName } from '../../../src/protocol/ids.js'
import { Reader } from '../../../src/testing/conformance/broker-bench.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'
import { connect, eventually } from './rig.js'

const missing = await redisMissing()
const skip = missing === undefined ? {} : { skip: missing }
const database = missing === undefined ? await redisDatabase() : undefined
after(() => database?.[Symbol.asyncDispose]())

const text = (value: string) => ({ headers: {}, properties: {}, body: Buffer.from(value) })
const events = { name: 'celeryev', type: 'fanout' } as const

test('a fanout exchange is a channel: each consumer hears it by its pattern, as Python does', skip, async () => {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  await using rig = await connect(database.url)
  await using other = await connect(database.url)
  const all = { name: queueName('celeryev.all'), exchange: events, routingKey: '#', autoDelete: true }
  const workers = { name: queueName('celeryev.workers'), exchange: events, routingKey: 'worker.#', autoDelete: true }
  const readers = [
    new Reader(await rig.connection.consume([all], 0), delivery => void delivery.ack()),
    new Reader(await other.connection.consume([workers], 0), delivery => void delivery.ack()),
  ]
  for (const routingKey of ['worker.online', 'task.sent']) {
    await other.connection.publish(text(routingKey), { exchange: 'celeryev', routingKey }, { publishId: routingKey })
  }
  const envelope =
    '{"body": "cHk=", "headers": {}, "properties": {"body_encoding": "base64", "delivery_tag": "t", "delivery_info": {"exchange": "celeryev", "routing_key": "worker.heartbeat"}}}'
  await database.client.publish(`/${database.db}.celeryev/worker.heartbeat`, envelope)
  await eventually(
    'all of them',
    async () => (readers[0]?.texts.length === 3 && readers[1]?.texts.length === 2) || undefined,
  )
  assert.deepEqual(readers[0]?.texts, ['worker.online', 'task.sent', 'py'])
  assert.deepEqual(readers[1]?.texts, ['worker.online', 'py'])
  assert.equal(readers[1]?.deliveries[1]?.routingKey, 'worker.heartbeat')
  assert.equal(await database.client.exists('unacked'), 0)
})

test('what is published while nobody listens is gone, and publishing it is no error', skip, async () => {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  await using rig = await connect(database.url)
  await rig.connection.declare({ exchanges: [events] })
  await rig.connection.publish(text('x'), { exchange: 'celeryev', routingKey: 'a' }, { publishId: 'x' })
})

test('what nobody publishes again leaves no publish id behind, and comes in its order among others', skip, async () => {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  await using rig = await connect(database.url)
  const all = { name: queueName('celeryev.all'), exchange: events, routingKey: '#', autoDelete: true }
  const reader = new Reader(await rig.connection.consume([all], 0), delivery => void delivery.ack())
  const to = { exchange: 'celeryev', routingKey: 'task.multi' }
  const publish = (name: string, once: { readonly once?: true }) =>
    rig.connection.publish(text(name), to, { publishId: name, mandatory: false, ...once })
  const ids = async () => {
    const keys = (await database.client.keys('lovage.published*')) as readonly string[]
    return Promise.all(keys.map(key => database.client.scard(key)))
  }
  await publish('a', { once: true })
  assert.deepEqual(await ids(), [])
  await Promise.all([publish('b', {}), publish('c', { once: true }), publish('d', {}), publish('e', { once: true })])
  await eventually('all of them', async () => reader.texts.length === 5 || undefined)
  assert.deepEqual(reader.texts, ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(await ids(), [2])
  const queue = queueName('tasks')
  await rig.connection.declare({ queues: [{ name: queue }] })
  await rig.connection.publish(text('x'), { exchange: '', routingKey: queue }, { publishId: 'x', once: true })
  assert.equal((await rig.connection.stats(queue)).ready, 1)
})

test('what was heard is settled, also beside two verdicts of one turn on a message that Redis has', skip, async () => {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  await using rig = await connect(database.url)
  const all = { name: queueName('celeryev.all'), exchange: events, routingKey: '#', autoDelete: true }
  const tasks = { name: queueName('tasks') }
  const heard = new Reader(await rig.connection.consume([all], 0), () => undefined)
  const held = new Reader(await rig.connection.consume([tasks], 0), () => undefined)
  await rig.connection.publish(text('x'), { exchange: 'celeryev', routingKey: 'a' }, { publishId: 'x' })
  await rig.connection.publish(text('y'), { exchange: '', routingKey: tasks.name }, { publishId: 'y' })
  const [event, task] = await eventually('both', async () => {
    const [first, second] = [heard.deliveries[0], held.deliveries[0]]
    return first === undefined || second === undefined ? undefined : [first, second]
  })
  assert.deepEqual(await Promise.all([event?.ack(), task?.begin(), task?.ack()]), ['settled', 'settled', 'settled'])
})

test('a mailbox goes with its consumer, and so does its binding', skip, async () => {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  await using rig = await connect(database.url)
  const name = queueName('w1@h.celery.pidbox')
  const mailbox = {
    name,
    exchange: { name: 'celery.pidbox', type: 'fanout' },
    routingKey: '',
    autoDelete: true,
  } as const
  const consumer = await rig.connection.consume([mailbox], 0)
  assert.deepEqual(await database.client.smembers('_kombu.binding.celery.pidbox'), [`\x06\x16\x06\x16${name}`])
  await consumer[Symbol.asyncDispose]()
  assert.equal(await database.client.exists('_kombu.binding.celery.pidbox'), 0)
})

test('what is handed back comes again at once, as redelivered and counted', skip, async () => {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  await using rig = await connect(database.url)
  const exchange = { name: 'celery.pidbox', type: 'fanout' } as const
  const consumer = await rig.connection.consume([{ name: queueName('w.pidbox'), exchange, autoDelete: true }], 10)
  await rig.connection.publish(text('hello'), { exchange: 'celery.pidbox', routingKey: '' }, { publishId: 'h' })
  const seen: (readonly [boolean, number])[] = []
  for await (const [delivery] of consumer) {
    if (delivery === undefined) break
    seen.push([delivery.redelivered, delivery.faults])
    if (seen.length === 4) break
    await delivery.requeue({ counted: seen.length !== 2 })
  }
  assert.deepEqual(seen, [
    [false, 0],
    [true, 1],
    [true, 1],
    [true, 2],
  ])
})
