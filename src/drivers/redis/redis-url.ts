import { ConfigError } from '../../lib/errors.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { Ms } from '../../lib/time.js'
import type { RedisAddress, RedisPlace, RedisTls } from './redis-address.js'

/** What comes from settings rather than from the URL; the URL goes before it. */
export interface RedisDefaults {
  readonly host?: string | null
  readonly port?: number | null
  readonly db?: number | null
  readonly username?: string | null
  readonly password?: string | null
  readonly clientName?: string | null
  readonly connectTimeoutMs?: Ms
  readonly answerTimeoutMs?: Ms
  readonly keepAlive?: boolean
  /** Settings `brokerUseSsl`, `redisBackendUseSsl`. */
  readonly tls?: boolean | Readonly<Record<string, unknown>> | null
  /** Transport options, in Celery's names or camelCased. */
  readonly options?: Readonly<Record<string, unknown>>
}

const CONNECT_MS: Ms = 4000
const ANSWER_MS: Ms = 10_000
const PORT = 6379
const SENTINEL_PORT = 26_379

const TLS_SCHEMES: ReadonlySet<string> = new Set(['rediss', 'valkeys'])

/** One URL, taken apart. Values are decoded. */
interface Parts {
  readonly scheme: string
  readonly username: string | undefined
  readonly password: string | undefined
  readonly host: string
  readonly port: number | undefined
  readonly path: string
  readonly query: ReadonlyMap<string, string>
}

/**
 * `redis://user:password@host:port/db`, `rediss://…` (TLS), `redis+socket:///path?virtual_host=db`,
 * `sentinel://host:port/db;sentinel://host:port` with `masterName` in the options. Throws `ConfigError` `LVG_BAD_URL`.
 */
export function redisAddress(urls: string, defaults: RedisDefaults = {}): RedisAddress {
  const all = urls
    .split(';')
    .filter(url => url !== '')
    .map(url => parseUrl(url))
  const [first] = all
  if (first === undefined) throw badUrl(urls, 'names no server')
  const options = new Options({ ...defaults.options, ...Object.fromEntries(first.query) }, urls)
  const tls = tlsOf(urls, first, options, defaults)
  const username = first.username ?? options.text('username') ?? defaults.username ?? undefined
  const password = first.password ?? options.text('password') ?? defaults.password ?? undefined
  return {
    url: maskUrl(urls),
    at: placeOf(urls, all, options, defaults),
    db: dbOf(urls, first, options, defaults),
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    tls,
    clientName: options.text('client_name') ?? defaults.clientName ?? undefined,
    connectTimeoutMs: options.span('socket_connect_timeout') ?? defaults.connectTimeoutMs ?? CONNECT_MS,
    answerTimeoutMs: options.span('socket_timeout') ?? defaults.answerTimeoutMs ?? ANSWER_MS,
    keepAlive: options.flag('socket_keepalive') ?? defaults.keepAlive ?? false,
  }
}

function placeOf(urls: string, all: readonly Parts[], options: Options, defaults: RedisDefaults): RedisPlace {
  const first = all[0] as Parts
  if (first.scheme === 'sentinel') return sentinelsOf(urls, all, options)
  if (all.length > 1) throw badUrl(urls, 'names several servers, which only sentinel:// does')
  if (first.scheme === 'redis+socket') {
    if (first.path === '' || first.path === '/')
      throw badUrl(urls, 'names no socket; write redis+socket:///path/redis.sock')
    return { kind: 'socket', path: first.path }
  }
  const host = first.host === '' ? (defaults.host ?? 'localhost') : first.host
  return { kind: 'tcp', host, port: first.port ?? defaults.port ?? PORT }
}

function sentinelsOf(urls: string, all: readonly Parts[], options: Options): RedisPlace {
  const master = options.text('master_name')
  if (master === undefined || master === '') {
    throw badUrl(urls, 'names sentinels, but not the master they watch: set masterName in the transport options')
  }
  const own = options.nested('sentinel_kwargs')
  return {
    kind: 'sentinel',
    sentinels: all.map(({ host, port = SENTINEL_PORT }) => ({ host: host === '' ? 'localhost' : host, port })),
    master,
    minOthers: options.count('min_other_sentinels') ?? 0,
    username: own?.text('username'),
    password: own?.text('password'),
    tls: own?.flag('ssl') === true ? readTls(own, urls) : undefined,
  }
}

function dbOf(urls: string, parts: Parts, options: Options, defaults: RedisDefaults): number {
  const text = parts.scheme === 'redis+socket' ? '' : parts.path.replace(/^\//, '').replace(/\/$/, '')
  const given = text === '' ? (options.text('virtual_host') ?? options.text('db') ?? '') : text
  const db = given === '' ? (defaults.db ?? 0) : Number(given.replace(/^\//, ''))
  if (Number.isInteger(db) && db >= 0) return db
  throw badUrl(urls, `names the database '${given}'; databases of Redis are numbers`)
}

function tlsOf(urls: string, first: Parts, _options: Options, defaults: RedisDefaults): RedisTls | undefined {
  const given = defaults.tls
  const asked = TLS_SCHEMES.has(first.scheme) || (given !== undefined && given !== null && given !== false)
  if (!asked) {
    if ([...first.query.keys()].some(name => name.startsWith('ssl_')))
      throw badUrl(urls, 'has options of TLS but its scheme means none; write rediss://')
    return undefined
  }
  const own = typeof given === 'object' && given !== null ? given : {}
  return readTls(new Options({ ...own, ...defaults.options, ...Object.fromEntries(first.query) }, urls), urls)
}

/** Python's names (`ssl_cert_reqs`), those of its `ssl` module (`cert_reqs`), and camelCased. */
function readTls(options: Options, urls: string): RedisTls {
  const text = (name: string): string | undefined => options.text(`ssl_${name}`) ?? options.text(name)
  const verify = readVerify(text('cert_reqs'), urls)
  return {
    verify,
    checkHost: verify && (options.flag('ssl_check_hostname') ?? options.flag('check_hostname') ?? true),
    caFile: text('ca_certs'),
    certFile: text('certfile'),
    keyFile: text('keyfile'),
    keyPassword: text('password_of_key') ?? options.text('ssl_password'),
    serverName: options.text('server_hostname') ?? options.text('ssl_server_hostname'),
  }
}

/** Source: ssl.VerifyMode, celery/backends/redis.py `_params_from_url`. Unset: required, unlike Kombu's broker. */
function readVerify(word: string | undefined, urls: string): boolean {
  switch (word?.toLowerCase().replace(/^(ssl\.)?(verifymode\.)?cert_/, '')) {
    case undefined:
    case 'required':
    case 'optional':
    case '1':
    case '2':
      return true
    case 'none':
    case '0':
      return false
    default:
      throw badUrl(urls, `says ssl_cert_reqs=${word}; it is 'required', 'optional' or 'none'`)
  }
}

/**
 * Taken apart by hand, since passwords with `@ : / % #` may stand there raw: the last `@` ends them. Whatever is
 * percent-encoded is decoded, a `%` that begins no escape stands for itself.
 */
function parseUrl(url: string): Parts {
  const match = /^\s*([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url)
  if (match === null) throw badUrl(url, 'has no scheme; write redis://host:port/db')
  const [, scheme = '', rest = ''] = match
  const at = rest.lastIndexOf('@')
  const login = at < 0 ? undefined : rest.slice(0, at)
  const place = rest.slice(at + 1)
  const mark = place.indexOf('?')
  const [address, query] = mark < 0 ? [place, ''] : [place.slice(0, mark), place.slice(mark + 1)]
  const slash = address.indexOf('/')
  const [server, path] = slash < 0 ? [address, ''] : [address.slice(0, slash), address.slice(slash)]
  const colon = login?.indexOf(':') ?? -1
  return {
    scheme: scheme.toLowerCase(),
    username: login === undefined ? undefined : decoded(colon < 0 ? login : login.slice(0, colon)),
    password: login === undefined || colon < 0 ? undefined : decoded(login.slice(colon + 1)),
    ...hostOf(url, server),
    path: decoded(path),
    query: new Map([...new URLSearchParams(query)].map(([name, value]) => [name, value])),
  }
}

function hostOf(url: string, server: string): { readonly host: string; readonly port: number | undefined } {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(server)
  if (match === null) throw badUrl(url, `names the host '${server}'; an IPv6 address stands in brackets`)
  const [, bracketed, plain = '', text] = match
  const port = text === undefined || text === '' ? undefined : Number(text)
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
    throw badUrl(url, `names the port '${text}'; ports are 1 to 65535`)
  return { host: decoded(bracketed ?? plain), port }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function badUrl(url: string, problem: string): ConfigError {
  return new ConfigError('LVG_BAD_URL', `The URL ${maskUrl(url)} ${problem}.`)
}

/** Options under Celery's names or camelCased; from a URL's query everything is text. */
class Options {
  readonly #values: ReadonlyMap<string, unknown>
  readonly #url: string

  constructor(values: Readonly<Record<string, unknown>>, url: string) {
    this.#values = new Map(Object.entries(values).map(([name, value]) => [snakeCase(name), value]))
    this.#url = url
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    throw this.#bad(name, 'text')
  }

  count(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (Number.isInteger(value) && value >= 0) return value
    throw this.#bad(name, 'a whole number')
  }

  /** Seconds in, milliseconds out. */
  span(name: string): Ms | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (value > 0 && Number.isFinite(value)) return value * 1000
    throw this.#bad(name, 'a number of seconds above 0')
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'boolean') return value
    if (/^(true|1|yes|on)$/i.test(String(value))) return true
    if (/^(false|0|no|off)$/i.test(String(value))) return false
    throw this.#bad(name, 'true or false')
  }

  nested(name: string): Options | undefined {
    const value = this.#values.get(name)
    if (value === undefined || value === null) return undefined
    if (typeof value === 'object' && !Array.isArray(value)) return new Options({ ...value }, this.#url)
    throw this.#bad(name, 'an object')
  }

  #bad(name: string, expected: string): ConfigError {
    return new ConfigError('LVG_BAD_SETTING', `The option ${name} for ${maskUrl(this.#url)} must be ${expected}.`)
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
