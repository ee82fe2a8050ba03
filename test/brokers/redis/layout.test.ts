import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { kombuPattern, matchesKombuPattern } from '../../../src/brokers/redis/kombu-pattern.js'
import { queueName } from '../../../src/protocol/ids.js'
import { decodeEnvelope } from '../../../src/protocol/kombu-envelope.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'
import { vector } from '../../support/vectors.js'
import { connect, publish, QUEUE } from './rig.js'

/* Keys and values are Kombu's. What Python wrote and read itself is in test/vectors. */

const missing = await redisMissing()
const skip = missing === undefined ? {} : { skip: missing }
const database = missing === undefined ? await redisDatabase() : undefined
after(() => database?.[Symbol.asyncDispose]())

async function fresh() {
  assert.ok(database !== undefined)
  await database.client.flushdb()
  return database
}

interface Entry {
  readonly value: unknown
}

/** Every Redis key of a captured moment. */
function capturedKeys(path: string, moment: string): Readonly<Record<string, Entry>> {
  return vector(path)[moment]
}

const text = (value: string) => ({ headers: {}, properties: {}, body: Buffer.from(value) })

test('a held message stands where and as Python holds it', skip, async () => {
  const { client, url } = await fresh()
  const theirs = capturedKeys('celery-5.6.2/layout/redis/restore_visible.json', 'while_held')
  const [field, held] = Object.entries(theirs['unacked']?.value as Record<string, string>)[0] ?? []
  assert.ok(field !== undefined && held !== undefined)
  const [envelope] = JSON.parse(held)
  await client.lpush('celery', JSON.stringify(envelope))
  await using rig = await connect(url)
  const celery = queueName('celery')
  await rig.connection.declare({ queues: [{ name: celery, exchange: { name: 'celery', type: 'direct' } }] })
  const [delivery] = await rig.connection.get(celery, 1)
  assert.equal(delivery?.message.headers['task'], envelope.headers.task)
  const [[token, ours]] = Object.entries(await client.hgetall('unacked')) as [[string, string]]
  assert.deepEqual(JSON.parse(ours), JSON.parse(held))
  assert.deepEqual(await client.zrange('unacked_index', 0, '-1'), [token])
  const score = Number(await client.zscore('unacked_index', String(token)))
  assert.ok(Math.abs(score - Date.now() / 1000) < 60, `${score} is no time in seconds`)
  assert.deepEqual(await client.smembers('_kombu.binding.celery'), theirs['_kombu.binding.celery']?.value)
  assert.equal(await delivery?.ack(), 'settled')
  assert.deepEqual(
    [await client.exists('unacked', 'unacked_index', 'lovage.lease'), await client.llen('celery')],
    [0, 0],
  )
})

test('what is put back has both marks, its tag and its body, at the consuming end', skip, async () => {
  const { client, url } = await fresh()
  await using rig = await connect(url)
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
  await publish(rig.connection, 'first')
  await publish(rig.connection, 'second')
  const before = JSON.parse((await client.lindex('tasks', -1)) ?? '')
  const [delivery] = await rig.connection.get(QUEUE, 1)
  await delivery?.requeue({ counted: false })
  const back = JSON.parse((await client.lindex('tasks', -1)) ?? '')
  assert.equal(back.headers.redelivered, true)
  assert.equal(back.properties.delivery_info.redelivered, true)
  assert.equal(back.properties.delivery_tag, before.properties.delivery_tag)
  assert.equal(back.body, before.body)
})

test('what Python wrote comes back digit for digit', skip, async () => {
  const { client, url } = await fresh()
  const body =
    '{"body": "e30=", "content-encoding": "utf-8", "content-type": "application/json", "headers": {"f": 1.0, "big": 123456789012345678901234567890, "empty": [], "none": {}, "e": 1e+16}, "properties": {"delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "tasks"}, "priority": 0, "body_encoding": "base64", "delivery_tag": "9"}}'
  await client.lpush('tasks', body)
  await using rig = await connect(url)
  const [delivery] = await rig.connection.get(QUEUE, 1)
  await delivery?.requeue({ counted: false })
  const back = (await client.lindex('tasks', -1)) ?? ''
  for (const piece of ['"f":1.0', '"big":123456789012345678901234567890', '"empty":[]', '"none":{}', '"e":1e+16']) {
    assert.ok(back.replaceAll('": ', '":').includes(piece), `${piece} in ${back}`)
  }
})

test('priorities are four lists, lower numbers first', skip, async () => {
  const { client, url } = await fresh()
  await using rig = await connect(url)
  const { connection } = rig
  const other = queueName('other')
  await connection.declare({ queues: [{ name: QUEUE }, { name: other }] })
  for (const priority of [9, 5, 0, 3, 2, 255]) {
    const message = { ...text(String(priority)), properties: { priority } }
    await connection.publish(message, { exchange: '', routingKey: QUEUE }, { publishId: `p${priority}` })
  }
  const lists = ['tasks', 'tasks\x06\x163', 'tasks\x06\x166', 'tasks\x06\x169']
  assert.deepEqual(await Promise.all(lists.map(list => client.llen(list))), [2, 2, 0, 2])
  const deliveries = await connection.get(QUEUE, 10)
  const texts = deliveries.map(({ message }) => Buffer.from(message.body).toString())
  assert.deepEqual(texts, ['0', '2', '5', '3', '9', '255'])
  await deliveries[2]?.requeue({ counted: false })
  assert.equal(await client.llen('tasks\x06\x163'), 1)
})

test('bindings of each type are the members that Python stores, and topics route by them', skip, async () => {
  const { client, url } = await fresh()
  await using rig = await connect(url)
  const { connection } = rig
  const topic = { name: 'logs', type: 'topic' } as const
  await connection.declare({
    queues: [
      { name: queueName('a'), exchange: topic, routingKey: 'a.#' },
      { name: queueName('b'), exchange: topic, routingKey: '*.b-c' },
      { name: queueName('d'), exchange: { name: 'mail', type: 'direct' }, routingKey: 'k' },
      { name: queueName('f'), exchange: { name: 'news', type: 'fanout' }, routingKey: '' },
    ],
  })
  const sep = '\x06\x16'
  assert.deepEqual((await client.smembers('_kombu.binding.logs')).sort(), [
    `*.b-c${sep}^.*?[^\\.]\\.b\\-c$${sep}b`,
    `a.#${sep}^a\\..*?$${sep}a`,
  ])
  assert.deepEqual(await client.smembers('_kombu.binding.mail'), [`k${sep}${sep}d`])
  assert.deepEqual(await client.smembers('_kombu.binding.news'), [`${sep}${sep}f`])
  await using foreign = await connect(url)
  for (const routingKey of ['a.x', 'a.x.y', 'x.b-c', 'x.y.b-c']) {
    await foreign.connection.publish(text(routingKey), { exchange: 'logs', routingKey }, { publishId: routingKey })
  }
  assert.deepEqual([await client.llen('a'), await client.llen('b')], [2, 2])
  await assert.rejects(foreign.connection.publish(text('a'), { exchange: 'logs', routingKey: 'a' }, { publishId: 'a' }))
  await assert.rejects(connection.declare({ exchanges: [{ name: 'logs', type: 'direct' }] }), /exists as topic/)
})

test('patterns: what Kombu says of them, without an engine that may take for ever', () => {
  assert.equal(kombuPattern('a.*.#'), '^a\\..*?[^\\.]\\..*?$')
  for (const [key, routingKey, matches] of [
    ['a.#', 'a', false],
    ['a.#', 'a.', true],
    ['*', 'a.b', true],
    ['*', 'a.', false],
    ['#', '', true],
    ['task.*', 'task.sent', true],
    ['x-y.#.z', 'x-y.1.2.z', true],
  ] as const) {
    assert.equal(matchesKombuPattern(kombuPattern(key), routingKey), matches, `${key} ${routingKey}`)
  }
  const evil = kombuPattern(Array.from({ length: 60 }, () => '#').join('.'))
  assert.equal(matchesKombuPattern(evil, `${'a.'.repeat(100)}b`), true)
  assert.equal(matchesKombuPattern('^(a+)+$', 'aaaa'), false)
})

test('a prefix stands before every key; other names of keys, steps and separators are taken', skip, async () => {
  const { client, url } = await fresh()
  await using rig = await connect(url, {
    keys: { prefix: 'shop:', unacked: 'held', unackedIndex: 'held_index', sep: ':', steps: [0, 5] },
  })
  await rig.connection.declare({ queues: [{ name: QUEUE, exchange: { name: 'tasks', type: 'direct' } }] })
  const message = { ...text('x'), properties: { priority: 7 } }
  await rig.connection.publish(message, { exchange: 'tasks', routingKey: 'tasks' }, { publishId: 'x' })
  assert.equal(await client.llen('shop:tasks:5'), 1)
  const [delivery] = await rig.connection.get(QUEUE, 1)
  const keys = (await client.keys('*')).map(key => key.replace(/\d+$/, 'N')).sort()
  assert.deepEqual(keys, [
    'shop:_kombu.binding.tasks',
    'shop:held',
    'shop:held_index',
    'shop:lovage.claims',
    'shop:lovage.exchanges',
    'shop:lovage.lease',
    'shop:lovage.published.N',
    'shop:lovage.queues',
  ])
  await delivery?.ack()
})

test('M38 what is no envelope reaches the worker as its bytes, to be dead-lettered; neighbours run', skip, async () => {
  const { client, url } = await fresh()
  await using rig = await connect(url)
  const { connection } = rig
  await connection.declare({ queues: [{ name: QUEUE }] })
  const envelope =
    '{"body": "eA==", "headers": {}, "properties": {"body_encoding": "base64", "delivery_tag": "t", "delivery_info": {}}}'
  const bad = [
    'no json',
    '[1, 2]',
    '{"body": "x"}',
    envelope.replace('base64', 'rot13'),
    envelope.replace('eA==', 'e!A=='),
    envelope.replace('"delivery_tag": "t", ', ''),
    '\xff\xfe',
  ]
  for (const one of bad) await client.lpush('tasks', Buffer.from(one, 'latin1'))
  await client.lpush('tasks', envelope)
  const deliveries = await connection.get(QUEUE, 20)
  assert.equal(deliveries.length, bad.length + 1)
  deliveries.slice(0, -1).forEach((delivery, index) => {
    assert.deepEqual(delivery.message.headers, {})
    assert.equal(Buffer.from(delivery.message.body).toString('latin1'), bad[index])
  })
  assert.equal(Buffer.from(deliveries.at(-1)?.message.body ?? []).toString(), 'x')
  await deliveries[0]?.requeue({ counted: true })
  assert.equal(await client.lindex('tasks', -1), 'no json')
  assert.deepEqual(
    new Set(await Promise.all(deliveries.slice(1).map(delivery => delivery.ack()))),
    new Set(['settled']),
  )
})

test('every envelope that Python published is read', () => {
  const { value } = capturedKeys('celery-5.6.2/layout/redis/restore_visible.json', 'while_held')['unacked'] as Entry
  for (const held of Object.values(value as Record<string, string>)) {
    const [envelope] = JSON.parse(held)
    const read = decodeEnvelope(Buffer.from(JSON.stringify(envelope)))
    assert.equal(read?.message.properties.correlationId, envelope.properties.correlation_id)
    assert.deepEqual(Buffer.from(read?.message.body ?? []), Buffer.from(envelope.body, 'base64'))
  }
})

test('publish ids of the last minutes are kept in one set a minute, which ends by itself', skip, async () => {
  const { client, url } = await fresh()
  await using rig = await connect(url)
  await rig.connection.declare({ queues: [{ name: QUEUE }] })
  for (let i = 0; i < 20; i++) await publish(rig.connection, String(i))
  const sets = await client.keys('lovage.published.*')
  assert.ok(sets.length === 1 || sets.length === 2)
  for (const set of sets) assert.ok((await client.ttl(set)) > 0 && (await client.ttl(set)) <= 180)
})
