import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SettingsInput } from '../src/app/settings.js'
import { loadAmqplib } from './peers/amqplib.js'
import { loadIoredis } from './peers/ioredis.js'
import { loadPg } from './peers/pg.js'
import { AMQP_URL, POSTGRES_URL, REDIS_URL } from './servers.js'

/**
 * Where messages and results of one side of a row lie: a corner of a server, or a folder, that is the row's alone. Disposing
 * removes everything in it.
 */
export interface Place extends AsyncDisposable {
  readonly name: string
  readonly settings: SettingsInput
  /** Merged into the settings by rows that keep results. */
  readonly results: SettingsInput
  /** Removes whatever earlier runs left. */
  empty(): Promise<void>
}

export type Durability = 'os' | 'full'

export const BENCH_QUEUE = 'lovage-bench'
const DATABASE = 'lovage_bench'

export class SqlitePlace implements Place {
  readonly name: string
  readonly settings: SettingsInput
  readonly results: SettingsInput
  readonly folder: string = mkdtempSync(join(tmpdir(), 'lovage-bench-'))

  constructor(durability: Durability) {
    const url = `sqlite:///${join(this.folder, 'bench.db')}`
    this.name = `SQLite, ${durability}`
    this.settings = { brokerUrl: url, durability }
    this.results = { resultBackend: `db+${url}` }
  }

  async empty(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true })
    mkdirSync(this.folder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export function redisPlace(): Place {
  return corner('Redis', { brokerUrl: REDIS_URL }, { resultBackend: REDIS_URL }, emptyRedis)
}

/** Results go to Redis, as the peers of its rows do it. */
export function rabbitPlace(): Place {
  return corner(
    'RabbitMQ',
    { brokerUrl: AMQP_URL, taskDefaultQueue: BENCH_QUEUE },
    { resultBackend: REDIS_URL },
    async () => {
      await emptyRabbit()
      await emptyRedis().catch(() => undefined)
    },
  )
}

export function postgresPlace(): Place {
  const url = new URL(POSTGRES_URL)
  url.pathname = `/${DATABASE}`
  return corner('PostgreSQL', { brokerUrl: url.href }, { resultBackend: `db+${url.href}` }, async () => {
    await onPostgres(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`, `CREATE DATABASE ${DATABASE}`)
  })
}

function corner(name: string, settings: SettingsInput, results: SettingsInput, empty: () => Promise<void>): Place {
  return { name, settings, results, empty, [Symbol.asyncDispose]: empty }
}

async function emptyRedis(): Promise<void> {
  const redis = new (loadIoredis())(REDIS_URL)
  await redis.flushdb()
  redis.disconnect()
}

async function emptyRabbit(): Promise<void> {
  const connection = await loadAmqplib().connect(AMQP_URL)
  const channel = await connection.createChannel()
  await channel.deleteQueue(BENCH_QUEUE)
  await channel.deleteExchange(BENCH_QUEUE)
  await connection.close()
}

/** In the database that `POSTGRES_URL` names. */
export async function onPostgres(...statements: readonly string[]): Promise<void> {
  const client = new (loadPg().Client)(POSTGRES_URL)
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}
