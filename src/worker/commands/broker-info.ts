import type { Settings } from '../../app/settings.js'
import { maskSetting } from '../../app/settings.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { BrokerInfo } from '../../protocol/command-replies.js'
import { isDict } from '../../protocol/dict.js'

/**
 * What `stats` tells of the broker: where it is and who we are there, never a password. For a store in a file the path stands in
 * the place of the virtual host. Source: celery/worker/consumer/connection.py `Connection.info`, kombu/connection.py `info`.
 */
export function brokerInfo(
  url: string,
  settings: Pick<Settings, 'brokerConnectionTimeout' | 'brokerHeartbeat' | 'brokerTransportOptions' | 'brokerUseSsl'>,
): BrokerInfo {
  const [first = '', ...others] = maskUrl(url).split(';')
  const { scheme, user, host, port, path } = parts(first.trim())
  const options = maskSetting('brokerTransportOptions', settings.brokerTransportOptions)
  return {
    hostname: host,
    userid: user,
    virtualHost: path,
    port,
    ssl: TLS.has(scheme) || settings.brokerUseSsl !== false,
    transport: TLS.has(scheme) ? scheme.slice(0, -1) : scheme,
    connectTimeout: settings.brokerConnectionTimeout ?? 0,
    transportOptions: isDict(options) ? options : {},
    loginMethod: scheme.startsWith('amqp') ? 'PLAIN' : undefined,
    heartbeat: settings.brokerHeartbeat ?? 0,
    alternates: others.map(other => other.trim()),
  }
}

/** Schemes of TLS; the transport has the name without the s. */
const TLS: ReadonlySet<string> = new Set(['amqps', 'rediss'])

interface UrlParts {
  readonly scheme: string
  readonly user: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly path: string | undefined
}

/** By hand: URLs of stores are not always what the URL standard takes (`sqlite:////var/lib/queue.db`). */
function parts(url: string): UrlParts {
  const found = /^([a-z][a-z0-9+.-]*):\/\/(?:([^@/]*)@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?(?:\/([^?#]*))?/i.exec(url)
  const [, scheme = url, authority = '', host = '', port, path] = found ?? []
  const user = authority.split(':', 1)[0] ?? ''
  return {
    scheme,
    user: user === '' ? undefined : user,
    host: host === '' ? undefined : host,
    port: port === undefined ? undefined : Number(port),
    path: path === undefined || path === '' ? undefined : path,
  }
}
