import { join } from 'node:path'
import type { SettingsInput } from '../../src/app/settings.js'
import { temporaryFolder } from '../support/brokers/sqlite-places.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'
import { type RedisDatabase, redisDatabase, redisMissing } from '../support/services/redis.js'

/** A broker of one's own, and what is left at it. */
export interface Place extends AsyncDisposable {
  readonly settings: SettingsInput
  /** Names of queues, and where there are such, of keys: all that is there now, but not what ends by itself. */
  left(): Promise<readonly string[]>
}

export interface PlaceKind {
  readonly name: string
  /** Why it cannot be had here. */
  missing(): Promise<string | undefined>
  open(): Promise<Place>
}

export const PLACES: readonly PlaceKind[] = [
  { name: 'SQLite', missing: async () => undefined, open: sqlite },
  { name: 'PostgreSQL', missing: async () => needsPostgres.skip, open: postgres },
  { name: 'RabbitMQ', missing: rabbitMqMissing, open: rabbitMq },
  { name: 'Redis', missing: redisMissing, open: redis },
]

async function sqlite(): Promise<Place> {
  const folder = temporaryFolder()
  const url = `sqlite:///${join(folder.path, 'queue.db')}`
  return {
    settings: { brokerUrl: url, brokerTransportOptions: { durability: 'os' } },
    left: () => listed(url),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

async function postgres(): Promise<Place> {
  const database = await ScratchDatabase.create()
  const url = database.url('postgres')
  return {
    settings: { brokerUrl: url },
    left: () => listed(url),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

async function rabbitMq(): Promise<Place> {
  const rabbit = await openRabbitMq('control')
  return {
    settings: { brokerUrl: rabbit.url },
    left: async () => (await rabbit.queues()).map(({ name }) => name).sort(),
    [Symbol.asyncDispose]: () => rabbit[Symbol.asyncDispose](),
  }
}

export interface RedisPlace extends Place {
  readonly database: RedisDatabase
}

export async function redis(): Promise<RedisPlace> {
  const database = await redisDatabase()
  await database.client.flushdb()
  return {
    database,
    settings: { brokerUrl: database.url },
    left: async () => {
      const keys = await database.client.keys('*')
      const members = await Promise.all(
        keys.filter(key => key.includes('_kombu.binding.')).map(async key => database.client.smembers(key)),
      )
      const lasting = keys.filter(key => !key.includes('lovage.published.'))
      const queues = await database.client.hkeys('lovage.queues')
      return [...lasting, ...members.flat(), ...queues].sort()
    },
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

async function listed(url: string): Promise<readonly string[]> {
  const { App } = await import('../../src/app/app.js')
  await using app = new App('looker', { brokerUrl: url })
  await using connection = await (await app.broker()).connect({ name: 'looker' })
  const queues = (await connection.list()).map(({ queue }) => queue)
  const bindings = (await connection.bindings()).map(({ exchange, queue }) => `${exchange} → ${queue}`)
  return [...queues, ...bindings].sort()
}
