import type { App } from '../app/app.js'
import { demandPostgresTls, lookAtRedisWay } from '../app/encryption.js'
import { ConfigError } from '../lib/errors.js'
import { maskUrl } from '../lib/mask-url.js'
import type { BeatStore } from './beat-store.js'

const FILE = 'sqlite:///lovage-beat.db'

type OpenStore = (url: string, app: App) => Promise<BeatStore>

/** Scheme → adapter, loaded when it is asked for. */
const STORES: ReadonlyMap<string, OpenStore> = new Map([
  ['memory', openMemory],
  ['sqlite', openSqlite],
  ['postgres', openPostgres],
  ['postgresql', openPostgres],
  ['redis', openRedis],
  ['rediss', openRedis],
  ['redis+socket', openRedis],
  ['sentinel', openRedis],
  ['valkey', openRedis],
  ['valkeys', openRedis],
])

/** The store that beats of this app share: `beatStoreUrl`, or what follows from broker and result backend. Throws `ConfigError`. */
export async function openBeatStore(app: App): Promise<BeatStore> {
  const url = beatStoreUrl(app)
  const open = STORES.get(schemeOf(url))
  if (open !== undefined) return await open(url, app)
  throw new ConfigError(
    'LVG_UNKNOWN_SCHEME',
    `beatStoreUrl: beats cannot agree over ${maskUrl(url)}. Give sqlite:///file, redis://, postgresql://, or memory:// for one process.`,
  )
}

/** Of several alternatives the first: the beats of all hosts must meet at one place. */
function beatStoreUrl({ settings }: App): string {
  if (settings.beatStoreUrl !== undefined) return settings.beatStoreUrl
  for (const url of [settings.brokerWriteUrl ?? settings.brokerUrl, settings.resultBackend]) {
    const first = url?.split(';')[0]?.trim().replace(/^db\+/, '')
    if (first !== undefined && STORES.has(schemeOf(first))) return first
  }
  return FILE
}

async function openMemory(_url: string, { runtime }: App): Promise<BeatStore> {
  const { MemoryBeatStore } = await import('./memory-beat-store.js')
  return new MemoryBeatStore(runtime.clock)
}

async function openSqlite(url: string, { settings }: App): Promise<BeatStore> {
  const [{ SqliteBeatStore }, { sqlitePath }] = await Promise.all([
    import('./sqlite/sqlite-beat-store.js'),
    import('../app/sqlite-path.js'),
  ])
  const { durability, allowNetworkFilesystem } = settings
  return new SqliteBeatStore({ url, path: sqlitePath(url), durability, allowNetworkFilesystem })
}

async function openPostgres(url: string, { runtime, settings }: App): Promise<BeatStore> {
  const [{ PostgresBeatStore }, { parsePostgresUrl }] = await Promise.all([
    import('./postgres/postgres-beat-store.js'),
    import('../drivers/postgres/postgres-url.js'),
  ])
  const target = parsePostgresUrl(url)
  demandPostgresTls(url, target, settings.requireTls)
  return new PostgresBeatStore({ target, schema: settings.postgresSchema, runtime })
}

async function openRedis(url: string, { runtime, settings }: App): Promise<BeatStore> {
  const [{ RedisBeatStore }, { redisBrokerOptions }] = await Promise.all([
    import('./redis/redis-beat-store.js'),
    import('../app/redis-transport.js'),
  ])
  const { address, keys } = await redisBrokerOptions(url, { runtime, settings })
  lookAtRedisWay(address, settings.requireTls, runtime.log)
  return new RedisBeatStore({ address, prefix: keys?.prefix ?? '', runtime })
}

function schemeOf(url: string): string {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? ''
}
