import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redisAddress } from '../../../src/drivers/redis/redis-url.js'
import { queueName, taskId } from '../../../src/protocol/ids.js'
import { redisBackend } from '../../support/backends/redis-place.js'
import { readPage } from '../../support/docs/samples.js'
import { privateRedis, redisServerMissing } from '../../support/services/redis.js'
import { connect, eventually, publish, QUEUE } from './rig.js'

/* The rights that the guide lists are enough. */

const missing = redisServerMissing()
const skip = missing === undefined ? {} : { skip: missing }

/** The rules of one role in docs/guide/redis.md, for the queue of these tests. */
function rulesOf(role: string): string {
  const block = /## Rights[\s\S]*?```text\n([\s\S]*?)```/.exec(readPage('docs/guide/redis.md'))?.[1] ?? ''
  const lines = block.split('\n')
  const start = lines.findIndex(line => line.startsWith(role))
  assert.ok(start >= 0, role)
  const next = lines.findIndex((line, at) => at > start && /^\S/.test(line))
  const words = lines
    .slice(start, next < 0 ? undefined : next)
    .join(' ')
    .replace(role, '')
    .trim()
    .split(/\s+/)
  return words.map(word => word.replace(/~Q/, `~${QUEUE}`)).join(' ')
}

const text = (value: string) => ({ headers: {}, properties: {}, body: Buffer.from(value) })

test('a worker, a producer and results do with the rights of the guide', skip, async () => {
  const users = ['worker', 'producer', 'results'].map(role => `${role} on >secret resetchannels -@all ${rulesOf(role)}`)
  await using server = await privateRedis({ users })
  const as = (role: string): string => `redis://${role}:secret@127.0.0.1:${server.port}/0`
  const short = { leaseMs: 2000, renewMs: 200 }
  await using worker = await connect(as('worker'), { ...short, delays: true })
  const exchange = { name: QUEUE, type: 'direct' } as const
  await worker.connection.declare({ queues: [{ name: QUEUE, exchange }] })
  await using producer = await connect(as('producer'), { delays: true })
  await producer.connection.declare({ queues: [{ name: QUEUE }] })
  await publish(producer.connection, 'one')
  await producer.connection.publish(text('two'), { exchange: QUEUE, routingKey: QUEUE }, { publishId: 'two' })
  const later = { publishId: 'three', notBefore: Date.now() + 300 }
  await producer.connection.publish(text('three'), { exchange: '', routingKey: QUEUE }, later)
  const mailbox = {
    name: queueName('w@h.celery.pidbox'),
    exchange: { name: 'celery.pidbox', type: 'fanout' },
    routingKey: '',
    autoDelete: true,
  } as const
  const consumer = await worker.connection.consume([{ name: QUEUE }, mailbox], 10)
  const seen: string[] = []
  const reading = (async () => {
    for await (const batch of consumer) {
      for (const delivery of batch) {
        seen.push(String(delivery.message.body))
        if (delivery.redelivered) await delivery.begin()
        await (delivery.redelivered ? delivery.ack() : delivery.requeue({ counted: true, delay: 50 }))
      }
    }
  })()
  await eventually('six deliveries', async () => (seen.length >= 6 ? true : undefined))
  await eventually('a renewal', async () => (worker.connection.suspect() ? undefined : true))
  await worker.connection.publish(text('hello'), { exchange: 'celery.pidbox', routingKey: '' }, { publishId: 'h' })
  await eventually('the broadcast', async () => (seen.includes('hello') ? true : undefined))
  await worker.connection.publish(text('dead'), { exchange: '', routingKey: QUEUE }, { publishId: 'd' })
  await worker.connection.declare({ queues: [{ name: queueName(`${QUEUE}.dead`) }] })
  await worker.connection.stats(QUEUE)
  await worker.connection.list()
  await worker.connection.purge(QUEUE)
  await consumer[Symbol.asyncDispose]()
  await reading

  await using results = redisBackend(as('results'))
  const id = taskId('t')
  const empty = { error: undefined, traceback: undefined, children: undefined, dateDone: undefined }
  const meta = { taskId: id, status: 'SUCCESS', result: 1, ...empty }
  const stop = new AbortController()
  const watched = (async () => {
    for await (const record of results.watch([id], stop.signal)) return record.result
    return undefined
  })()
  await results.store(meta, { ttl: 60_000, fence: { retries: 0, claim: 1 } })
  assert.equal(await watched, 1)
  await results.revocations?.append(['r'], { ttl: 60_000, max: 10 })
  assert.equal((await results.revocations?.after('', 10))?.entries.length, 1)
  await results.setChordSize('w' as never, 2, 60_000, 'memo')
  await results.setChordSize('c' as never, 1, 60_000)
  const part = { chord: 'c' as never, index: 0, taskId: id, meta, size: undefined }
  assert.equal((await results.arrive(part, 60_000)).kind, 'complete')
  await results.arrive({ ...part, chord: 'w' as never }, 60_000)
  const quiet = { quiet: 0, hold: 1, most: 1, limit: 10 }
  assert.equal((await results.claimQuietChords?.(quiet))?.length, 1)
  await results.arrive({ ...part, chord: 'e' as never, index: undefined }, undefined)
  assert.deepEqual(await results.findIds?.('t', 10), [id])
  await results.close('c' as never)
  await results.forget([id])
  await assert.rejects(
    redisBackend(as('producer'), { address: redisAddress(as('producer')) }).fetch(id),
    /LVG_REDIS_DENIED|NOPERM/,
  )
})
