import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import { freePort } from './free-port.js'

/*
 * Redis for tests: a database of one's own on the server that is there (`LOVAGE_TEST_REDIS`, by default
 * redis://127.0.0.1:6379), and servers of one's own for what would disturb others.
 */

/** A database nobody else uses meanwhile; emptied before and after. */
export interface RedisDatabase extends AsyncDisposable {
  readonly url: string
  readonly db: number
  /** A client on it, closed with it. */
  readonly client: Redis
}

const SERVER = process.env['LOVAGE_TEST_REDIS'] ?? 'redis://127.0.0.1:6379'
/** Who has a database, in database 0; a lock that is not renewed is free again. */
const LOCK = 'lovage-test.database.'
/** Databases that were ours once, so that what a killed test left there may be dropped. */
const OURS = 'lovage-test.databases'
const LOCK_MS = 30_000

/** Undefined when there is a server, otherwise the reason to skip by. */
export async function redisMissing(): Promise<string | undefined> {
  const client = quietClient({ ...parts(SERVER) })
  try {
    await client.connect()
    return undefined
  } catch {
    return `needs a Redis server at ${SERVER}`
  } finally {
    client.disconnect()
  }
}

/** Undefined when servers can be started here, otherwise the reason to skip by. */
export function redisServerMissing(): string | undefined {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'needs redis-server in the PATH'
  }
}

/** Claims a database of the server that is there; waits while others have them all. */
export async function redisDatabase(): Promise<RedisDatabase> {
  const locks = quietClient({ ...parts(SERVER), db: 0 })
  await locks.connect()
  const found = await claimDatabase(locks)
  const client = quietClient({ ...parts(SERVER), db: found.db })
  await client.connect()
  const keep = setInterval(() => void locks.pexpire(LOCK + found.db, LOCK_MS).catch(() => {}), LOCK_MS / 3)
  keep.unref()
  let disposed = false
  return {
    url: `${SERVER}/${found.db}`,
    db: found.db,
    client,
    async [Symbol.asyncDispose]() {
      if (disposed) return
      disposed = true
      clearInterval(keep)
      await client.flushdb()
      await locks.del(LOCK + found.db)
      client.disconnect()
      locks.disconnect()
    },
  }
}

async function claimDatabase(locks: Redis): Promise<{ readonly db: number }> {
  for (;;) {
    for (let db = 1; db < 16; db++) {
      if ((await locks.set(LOCK + db, process.pid, 'PX', LOCK_MS, 'NX')) === null) continue
      if (await emptied(locks, db)) return { db }
      await locks.del(LOCK + db)
    }
    await sleep(100)
  }
}

/** False when somebody else keeps something there. */
async function emptied(locks: Redis, db: number): Promise<boolean> {
  const client = quietClient({ ...parts(SERVER), db })
  try {
    await client.connect()
    const ours = (await locks.sismember(OURS, db)) === 1
    if (!ours && (await client.dbsize()) > 0) return false
    await locks.sadd(OURS, db)
    await client.flushdb()
    return true
  } finally {
    client.disconnect()
  }
}

export interface PrivateRedisOptions {
  /** Lines of the configuration: `{ appendonly: 'yes', requirepass: 'x' }`. */
  readonly config?: Readonly<Record<string, string>>
  /** ACL rules, `name rule rule…`, one user each. */
  readonly users?: readonly string[]
  /** Speaks TLS on `port`, and nothing without. */
  readonly tls?: {
    readonly certificate: string
    readonly key: string
    readonly authority: string
    readonly clients?: boolean
  }
  readonly replicaOf?: { readonly port: number }
  /** A sentinel that watches this master under the name. */
  readonly sentinelOf?: { readonly name: string; readonly port: number; readonly lines?: readonly string[] }
  /** Default: a free one. */
  readonly port?: number
}

/** A server of one's own, on loopback, with a folder of its own; stopped and removed with the test. */
export interface PrivateRedis extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** A unix socket it listens on, too. */
  readonly socket: string
  readonly folder: string
  /** As the default user, or as asked; closed with the server. */
  client(options?: RedisOptions): Promise<Redis>
  /** Ends the process, `SIGKILL` by default. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again, on the same port with the same folder. */
  start(): Promise<void>
  /** Lets it stand still, and go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
}

export async function privateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const port = options.port ?? (await freePort())
  const server = new RedisProcess(port, options)
  await server.start()
  return server
}

class RedisProcess implements PrivateRedis {
  readonly port: number
  readonly url: string
  readonly socket: string
  readonly folder: string
  readonly #options: PrivateRedisOptions
  readonly #clients: Redis[] = []
  #process: ChildProcess | undefined
  /** No server outlives the test process. */
  readonly #end = (): void => void this.#process?.kill('SIGKILL')

  constructor(port: number, options: PrivateRedisOptions) {
    this.port = port
    this.#options = options
    this.folder = mkdtempSync(join(tmpdir(), `lovage-redis-${process.pid}-`))
    this.socket = join(this.folder, 'redis.sock')
    this.url = `${options.tls === undefined ? 'redis' : 'rediss'}://127.0.0.1:${port}`
  }

  async start(): Promise<void> {
    const { sentinelOf } = this.#options
    const words = sentinelOf === undefined ? ['-'] : [this.#sentinelFile(sentinelOf), '--sentinel']
    const child = spawn('redis-server', words, { cwd: this.folder, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process = child
    process.once('exit', this.#end)
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000)
    })
    child.stdin.end(sentinelOf === undefined ? this.#lines().join('\n') : '')
    await this.#untilUp(child, () => said)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal)
  }

  async client(options: RedisOptions = {}): Promise<Redis> {
    const client = quietClient({ path: this.socket, ...options })
    this.#clients.push(client)
    await client.connect()
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.disconnect()
    process.removeListener('exit', this.#end)
    this.signal('SIGCONT')
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  #lines(): readonly string[] {
    const { config = {}, users = [], tls, replicaOf } = this.#options
    const lines = [
      'bind 127.0.0.1',
      `unixsocket ${this.socket}`,
      `dir ${this.folder}`,
      'save ""',
      'daemonize no',
      ...Object.entries(config).map(([name, value]) => `${name} ${value}`),
      ...users.map(user => `user ${user}`),
    ]
    if (replicaOf !== undefined) lines.push(`replicaof 127.0.0.1 ${replicaOf.port}`)
    if (tls === undefined) return [...lines, `port ${this.port}`]
    return [
      ...lines,
      'port 0',
      `tls-port ${this.port}`,
      `tls-cert-file ${tls.certificate}`,
      `tls-key-file ${tls.key}`,
      `tls-ca-cert-file ${tls.authority}`,
      `tls-auth-clients ${tls.clients === true ? 'yes' : 'no'}`,
    ]
  }

  /** A sentinel rewrites its configuration, so that has to be a file. */
  #sentinelFile({ name, port, lines = [] }: NonNullable<PrivateRedisOptions['sentinelOf']>): string {
    const file = join(this.folder, 'sentinel.conf')
    const all = [
      'bind 127.0.0.1',
      `port ${this.port}`,
      `unixsocket ${this.socket}`,
      `dir ${this.folder}`,
      `sentinel monitor ${name} 127.0.0.1 ${port} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 2000`,
      ...lines,
    ]
    if (!existsSync(file)) writeFileSync(file, `${all.join('\n')}\n`)
    return file
  }

  async #untilUp(child: ChildProcess, said: () => string): Promise<void> {
    const end = performance.now() + 60_000
    for (;;) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}: ${said()}`)
      if (await answers(this.socket)) return
      if (performance.now() > end) throw new Error(`redis-server does not answer: ${said()}`)
      await sleep(5)
    }
  }
}

/** One that asks for a password is up, one that still loads is not. */
async function answers(socket: string): Promise<boolean> {
  const client = quietClient({ path: socket })
  try {
    await client.connect()
    await client.ping()
    return true
  } catch (error) {
    return /NOAUTH|NOPERM/.test(String(error))
  } finally {
    client.disconnect()
  }
}

function quietClient(options: RedisOptions): Redis {
  const quiet: RedisOptions = { lazyConnect: true, retryStrategy: null, enableReadyCheck: false, protocol: 2 }
  const client = new Redis({ ...quiet, disableClientInfo: true, ...options, replyMapping: 'legacy' as const })
  client.on('error', () => {})
  return client
}

function parts(url: string): RedisOptions {
  const { hostname, port, username, password } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 6379),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}
