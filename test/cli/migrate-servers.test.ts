import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createAmqpBroker } from '../../src/brokers/amqp/amqp-broker.js'
import { createRedisBroker } from '../../src/brokers/redis/redis-broker.js'
import { createSqliteBroker } from '../../src/brokers/sqlite/sqlite-broker.js'
import { redisAddress } from '../../src/drivers/redis/redis-url.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import type { Broker, Delivery, EpochMs } from '../../src/ports.js'
import { queueName } from '../../src/protocol/ids.js'
import { PostgresSuite, postgresBroker } from '../support/brokers/postgres-place.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { needsPostgres } from '../support/services/postgres.js'
import { openRabbitMq } from '../support/services/rabbitmq.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'
import { Project } from './project.js'

/* `lovage migrate SRC DST` from and to servers, in a ring, so that each of them is source and destination. */

const runtime = nodeRuntime()
const folder = temporaryFolder()
const suite = new PostgresSuite()
const rabbit = await openRabbitMq('migrate')
const noRedis = await redisMissing()
const redis = noRedis === undefined ? await redisDatabase() : undefined
after(async () => {
  folder[Symbol.dispose]()
  await suite[Symbol.asyncDispose]()
  await rabbit[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

interface End {
  readonly name: string
  readonly url: string
  readonly broker: Broker
}

const MAIL = queueName('mail')
const DUE: EpochMs = Date.now() + 3_600_000

const OPEN: Readonly<Record<string, () => Promise<End>>> = {
  sqlite: async () => {
    const path = join(folder.path, 'mail.db')
    return { name: 'sqlite', url: `sqlite:///${path}`, broker: createSqliteBroker({ url: path, path, runtime }) }
  },
  redis: async () => {
    const url = String(redis?.url)
    return { name: 'redis', url, broker: createRedisBroker({ address: redisAddress(url, {}), runtime }) }
  },
  rabbitmq: async () => ({
    name: 'rabbitmq',
    url: rabbit.url,
    broker: createAmqpBroker({ url: rabbit.url, runtime }),
  }),
  postgres: async () => {
    const url = (await suite.database).url()
    return { name: 'postgres', url, broker: postgresBroker(url, 'lovage') }
  },
}

const skip = rabbit.needed.skip ?? noRedis ?? needsPostgres.skip
const needed = skip === undefined ? {} : { skip }

for (const [from, to] of [
  ['sqlite', 'rabbitmq'],
  ['rabbitmq', 'redis'],
  ['redis', 'postgres'],
  ['postgres', 'rabbitmq'],
  ['rabbitmq', 'sqlite'],
  ['redis', 'rabbitmq'],
  ['sqlite', 'redis'],
  ['rabbitmq', 'postgres'],
] as const) {
  test(
    `messages move from ${from} to ${to}: ids, headers, properties, bodies, and when they are due`,
    needed,
    async () => {
      const [source, destination] = [await OPEN[from]?.(), await OPEN[to]?.()]
      assert.ok(source !== undefined && destination !== undefined)
      await using _source = source.broker
      await using _destination = destination.broker
      await fill(source.broker)
      using project = new Project()
      const ran = await project.run(['migrate', source.url, destination.url, '-Q', 'mail', '--json'])
      assert.equal(ran.code, 0, ran.stderr)
      assert.deepEqual(JSON.parse(ran.stdout), {
        messages: 4,
        queues: [{ queue: 'mail', messages: 4 }],
        delayedLeft: [],
      })
      await isEmpty(source.broker)
      const { ready, late } = await takeAll(destination.broker)
      assert.deepEqual(
        ready.map(({ message: { headers, body, properties } }) => [
          headers['id'],
          headers['custom'],
          properties.correlationId,
          properties.contentType,
          properties.priority ?? 0,
          Buffer.from(body).toString(),
        ]),
        [0, 1, 2].map(n => [`id-${n}`, { deep: [1, null] }, `id-${n}`, 'application/json', n, `[${n}]`]),
      )
      assert.equal(late.eta, new Date(DUE).toISOString())
      if (late.notBefore !== undefined)
        assert.ok(Math.abs(late.notBefore - DUE) < 1000, `${late.notBefore - DUE} ms off`)
      await isEmpty(destination.broker)
    },
  )
}

async function fill(broker: Broker): Promise<void> {
  await using connection = await broker.connect({ name: 'filler@test' })
  await connection.declare({ queues: [{ name: MAIL }] })
  const to = { exchange: '', routingKey: MAIL }
  for (const n of [0, 1, 2]) {
    const message = {
      headers: { id: `id-${n}`, task: 'mail.send', custom: { deep: [1, null] } },
      properties: { correlationId: `id-${n}`, contentType: 'application/json', priority: n },
      body: Buffer.from(`[${n}]`),
    }
    await connection.publish(message, to, { publishId: runtimeId(n) })
  }
  const late = { headers: { id: 'late', eta: new Date(DUE).toISOString() }, properties: {}, body: Buffer.from('late') }
  const delay = broker.features.delays ? { notBefore: DUE } : {}
  await connection.publish(late, to, { publishId: runtimeId('late'), ...delay })
}

let published = 0
function runtimeId(what: unknown): string {
  return `${what}-${++published}`
}

/** Those that are ready in the order of their ids, and the delayed one, wherever the broker has it. */
async function takeAll(broker: Broker) {
  await using connection = await broker.connect({ name: 'taker@test' })
  const ready = [...(await connection.get(MAIL, 100))]
  const delayed = (await connection.getDelayed?.(MAIL, 100)) ?? []
  const all: readonly Delivery[] = [...ready, ...delayed.map(({ delivery }) => delivery)]
  const late = all.find(({ message }) => message.headers['id'] === 'late')
  await Promise.all(all.map(delivery => delivery.ack()))
  assert.equal(delayed.length, broker.features.delays ? 1 : 0)
  const idOf = ({ message }: Delivery): string => String(message.headers['id'])
  return {
    ready: ready.filter(delivery => delivery !== late).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1)),
    late: { eta: late?.message.headers['eta'], notBefore: delayed[0]?.notBefore },
  }
}

async function isEmpty(broker: Broker): Promise<void> {
  await using connection = await broker.connect({ name: 'looker@test' })
  const { ready, held, delayed } = await connection.stats(MAIL)
  assert.deepEqual([ready, held, delayed], [0, 0, 0])
}
