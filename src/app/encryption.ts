import type { PostgresTarget } from '../drivers/postgres/postgres-url.js'
import type { RedisAddress } from '../drivers/redis/redis-address.js'
import { ConfigError } from '../lib/errors.js'
import { isLoopback } from '../lib/loopback.js'
import { maskUrl } from '../lib/mask-url.js'
import type { Log } from '../lib/runtime.js'

/** How a server is reached. */
export interface Way {
  readonly url: string
  /** Empty: nothing leaves this machine. */
  readonly hosts: readonly string[]
  /** Certainly, whatever the server answers. */
  readonly encrypted: boolean
}

/** S44: with `requireTls`, whatever passes others is encrypted. Throws `ConfigError` `LVG_TLS_REQUIRED`. */
export function demandEncryption(way: Way, required: boolean): void {
  if (!required || !isOpenToOthers(way)) return
  throw new ConfigError(
    'LVG_TLS_REQUIRED',
    `${maskUrl(way.url)} would be reached without encryption, which \`requireTls\` forbids. Use its scheme for TLS (amqps, rediss), \`brokerUseSsl\`, \`redisBackendUseSsl\`, or sslmode=verify-full for PostgreSQL.`,
  )
}

/** Anybody between here and there can read it. */
export function isOpenToOthers({ hosts, encrypted }: Way): boolean {
  return !encrypted && hosts.some(host => !isLoopback(host))
}

/** What weakens the connection is said where it is opened (S44); other adapters say it themselves. */
export function lookAtRedisWay({ url, at, tls, password }: RedisAddress, required: boolean, log: Log): void {
  const hosts = at.kind === 'tcp' ? [at.host] : at.kind === 'socket' ? [] : at.sentinels.map(({ host }) => host)
  const encrypted = tls !== undefined && (at.kind !== 'sentinel' || at.tls !== undefined)
  const way = { url, hosts, encrypted }
  demandEncryption(way, required)
  if (password === undefined || !isOpenToOthers(way)) return
  log.warning(`The password for ${url}, and everything else, travels in plain text: use rediss://.`)
}

/** What `sslmode` permits to be sent in plain text. */
export function demandPostgresTls(url: string, { host, sslMode }: PostgresTarget, required: boolean): void {
  const encrypted = sslMode === 'require' || sslMode === 'verify-ca' || sslMode === 'verify-full'
  demandEncryption({ url, hosts: host.startsWith('/') ? [] : [host], encrypted }, required)
}
