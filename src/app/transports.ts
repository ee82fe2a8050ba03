import type { ResultBackend } from '../backends/backend.js'
import type { ReplyLine } from '../backends/rpc/reply-line.js'
import type { Broker } from '../brokers/broker.js'
import type { Outbox } from '../brokers/outbox/outbox.js'
import { ConfigError } from '../lib/errors.js'
import { maskUrl } from '../lib/mask-url.js'
import type { Runtime } from '../lib/runtime.js'
import type { Ms } from '../lib/time.js'
import type { Codec } from '../protocol/codec.js'
import type { Limits } from '../protocol/limits.js'
import { demandEncryption, demandPostgresTls, lookAtRedisWay } from './encryption.js'
import { FailoverBroker } from './failover-broker.js'
import { Queues } from './queues.js'
import type { Settings } from './settings.js'
import { badUrl, sqlitePath } from './sqlite-path.js'

/** What adapters are given. */
export interface TransportParts {
  readonly runtime: Runtime
  readonly settings: Settings
}

export interface BackendParts extends TransportParts {
  /** For results. */
  readonly codec: Codec
  readonly limits: Limits
  /** For results that travel as messages. */
  replyLine(): Promise<ReplyLine>
}

type OpenBroker = (url: string, parts: TransportParts) => Promise<Broker>
type OpenBackend = (url: string, parts: BackendParts) => Promise<ResultBackend>

/** Scheme → adapter. Each is loaded when it is asked for, so nobody pays for what they do not use. */
const BROKERS: ReadonlyMap<string, OpenBroker> = new Map([
  ['amqp', openAmqpBroker],
  ['amqps', openAmqpBroker],
  ['librabbitmq', openAmqpBroker],
  ['memory', openMemoryBroker],
  ['postgres', openPostgresBroker],
  ['postgresql', openPostgresBroker],
  ['pyamqp', openAmqpBroker],
  ['pyamqps', openAmqpBroker],
  ['redis', openRedisBroker],
  ['redis+socket', openRedisBroker],
  ['rediss', openRedisBroker],
  ['sentinel', openRedisBroker],
  ['sqlite', openSqliteBroker],
  ['valkey', openRedisBroker],
  ['valkeys', openRedisBroker],
])

const BACKENDS: ReadonlyMap<string, OpenBackend> = new Map([
  ['cache+memory', openMemoryBackend],
  ['db+postgres', openPostgresBackend],
  ['db+postgresql', openPostgresBackend],
  ['db+sqlite', openSqliteBackend],
  ['redis', openRedisBackend],
  ['redis+socket', openRedisBackend],
  ['rediss', openRedisBackend],
  ['rpc', openRpcBackend],
  ['sentinel', openRedisBackend],
  ['valkey', openRedisBackend],
  ['valkeys', openRedisBackend],
])

/** Schemes of Celery that a person may expect, by what they stand for. */
const ABSENT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'PostgreSQL with the tables of Kombu': ['sqlalchemy+postgresql', 'sqla+postgresql'],
  }).flatMap(([what, schemes]) => schemes.map(scheme => [scheme, what] as const)),
)

/** Opens what `brokerUrl` names; alternatives are joined by `;`. Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
export async function openBroker(urls: string, parts: TransportParts): Promise<Broker> {
  const brokers: Broker[] = []
  for (const url of alternatives(urls)) {
    const open = BROKERS.get(schemeOf(url))
    if (open === undefined) throw unknownScheme('broker', url, BROKERS.keys())
    brokers.push(await open(url, parts))
  }
  const [first, ...rest] = brokers
  if (first === undefined) throw badUrl(urls, 'names no broker')
  if (rest.length === 0) return first
  const shuffle = parts.settings.brokerFailoverStrategy === 'shuffle' ? parts.runtime.random : undefined
  return new FailoverBroker([first, ...rest], shuffle)
}

/** Results come as messages over the broker itself: something has to be ready for them before a task is sent. */
export function isByMessage(url: string | undefined): boolean {
  return url !== undefined && /^rpc:\/\//i.test(url)
}

/** Opens what `resultBackend` names; `disabled` = none. Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
export async function openBackend(url: string, parts: BackendParts): Promise<ResultBackend | undefined> {
  if (/^disabled(:\/\/)?$/.test(url)) return undefined
  if (alternatives(url).length > 1) throw badUrl(url, 'is a list; results go to one backend')
  const open = BACKENDS.get(schemeOf(url))
  if (open === undefined) throw unknownScheme('result backend', url, BACKENDS.keys())
  return await open(url, parts)
}

/** Opens what `outboxUrl` names. Throws `ConfigError` `LVG_NO_OUTBOX`, `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
export async function openOutbox(parts: TransportParts): Promise<Outbox> {
  const { runtime, settings } = parts
  const url = settings.outboxUrl
  if (url === undefined) {
    throw new ConfigError(
      'LVG_NO_OUTBOX',
      'dispatchOnCommit keeps messages in an outbox, and none is set. Set `outboxUrl` to the database of your transactions, here and in the workers.',
    )
  }
  switch (schemeOf(url)) {
    case 'postgres':
    case 'postgresql': {
      const [{ PostgresOutbox }, { parsePostgresUrl }] = await Promise.all([
        import('../brokers/outbox/postgres-outbox.js'),
        import('../drivers/postgres/postgres-url.js'),
      ])
      const target = parsePostgresUrl(url)
      demandPostgresTls(url, target, settings.requireTls)
      return new PostgresOutbox({ target, schema: settings.postgresSchema, runtime })
    }
    case 'sqlite': {
      const path = sqlitePath(url)
      const { SqliteOutbox } = await import('../brokers/outbox/sqlite-outbox.js')
      return new SqliteOutbox({ path, allowNetworkFilesystem: settings.allowNetworkFilesystem })
    }
    default:
      throw unknownScheme('outbox', url, ['postgres', 'postgresql', 'sqlite'])
  }
}

async function openAmqpBroker(url: string, { runtime, settings }: TransportParts): Promise<Broker> {
  const [{ createAmqpBroker }, { parseAmqpUrl }] = await Promise.all([
    import('../brokers/amqp/amqp-broker.js'),
    import('../brokers/amqp/amqp-url.js'),
  ])
  const { host, tls } = parseAmqpUrl(url)
  const encrypted = tls || settings.brokerUseSsl !== false
  demandEncryption({ url, hosts: [host], encrypted }, settings.requireTls)
  return createAmqpBroker({
    url,
    runtime,
    heartbeat: settings.brokerHeartbeat ?? 0,
    connectTimeout: settings.brokerConnectionTimeout ?? NO_LIMIT,
    loginMethod: settings.brokerLoginMethod,
    useSsl: settings.brokerUseSsl,
    consumerTimeout: settings.rabbitmqConsumerTimeout,
    managementUrl: settings.rabbitmqManagementUrl,
    behaviour: {
      confirms: settings.publishConfirms,
      publishTimeout: settings.publishTimeout,
      declare: settings.brokerDeclare,
      publishVia: settings.publishVia,
      quorum: settings.workerDetectQuorumQueues && usesQuorumQueues(settings),
      delayQueueType: settings.brokerNativeDelayedDeliveryQueueType,
    },
  })
}

/** Longest that a timer can be set for: three weeks. */
const NO_LIMIT: Ms = 2 ** 31 - 1

/** Of the configured queues, consumed or not. Source: celery/utils/quorum_queues.py detect_quorum_queues. */
function usesQuorumQueues(settings: Settings): boolean {
  return new Queues(settings).declared.some(queue => queue.arguments?.['x-queue-type'] === 'quorum')
}

/** Several sentinels are one place. */
function alternatives(urls: string): readonly string[] {
  return /^sentinel:/i.test(urls) ? [urls] : urls.split(';')
}

async function openRedisBroker(url: string, parts: TransportParts): Promise<Broker> {
  const [{ createRedisBroker }, { redisBrokerOptions }] = await Promise.all([
    import('../brokers/redis/redis-broker.js'),
    import('./redis-transport.js'),
  ])
  const options = await redisBrokerOptions(url, parts)
  lookAtRedisWay(options.address, parts.settings.requireTls, parts.runtime.log)
  return createRedisBroker(options)
}

async function openMemoryBroker(url: string, { runtime }: TransportParts): Promise<Broker> {
  const { createMemoryBroker } = await import('../brokers/memory/memory-broker.js')
  return createMemoryBroker({ runtime, url })
}

async function openSqliteBroker(url: string, { runtime, settings }: TransportParts): Promise<Broker> {
  const path = sqlitePath(url)
  const { createSqliteBroker } = await import('../brokers/sqlite/sqlite-broker.js')
  return createSqliteBroker({
    url,
    path,
    runtime,
    durability: settings.durability,
    allowNetworkFilesystem: settings.allowNetworkFilesystem,
    leaseMs: settings.leaseTime,
    renewMs: settings.leaseRenewInterval,
  })
}

async function openPostgresBroker(url: string, parts: TransportParts): Promise<Broker> {
  const { runtime, settings } = parts
  const [{ createPostgresBroker }, { parsePostgresUrl }] = await Promise.all([
    import('../brokers/postgres/postgres-broker.js'),
    import('../drivers/postgres/postgres-url.js'),
  ])
  const target = parsePostgresUrl(url)
  demandPostgresTls(url, target, settings.requireTls)
  return createPostgresBroker({
    url: maskUrl(url),
    target,
    runtime,
    schema: settings.postgresSchema,
    leaseMs: settings.leaseTime,
    renewMs: settings.leaseRenewInterval,
  })
}

async function openMemoryBackend(url: string, { runtime, limits }: BackendParts): Promise<ResultBackend> {
  const { createMemoryBackend } = await import('../backends/memory/memory-backend.js')
  return createMemoryBackend({ runtime, url, limits })
}

async function openRedisBackend(url: string, parts: BackendParts): Promise<ResultBackend> {
  const [{ createRedisBackend }, { redisBackendOptions }] = await Promise.all([
    import('../backends/redis/redis-backend.js'),
    import('./redis-transport.js'),
  ])
  const options = await redisBackendOptions(url, parts)
  lookAtRedisWay(options.address, parts.settings.requireTls, parts.runtime.log)
  return createRedisBackend(options)
}

async function openPostgresBackend(url: string, parts: BackendParts): Promise<ResultBackend> {
  const { runtime, settings, codec, limits } = parts
  const [{ createPostgresBackend }, { parsePostgresUrl }] = await Promise.all([
    import('../backends/postgres/postgres-backend.js'),
    import('../drivers/postgres/postgres-url.js'),
  ])
  const target = parsePostgresUrl(url)
  demandPostgresTls(url, target, settings.requireTls)
  return createPostgresBackend({
    url,
    target,
    runtime,
    codec,
    limits,
    schema: settings.postgresSchema,
    serializer: settings.resultSerializer,
  })
}

async function openSqliteBackend(url: string, parts: BackendParts): Promise<ResultBackend> {
  const path = sqlitePath(url)
  const { runtime, settings, codec, limits } = parts
  const { createSqliteBackend } = await import('../backends/sqlite/sqlite-backend.js')
  return createSqliteBackend({
    url,
    path,
    runtime,
    codec,
    limits,
    serializer: settings.resultSerializer,
    durability: settings.durability,
    allowNetworkFilesystem: settings.allowNetworkFilesystem,
  })
}

async function openRpcBackend(url: string, parts: BackendParts): Promise<ResultBackend> {
  const { runtime, settings, codec, limits } = parts
  const { RpcBackend } = await import('../backends/rpc/rpc-backend.js')
  return new RpcBackend({
    url,
    runtime,
    codec,
    limits,
    serializer: settings.resultSerializer,
    persistent: settings.resultPersistent === true,
    ttl: settings.resultExpires,
    line: await parts.replyLine(),
  })
}

function schemeOf(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)
  if (match?.[1] === undefined) throw badUrl(url, 'has no scheme; write for example sqlite:///lovage.db')
  if (/\s/.test(url)) throw badUrl(url, 'contains a space; in a URL it is written %20')
  return match[1].toLowerCase()
}

function unknownScheme(what: string, url: string, known: Iterable<string>): ConfigError {
  const scheme = schemeOf(url)
  const absent = ABSENT.get(scheme)
  const why = absent === undefined ? 'is not known' : `means ${absent}, which this version of Lovage does not have yet`
  const schemes = [...known].map(name => `${name}://`).join(', ')
  return new ConfigError(
    'LVG_UNKNOWN_SCHEME',
    `The scheme of the ${what} ${maskUrl(url)} ${why}. There are: ${schemes}.`,
  )
}
