import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { App } from '../../src/app/app.js'
import type { SettingsInput } from '../../src/app/settings.js'
import { queueName } from '../../src/protocol/ids.js'
import { Worker } from '../../src/worker/worker.js'
import { redisMissing } from '../support/services/redis.js'
import { MemoryLines } from '../support/worker/rig.js'
import { type RedisPlace, redis } from './places.js'

const PATIENT = { timeout: 60 } as const
const missing = await redisMissing()

interface Node extends AsyncDisposable {
  readonly app: App
}

async function worker(name: string, settings: SettingsInput): Promise<Node> {
  const app = new App('demo', settings)
  app.task('tasks.add', (x: number, y: number) => x + y)
  const options = { name, concurrency: 2, withoutGossip: true, withoutMingle: true, withoutHeartbeat: true }
  const running = new Worker(app, options, { spool: new MemoryLines() })
  await running.start()
  await app.inspect({ destination: name, ...PATIENT }).ping()
  return {
    app,
    async [Symbol.asyncDispose]() {
      await running.stop('warm')
      await app[Symbol.asyncDispose]()
    },
  }
}

describe('remote control over Redis', missing === undefined ? {} : { skip: missing }, () => {
  let place: RedisPlace
  before(async () => {
    place = await redis()
  })
  after(() => place?.[Symbol.asyncDispose]())

  test('H37 binding keys that vanish are made again when they are used, and nothing is lost', async () => {
    const { client, url } = place.database
    await using node = await worker('w@h', { brokerUrl: url, resultBackend: url })
    const { app } = node
    const ask = app.inspect({ destination: 'w@h', ...PATIENT })
    const queue = queueName('mail')
    await using connection = await (await app.broker()).connect({ name: 'sender' })
    await connection.declare({ queues: [{ name: queue, exchange: { name: 'post', type: 'direct' }, routingKey: 'k' }] })
    for (let i = 0; i < 5; i++) {
      await client.del('_kombu.binding.reply.celery.pidbox', '_kombu.binding.celery.pidbox')
      await client.del('_kombu.binding.post', '_kombu.binding.celery')
      assert.deepEqual(await ask.ping(), { 'w@h': { ok: 'pong' } })
      const message = { headers: {}, properties: {}, body: Buffer.from(String(i)) }
      await connection.publish(message, { exchange: 'post', routingKey: 'k' }, { publishId: `h37-${i}` })
      const result = await app.sendTask('tasks.add', [i, 1])
      assert.equal(await result.get({ timeout: 60 }), i + 1)
    }
    assert.equal((await connection.stats(queue)).ready, 5)
  })

  test('H37 a reply that reaches nobody is dropped, and the worker goes on', async () => {
    const { url, client, db } = place.database
    await using node = await worker('w@h', { brokerUrl: url })
    const body = { method: 'ping', ticket: 't', reply_to: { exchange: 'reply.celery.pidbox', routing_key: 'nobody' } }
    const envelope = {
      body: Buffer.from(JSON.stringify(body)).toString('base64'),
      headers: {},
      'content-type': 'application/json',
      'content-encoding': 'utf-8',
      properties: {
        body_encoding: 'base64',
        delivery_tag: 't',
        delivery_info: { exchange: 'celery.pidbox', routing_key: '' },
      },
    }
    await client.publish(`/${db}.celery.pidbox`, JSON.stringify(envelope))
    const replies = await node.app.inspect({ destination: 'w@h', ...PATIENT }).ping()
    assert.deepEqual(replies, { 'w@h': { ok: 'pong' } })
    assert.deepEqual(await client.keys('*nobody*'), [])
  })

  test('H42 apps on two databases do not hear each other', async () => {
    await using other = await redis()
    await using _here = await worker('here@h', { brokerUrl: place.database.url })
    await using _there = await worker('there@h', { brokerUrl: other.database.url })
    for (const [url, name] of [
      [place.database.url, 'here@h'],
      [other.database.url, 'there@h'],
    ] as const) {
      await using app = new App('asker', { brokerUrl: url })
      assert.deepEqual(Object.keys(await app.control.ping({ ...PATIENT, limit: 1 })), [name])
      // And nobody else, in the time in which it has just been shown to answer, and more.
      const all = Object.keys(await app.control.ping({ timeout: 1 }))
      assert.deepEqual(new Set([...all, name]), new Set([name]))
    }
  })

  test('H42 apps under two key prefixes of one database do not hear each other', async () => {
    const settings = (prefix: string): SettingsInput => ({
      brokerUrl: place.database.url,
      brokerTransportOptions: { globalKeyprefix: prefix },
    })
    await using _a = await worker('same@h', settings('a:'))
    await using b = await worker('same@h', settings('b:'))
    const revoke = b.app.control.revoke('11111111-0000-4000-8000-000000000042', { reply: true, limit: 1, ...PATIENT })
    assert.equal(Object.keys(await revoke).length, 1)
    for (const [prefix, count] of [
      ['a:', 0],
      ['b:', 1],
    ] as const) {
      await using app = new App('asker', settings(prefix))
      const [revoked] = Object.values(await app.inspect({ destination: 'same@h', ...PATIENT }).revoked())
      assert.equal((revoked as readonly string[]).length, count, prefix)
    }
  })

  test('results by message reach the list of a Python client, which no Lovage session knows, and do not stay for ever', async () => {
    const { url, client } = place.database
    await using node = await worker('w@h', { brokerUrl: url, resultBackend: 'rpc://' })
    const backend = await node.app.resultBackend()
    const list = 'f3a1f0f2-0000-4000-8000-00000000c11e'
    const reply = { queue: list, correlationId: 'task-1' }
    const meta = {
      taskId: 'task-1',
      status: 'SUCCESS',
      result: 3,
      error: undefined,
      traceback: undefined,
      children: undefined,
      dateDone: undefined,
    }
    await backend.store(meta as never, { ttl: undefined, fence: undefined, reply } as never)
    const [envelope] = await client.lrange(list, 0, -1)
    assert.equal(JSON.parse(envelope ?? '{}').properties.correlation_id, 'task-1')
    const life = await client.pttl(list)
    assert.ok(life > 0 && life <= 24 * 3_600_000, String(life))
  })
})
