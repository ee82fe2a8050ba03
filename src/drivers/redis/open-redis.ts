import type { Redis, RedisOptions } from 'ioredis'
import type { Ms } from '../../lib/time.js'
import { optionalPackage } from '../../protocol/optional-package.js'
import { RedisError } from '../errors.js'
import type { RedisAddress, RedisSentinels, RedisTls } from './redis-address.js'
import { RedisConnection, type RedisReply } from './redis-connection.js'
import { connectError } from './redis-trouble.js'
import { tlsOptions } from './tls-options.js'

/** The parts of `ioredis` that are used. */
interface ClientPackage {
  readonly Redis: new (options: RedisOptions) => Redis
  readonly Command: unknown
}

interface Server {
  readonly url: string
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly tls: RedisTls | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly keepAlive: boolean
  readonly answerTimeoutMs: Ms
}

export interface OpenRedisOptions {
  /** Shown in the server's list of clients. */
  readonly name: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Connects and logs in, within `connectTimeoutMs` in all. Rejects with `RedisError`, with `ConfigError` without the
 * package `ioredis`, or with the signal's reason.
 */
export async function openRedis(address: RedisAddress, options: OpenRedisOptions): Promise<RedisConnection> {
  options.signal?.throwIfAborted()
  const client = optionalPackage('ioredis', `Redis (${address.url})`) as ClientPackage
  const limit = new Deadline(address.connectTimeoutMs, address.url, options.signal)
  try {
    return await open(client, address, options.name, limit)
  } finally {
    limit[Symbol.dispose]()
  }
}

async function open(
  client: ClientPackage,
  address: RedisAddress,
  name: string,
  limit: Deadline,
): Promise<RedisConnection> {
  const { at, db, url } = address
  const place =
    at.kind === 'sentinel'
      ? await findMaster(client, address, at, limit)
      : at.kind === 'tcp'
        ? { ...at }
        : { path: at.path }
  const shown = at.kind === 'sentinel' && 'host' in place ? `${url} (master ${place.host}:${place.port})` : url
  const connection = await connect(client, { ...address, url: shown, at: place }, limit)
  try {
    await limit.meet(connection.call('logging in', 'ping'))
    if (db !== 0) await limit.meet(connection.call(`selecting database ${db}`, 'select', [db]))
    // A right that is missing for a name is no trouble.
    const named = connection.call('naming the connection', 'client', [
      'setname',
      clientName(address.clientName ?? name),
    ])
    await limit.meet(named.catch(ignoreReply))
    if (at.kind === 'sentinel') await checkMaster(connection, limit)
    return connection
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
}

/** A name may hold neither spaces nor control characters. */
function clientName(name: string): string {
  return name.replace(/[^!-~]+/g, '_').slice(0, 200)
}

function ignoreReply(error: unknown): void {
  if (error instanceof RedisError && error.fatal) throw error
}

async function connect(client: ClientPackage, server: Server, limit: Deadline): Promise<RedisConnection> {
  const { url, at, tls, username, password, keepAlive, answerTimeoutMs } = server
  const options: RedisOptions = {
    ...at,
    ...(tls !== undefined && { tls: tlsOptions(tls, url) }),
    ...(keepAlive ? { keepAlive: 30_000 } : {}),
    protocol: 2,
    lazyConnect: true,
    // What heals, waits or repeats by itself hides from us what happened (D39).
    retryStrategy: null,
    maxRetriesPerRequest: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    connectTimeout: limit.left + 1000,
  }
  const redis = new client.Redis(options)
  const connection = new RedisConnection(redis, client.Command, { url, answerTimeoutMs })
  try {
    let cause: unknown
    redis.once('error', error => {
      cause ??= error
    })
    await limit.meet(
      redis.connect().catch((error: unknown) => {
        throw connectError('connecting', url, cause ?? error)
      }),
    )
    if (password !== undefined) {
      const words = username === undefined || username === '' ? [password] : [username, password]
      await limit.meet(connection.call('logging in', 'auth', words))
    }
    return connection
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
}

/** Asks the sentinels one after another; the first that knows the master is believed. */
async function findMaster(
  client: ClientPackage,
  address: RedisAddress,
  place: RedisSentinels,
  limit: Deadline,
): Promise<{ readonly host: string; readonly port: number }> {
  const answers: string[] = []
  for (const at of place.sentinels) {
    const here = `${at.host}:${at.port}`
    const part = limit.part(place.sentinels.length)
    try {
      const found = await askSentinel(client, { ...address, ...place, url: `sentinel ${here}`, at }, place, part)
      if (found !== undefined) return found
      answers.push(`${here} knows no master of that name it would trust`)
    } catch (error) {
      limit.check()
      answers.push(`${here}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      part[Symbol.dispose]()
    }
  }
  const message =
    `No sentinel of ${address.url} named a master '${place.master}': ${answers.join('; ')}. ` +
    'Check the sentinels, and the name in the transport option masterName.'
  throw new RedisError('NO_MASTER', message)
}

async function askSentinel(
  client: ClientPackage,
  server: Server,
  { master, minOthers }: RedisSentinels,
  limit: Deadline,
): Promise<{ readonly host: string; readonly port: number } | undefined> {
  await using sentinel = await connect(client, server, limit)
  const doing = 'asking for the master'
  const found = await limit.meet(sentinel.call(doing, 'sentinel', ['get-master-addr-by-name', master]))
  if (!Array.isArray(found)) return undefined
  if (minOthers > 0) {
    const others = await limit.meet(sentinel.call(doing, 'sentinel', ['sentinels', master]))
    if (!Array.isArray(others) || others.length < minOthers) return undefined
  }
  return { host: String(found[0]), port: Number(String(found[1])) }
}

/** A sentinel may lag behind: what it names must itself say that it is the master. */
async function checkMaster(connection: RedisConnection, limit: Deadline): Promise<void> {
  const role: RedisReply = await limit.meet(connection.call('asking for its role', 'role'))
  const word = Array.isArray(role) ? String(role[0]) : String(role)
  if (word === 'master') return
  throw new RedisError(
    'NO_MASTER',
    `Redis at ${connection.url} is a ${word}, not the master: its sentinels are behind. It is tried again.`,
  )
}

/** One span of time that several steps share. */
class Deadline implements Disposable {
  readonly #end: Ms
  readonly #ms: Ms
  readonly #url: string
  readonly #signal: AbortSignal | undefined
  readonly #over: Promise<never>
  readonly #timer: NodeJS.Timeout
  #abort: (() => void) | undefined

  constructor(ms: Ms, url: string, signal: AbortSignal | undefined) {
    this.#ms = ms
    this.#url = url
    this.#signal = signal
    this.#end = performance.now() + ms
    let reject: (reason: unknown) => void = () => {}
    this.#over = new Promise<never>((_, no) => {
      reject = no
    })
    // Nobody may be waiting when it fires.
    this.#over.catch(() => {})
    this.#timer = setTimeout(() => reject(this.#error()), ms)
    if (signal !== undefined) {
      this.#abort = () => reject(signal.reason)
      signal.addEventListener('abort', this.#abort, { once: true })
    }
  }

  get left(): Ms {
    return Math.max(1, Math.ceil(this.#end - performance.now()))
  }

  /** A fair share of what is left, for one of `count` attempts; at least half a second. */
  part(count: number): Deadline {
    return new Deadline(Math.min(this.left, Math.max(500, this.#ms / (count + 1))), this.#url, this.#signal)
  }

  check(): void {
    this.#signal?.throwIfAborted()
    if (performance.now() >= this.#end) throw this.#error()
  }

  meet<T>(step: Promise<T>): Promise<T> {
    step.catch(() => {})
    return Promise.race([step, this.#over])
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    if (this.#abort !== undefined) this.#signal?.removeEventListener('abort', this.#abort)
  }

  #error(): RedisError {
    const message =
      `While connecting, Redis at ${this.#url} did not answer within ${Math.round(this.#ms)} ms. ` +
      'Check host, port, firewall, and that the server runs and speaks what the URL says (TLS or not).'
    return new RedisError('UNREACHABLE', message)
  }
}
