import type { ResultBackend } from '../backends/backend.js'
import type { Broker } from '../brokers/broker.js'
import { ConfigError } from '../lib/errors.js'
import { maskUrl } from '../lib/mask-url.js'
import type { Runtime } from '../lib/runtime.js'
import type { Codec } from '../protocol/codec.js'
import type { Limits } from '../protocol/limits.js'
import { FailoverBroker } from './failover-broker.js'
import type { Settings } from './settings.js'

/** What adapters are given. */
export interface TransportParts {
  readonly runtime: Runtime
  readonly settings: Settings
}

export interface BackendParts extends TransportParts {
  /** For results. */
  readonly codec: Codec
  readonly limits: Limits
}

type OpenBroker = (url: string, parts: TransportParts) => Promise<Broker>
type OpenBackend = (url: string, parts: BackendParts) => Promise<ResultBackend>

/** Scheme → adapter. Each is loaded when it is asked for, so nobody pays for what they do not use. */
const BROKERS: ReadonlyMap<string, OpenBroker> = new Map([
  ['memory', openMemoryBroker],
  ['sqlite', openSqliteBroker],
])

const BACKENDS: ReadonlyMap<string, OpenBackend> = new Map([
  ['cache+memory', openMemoryBackend],
  ['db+sqlite', openSqliteBackend],
])

/** Schemes of Celery that a person may expect, by what they stand for. */
const ABSENT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    RabbitMQ: ['amqp', 'amqps', 'pyamqp', 'pyamqps', 'librabbitmq'],
    Redis: ['redis', 'rediss', 'redis+socket', 'valkey', 'valkeys', 'sentinel'],
    PostgreSQL: ['postgres', 'postgresql', 'db+postgres', 'db+postgresql', 'sqlalchemy+postgresql', 'sqla+postgresql'],
    'results by message': ['rpc'],
  }).flatMap(([what, schemes]) => schemes.map(scheme => [scheme, what] as const)),
)

/** Opens what `brokerUrl` names; alternatives are joined by `;`. Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
export async function openBroker(urls: string, parts: TransportParts): Promise<Broker> {
  const brokers: Broker[] = []
  for (const url of urls.split(';')) {
    const open = BROKERS.get(schemeOf(url))
    if (open === undefined) throw unknownScheme('broker', url, BROKERS.keys())
    brokers.push(await open(url, parts))
  }
  const [first, ...rest] = brokers
  if (first === undefined) throw badUrl(urls, 'names no broker')
  return rest.length === 0 ? first : new FailoverBroker([first, ...rest])
}

/** Opens what `resultBackend` names; `disabled` = none. Throws `ConfigError` `LVG_UNKNOWN_SCHEME`, `LVG_BAD_URL`. */
export async function openBackend(url: string, parts: BackendParts): Promise<ResultBackend | undefined> {
  if (/^disabled(:\/\/)?$/.test(url)) return undefined
  if (url.includes(';')) throw badUrl(url, 'is a list; results go to one backend')
  const open = BACKENDS.get(schemeOf(url))
  if (open === undefined) throw unknownScheme('result backend', url, BACKENDS.keys())
  return await open(url, parts)
}

async function openMemoryBroker(url: string, { runtime }: TransportParts): Promise<Broker> {
  const { createMemoryBroker } = await import('../brokers/memory/memory-broker.js')
  return createMemoryBroker({ runtime, url })
}

async function openSqliteBroker(url: string, { runtime, settings }: TransportParts): Promise<Broker> {
  const path = filePath(url)
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

async function openMemoryBackend(url: string, { runtime, limits }: BackendParts): Promise<ResultBackend> {
  const { createMemoryBackend } = await import('../backends/memory/memory-backend.js')
  return createMemoryBackend({ runtime, url, limits })
}

async function openSqliteBackend(url: string, parts: BackendParts): Promise<ResultBackend> {
  const path = filePath(url)
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

function schemeOf(url: string): string {
  const match = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)
  if (match?.[1] === undefined) throw badUrl(url, 'has no scheme; write for example sqlite:///lovage.db')
  if (/\s/.test(url)) throw badUrl(url, 'contains a space; in a URL it is written %20')
  return match[1].toLowerCase()
}

/** `sqlite:///a/b.db` → `a/b.db`, `sqlite:////a/b.db` → `/a/b.db`, as SQLAlchemy reads them. */
function filePath(url: string): string {
  const rest = url.slice(url.indexOf('://') + 3)
  if (!rest.startsWith('/'))
    throw badUrl(url, 'needs three slashes before a relative path, four before an absolute one')
  if (/[?#]/.test(rest))
    throw badUrl(url, 'has `?` or `#`, which mean nothing here; in a path they are written %3F and %23')
  const path = decoded(rest.slice(1), url)
  if (path === '' || path === ':memory:') throw badUrl(url, 'names no file; for messages in memory write memory://')
  return path
}

function decoded(path: string, url: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badUrl(url, 'has a `%` that begins no escape; a percent sign is written %25')
  }
}

function badUrl(url: string, problem: string): ConfigError {
  return new ConfigError('LVG_BAD_URL', `The URL ${maskUrl(url)} ${problem}.`)
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
