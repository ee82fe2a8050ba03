import { ConfigError } from '../lib/errors.js'
import { isLoopback } from '../lib/loopback.js'
import { maskUrl } from '../lib/mask-url.js'

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
