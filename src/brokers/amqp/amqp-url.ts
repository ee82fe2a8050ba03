import { parseDuration } from '../../lib/duration.js'
import { ConfigError } from '../../lib/errors.js'
import { maskUrl } from '../../lib/mask-url.js'
import { suggest } from '../../lib/suggest.js'
import type { Ms } from '../../lib/time.js'

/** What a broker URL of RabbitMQ says; what it leaves out is undefined. */
export interface AmqpUrl {
  readonly tls: boolean
  readonly host: string
  readonly port: number | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly vhost: string
  /** Seconds. */
  readonly heartbeat: number | undefined
  readonly connectionTimeout: Ms | undefined
  readonly loginMethod: string | undefined
  /** Keys that begin with `ssl_`, without that. */
  readonly ssl: Readonly<Record<string, string>>
}

export const AMQP_SCHEMES = ['amqp', 'amqps', 'pyamqp', 'pyamqps', 'librabbitmq'] as const

const KEYS = ['heartbeat', 'connection_timeout', 'login_method', 'ssl_…'] as const

/**
 * `amqp://user:password@host:port/vhost?key=value`, every part but the scheme optional, every part percent-encoded. The
 * virtual host is the path without its first slash, and `/` where that is empty: `amqp://host`, `amqp://host/` and
 * `amqp://host//` mean the same. Source: kombu/utils/url.py url_to_parts, kombu/connection.py. Throws `LVG_BAD_URL`.
 */
export function parseAmqpUrl(url: string): AmqpUrl {
  const match = /^([a-z]+):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?(#.*)?$/i.exec(url)
  if (match === null) throw bad(url, 'cannot be read')
  const [, scheme = '', authority = '', path = '', query = '', fragment] = match
  if (fragment !== undefined) throw bad(url, 'has a raw `#`; in a password or name it is written %23')
  const at = authority.split('@')
  if (at.length > 2) throw bad(url, 'has a raw `@` in user or password; it is written %40')
  const [login, place] = at.length === 2 ? [at[0], at[1] ?? ''] : [undefined, authority]
  return {
    tls: /s$/i.test(scheme),
    ...hostOf(place, url),
    ...loginOf(login, url),
    vhost: vhostOf(path, url),
    ...queryOf(query, url),
  }
}

function hostOf(place: string, url: string): Pick<AmqpUrl, 'host' | 'port'> {
  const match = /^(\[[0-9a-f:.]+\]|[^:]*)(?::(\d*))?$/i.exec(place)
  if (match === null) {
    throw bad(
      url,
      'has a host or port that cannot be read; a raw `/`, `:` or `?` in a password is written %2F, %3A, %3F',
    )
  }
  const [, host = '', digits = ''] = match
  const port = digits === '' ? undefined : Number(digits)
  if (port !== undefined && (port < 1 || port > 65_535)) throw bad(url, `has the port ${digits}; ports are 1 to 65535`)
  return { host: decoded(host.replace(/^\[|\]$/g, ''), url) || 'localhost', port }
}

function loginOf(login: string | undefined, url: string): Pick<AmqpUrl, 'user' | 'password'> {
  if (login === undefined) return { user: undefined, password: undefined }
  const colon = login.indexOf(':')
  if (colon < 0) return { user: decoded(login, url), password: undefined }
  const password = login.slice(colon + 1)
  if (password.includes(':')) throw bad(url, 'has a raw `:` in its password; it is written %3A')
  return { user: decoded(login.slice(0, colon), url), password: decoded(password, url) }
}

function vhostOf(path: string, url: string): string {
  const vhost = decoded(path.slice(1), url)
  return vhost === '' ? '/' : vhost
}

function queryOf(query: string, url: string): Omit<AmqpUrl, 'tls' | 'host' | 'port' | 'user' | 'password' | 'vhost'> {
  const ssl: Record<string, string> = {}
  const found = new Map<string, string>()
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const key = decoded(equals < 0 ? pair : pair.slice(0, equals), url)
    const value = equals < 0 ? '' : decoded(pair.slice(equals + 1).replaceAll('+', ' '), url)
    if (key.startsWith('ssl_')) ssl[key.slice('ssl_'.length)] = value
    else if ((KEYS as readonly string[]).includes(key)) found.set(key, value)
    else throw unknownKey(key, url)
  }
  const heartbeat = found.get('heartbeat')
  return {
    heartbeat: heartbeat === undefined ? undefined : Math.round(span('heartbeat', heartbeat, url) / 1000),
    connectionTimeout: found.has('connection_timeout')
      ? span('connection_timeout', found.get('connection_timeout') ?? '', url)
      : undefined,
    loginMethod: found.get('login_method'),
    ssl,
  }
}

function span(key: string, text: string, url: string): Ms {
  const ms = parseDuration(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text)
  if (ms === undefined) throw bad(url, `has \`${key}=${text}\`, which is no span; write seconds, or text such as 500ms`)
  return ms
}

function unknownKey(key: string, url: string): ConfigError {
  const near = suggest(key, KEYS)
  const hint = near === undefined ? '' : `, did you mean \`${near}\`?`
  return bad(url, `has the option \`${key}\`, which does not exist${hint}; there are ${KEYS.join(', ')}`)
}

function decoded(text: string, url: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw bad(url, 'has a `%` that begins no escape; a percent sign is written %25')
  }
}

function bad(url: string, problem: string): ConfigError {
  return new ConfigError('LVG_BAD_URL', `The URL ${maskUrl(url)} ${problem}.`)
}
