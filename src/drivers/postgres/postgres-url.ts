import { readFileSync } from 'node:fs'
import { ConfigError } from '../../lib/errors.js'
import { maskUrl } from '../../lib/mask-url.js'
import { suggest } from '../../lib/suggest.js'
import type { Ms } from '../../lib/time.js'

/** libpq's `sslmode`, weakest first. */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

const SSL_MODES: readonly SslMode[] = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** Where to connect, and how; parameters of the URL have libpq's names. */
export interface PostgresTarget {
  /** As people may see it. */
  readonly shown: string
  /** A folder for a Unix socket begins with `/`. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly sslMode: SslMode
  /** Files; read at every connect, so that renewed certificates are taken up (S42). */
  readonly sslRootCert: string | undefined
  readonly sslCert: string | undefined
  readonly sslKey: string | undefined
  readonly sslPassword: string | undefined
  readonly connectMs: Ms
  readonly applicationName: string | undefined
  /** For the server's command line: `-c search_path=jobs`. */
  readonly options: string | undefined
}

const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslpassword',
  'connect_timeout',
  'application_name',
  'options',
] as const

type Parameter = (typeof PARAMETERS)[number]

const CONNECT_MS: Ms = 4000

/** Reads `[db+]postgres[ql]://user:password@host:port/database?parameters`. Throws `ConfigError` `LVG_BAD_URL`. */
export function parsePostgresUrl(url: string): PostgresTarget {
  const shown = maskUrl(url)
  const bad = (problem: string): ConfigError => new ConfigError('LVG_BAD_URL', `The URL ${shown} ${problem}.`)
  const parsed = urlOf(url, bad)
  const given = parametersOf(parsed, bad)
  const host = given.host ?? bracketless(decoded(parsed.hostname, bad))
  const user = given.user ?? decoded(parsed.username, bad)
  const database = given.dbname ?? decoded(parsed.pathname.replace(/^\//, ''), bad)
  if (database === '') throw bad('names no database; it stands behind the host: postgres://user@host/database')
  if (user === '') throw bad('names no user; it stands before the host: postgres://user:password@host/database')
  const at = host === '' ? 'localhost' : host
  return {
    shown,
    host: at,
    port: portOf(given.port ?? parsed.port, bad),
    user,
    password: given.password ?? (parsed.password === '' ? undefined : decoded(parsed.password, bad)),
    database,
    sslMode: sslModeOf(given.sslmode, at, bad),
    sslRootCert: given.sslrootcert,
    sslCert: given.sslcert,
    sslKey: given.sslkey,
    sslPassword: given.sslpassword,
    connectMs: connectMsOf(given.connect_timeout, bad),
    applicationName: given.application_name,
    options: given.options,
  }
}

/** What passes nobody but this machine. */
export function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\./.test(host)
}

/** What `tls.connect` is told; undefined: no encryption. Throws `ConfigError` when a file cannot be read. */
export function tlsOptions(target: PostgresTarget): TlsFiles | undefined {
  const { sslMode } = target
  if (sslMode === 'disable' || sslMode === 'allow') return undefined
  const read = (name: string, path: string | undefined): Buffer | undefined =>
    path === undefined ? undefined : readPem(target, name, path)
  const ca = target.sslRootCert === 'system' ? undefined : read('sslrootcert', target.sslRootCert)
  const cert = read('sslcert', target.sslCert)
  const key = read('sslkey', target.sslKey)
  return {
    // As libpq: `require` with a root certificate verifies it.
    rejectUnauthorized: sslMode === 'verify-ca' || sslMode === 'verify-full' || target.sslRootCert !== undefined,
    minVersion: 'TLSv1.2',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(target.sslPassword !== undefined && { passphrase: target.sslPassword }),
    ...(sslMode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  }
}

export interface TlsFiles {
  readonly rejectUnauthorized: boolean
  readonly minVersion: 'TLSv1.2'
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly passphrase?: string
  readonly checkServerIdentity?: () => undefined
}

type Bad = (problem: string) => ConfigError

function urlOf(url: string, bad: Bad): URL {
  const rest = url.slice(url.indexOf('://') + 3)
  try {
    // A scheme that the parser knows, so that it takes host and port apart.
    return new URL(`http://${rest.startsWith('/') || rest.startsWith('?') ? `-${rest}` : rest}`)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(
      'LVG_BAD_URL',
      `${bad('cannot be read').message} (${why}). Characters with a meaning are written %40 (@), %2F (/), %3A (:).`,
    )
  }
}

function bracketless(host: string): string {
  return host === '-' ? '' : host.replace(/^\[|\]$/g, '')
}

function parametersOf(url: URL, bad: Bad): Partial<Record<Parameter, string>> {
  const given: Partial<Record<Parameter, string>> = {}
  for (const [name, value] of url.searchParams) {
    const known = PARAMETERS.find(parameter => parameter === name)
    if (known === undefined) {
      const near = suggest(name, PARAMETERS)
      const hint = near === undefined ? `there are ${PARAMETERS.join(', ')}` : `did you mean ${near}?`
      throw bad(`has a parameter '${name}', which means nothing here; ${hint}`)
    }
    given[known] = value
  }
  return given
}

function decoded(text: string, bad: Bad): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw bad('has a `%` that begins no escape; a percent sign is written %25')
  }
}

function portOf(text: string, bad: Bad): number {
  if (text === '') return 5432
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw bad(`has the port '${text}'; ports are 1 to 65535`)
  return port
}

/** On the machine itself there is nobody to hide from; elsewhere as libpq: encrypted if the server can. */
function sslModeOf(text: string | undefined, host: string, bad: Bad): SslMode {
  if (text === undefined) return isLocal(host) ? 'disable' : 'prefer'
  const mode = SSL_MODES.find(each => each === text)
  if (mode === undefined) throw bad(`has the sslmode '${text}'; there are ${SSL_MODES.join(', ')}`)
  return mode
}

function connectMsOf(text: string | undefined, bad: Bad): Ms {
  if (text === undefined) return CONNECT_MS
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw bad(`has the connect_timeout '${text}'; it is a number of seconds`)
  return seconds * 1000
}

function readPem(target: PostgresTarget, name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError('LVG_BAD_URL', `The file that ${name} of ${target.shown} names cannot be read: ${why}.`, {
      cause,
    })
  }
}
