import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { RejectedByBrokerError } from '../../src/brokers/errors.js'
import { until } from '../../src/testing/chaos/waiting.js'
import { celeryMissing, PYTHON } from '../support/python/python.js'
import { privateRedis, redisDatabase, redisMissing, redisServerMissing } from '../support/services/redis.js'
import { blockingCases } from './real/blocking-cases.js'
import { connectionCases } from './real/connection-cases.js'
import { deliveryCases } from './real/delivery-cases.js'
import type { HaltingPlace } from './real/halting-place.js'
import { publishingCases } from './real/publishing-cases.js'
import { revokingCases } from './real/revoking-cases.js'
import { PATIENCE, Rig } from './real/rig.js'

const run = promisify(execFile)

const missing = await redisMissing()
const database = missing === undefined ? await redisDatabase() : undefined
after(() => database?.[Symbol.asyncDispose]())

const place: HaltingPlace = {
  name: 'redis',
  needed: missing === undefined ? {} : { skip: missing },
  url: () => `${database?.url}?socket_timeout=2`,
  settings: { leaseTime: 6, leaseRenewInterval: 1 },
  deleteQueue: async () => undefined,
}

describe('halting cases on Redis', { concurrency: 3 }, () => {
  connectionCases(place, test)
  deliveryCases(place, test)
  publishingCases(place, test)
  revokingCases(place, test)
})

// Alone: it holds up whatever else runs on this loop.
blockingCases(place, test)

const noCelery = missing ?? celeryMissing()

test(
  'H07 redis: messages of three senders, one of them Celery, that all carry one delivery tag are each run and acknowledged once',
  noCelery === undefined ? {} : { skip: noCelery },
  async () => {
    assert.ok(database !== undefined)
    await using rig = await Rig.open(place, 'h07')
    await using other = await Rig.open(place, 'h07')
    const ids = [...(await rig.send('a', 300)), ...(await other.send('b', 300))]
    const envelopes = await database.client.lrange('h07', 0, -1)
    const same = envelopes.map(text => {
      const envelope = JSON.parse(text)
      return JSON.stringify({ ...envelope, properties: { ...envelope.properties, delivery_tag: 'same' } })
    })
    await database.client
      .multi()
      .del('h07')
      .rpush('h07', ...same)
      .exec()
    const program = `
import sys
from kombu.transport.redis import Channel
Channel._next_delivery_tag = lambda self: 'same'
from celery import Celery
app = Celery('t', broker=sys.argv[1])
for n in range(300): app.send_task('probe', [1], task_id='h07-py%d' % n, queue='h07')
`
    await run(PYTHON, ['-c', program, database.url])
    const fromPython = Array.from({ length: 300 }, (_, n) => `h07-py${n}`)
    await rig.worker({ settings: { workerPrefetchMultiplier: 4 } })
    await rig.drained([...ids, ...fromPython])
    rig.once([...ids, ...fromPython])
    assert.deepEqual([await database.client.exists('unacked'), await database.client.exists('unacked_index')], [0, 0])
  },
)

const binary = redisServerMissing()

/** On a server of one's own. */
async function onOwnServer(play: (rig: Rig, server: Awaited<ReturnType<typeof privateRedis>>) => Promise<void>) {
  await using server = await privateRedis()
  const own: HaltingPlace = { ...place, url: () => `${server.url}/0?socket_timeout=2` }
  await using rig = await Rig.open(own, 'own')
  await play(rig, server)
}

describe('Redis servers of their own', { concurrency: 2, ...(binary === undefined ? {} : { skip: binary }) }, () => {
  test('F34 redis: scripts that the server has forgotten are sent again', async () => {
    await onOwnServer(async (rig, server) => {
      await rig.worker()
      const admin = await server.client()
      for (let round = 0; round < 3; round++) {
        const ids = await rig.send(`r${round}-`, 20, 20)
        await admin.script('FLUSH')
        await rig.drained(ids)
        rig.once(ids)
      }
    })
  })

  test('F33 redis: an emptied server is said to be that, running tasks end, and what is sent afterwards runs', async () => {
    await onOwnServer(async (rig, server) => {
      const { log } = await rig.worker()
      const admin = await server.client()
      // Its first look at what the server keeps is behind it.
      while ((await admin.exists('lovage.epoch')) === 0) await rig.pause()
      const running = await rig.send('running', 2, 4000)
      await rig.started(running)
      await admin.flushall()
      await until(
        'the loss to be told',
        () => log.some(line => line.level === 'critical' && /has lost what it kept/.test(line.message)),
        PATIENCE,
      )
      await until('the end of what ran', () => running.every(id => rig.times(id, 'end') === 1), PATIENCE)
      const later = await rig.send('later', 20)
      await rig.ended(later)
      rig.once([...running, ...later])
    })
  })

  test('F31 redis: a server without memory refuses messages with a typed error, and takes them again when it has some', async () => {
    await onOwnServer(async (rig, server) => {
      await rig.worker()
      await rig.drained(await rig.send('before', 4))
      const admin = await server.client()
      await admin.config('SET', 'maxmemory', '1')
      await assert.rejects(rig.send('refused', 1), (error: unknown) => error instanceof RejectedByBrokerError)
      await admin.config('SET', 'maxmemory', '0')
      await rig.drained(await rig.send('after', 20))
      assert.equal(rig.times('own-refused0'), 0)
    })
  })

  test('H14 F32 redis: a primary that has become a replica is left for the new one, under load', async () => {
    await using next = await privateRedis()
    await onOwnServer(async (rig, server) => {
      const { proxy } = await rig.worker()
      await rig.drained(await rig.send('before', 10))
      const [first, second] = [await server.client(), await next.client()]
      await second.replicaof('127.0.0.1', server.port)
      const ids = await rig.send('during', 20, 100)
      while (!(await second.info('replication')).includes('master_link_status:up')) await rig.pause()
      assert.ok(Number(await first.wait(1, 5000)) >= 1)
      await second.replicaof('NO', 'ONE')
      await first.replicaof('127.0.0.1', next.port)
      proxy.redirect({ port: next.port })
      await rig.ended(ids)
      const left = await second.llen('own')
      assert.equal(left, 0)
    })
  })

  test('H77 redis: a consumer whose entry was removed is entered again, and works on', async () => {
    await onOwnServer(async (rig, server) => {
      const admin = await server.client()
      const { log } = await rig.worker()
      await rig.drained(await rig.send('before', 4))
      await rig.hasOneConsumer()
      const running = await rig.send('running', 2, 3000)
      await rig.started(running)
      // Nothing else makes it tell what it consumes.
      await until('it to be at rest', () => log.some(line => line.message === 'mingle: all alone'), PATIENCE)
      await admin.del('lovage.consumers', 'lovage.holders')
      await rig.drained([...running, ...(await rig.send('after', 10))])
      await until(
        'it to notice',
        () => log.some(line => line.message.includes('no longer has this consumer')),
        PATIENCE,
      )
      await rig.hasOneConsumer()
      rig.once(running)
    })
  })

  test('H21 redis: a restore mutex that a dead worker left behind for ever keeps no message from coming back', async () => {
    await onOwnServer(async (rig, server) => {
      const admin = await server.client()
      await admin.set('unacked_mutex', 'left behind')
      const dead = await rig.worker({ concurrency: 1, settings: { workerPrefetchMultiplier: 20 } })
      const ids = await rig.send('held', 20, 200)
      await rig.started(ids.slice(0, 1))
      dead.proxy.blackhole()
      void dead.worker.stop('hard')
      await rig.worker()
      await rig.ended(ids)
      await rig.empty()
    })
  })
})
