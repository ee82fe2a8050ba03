import { type RedisCode, RedisError } from '../errors.js'

/** Beginnings of the server's error answers, by what they mean to us. */
const ANSWERS: readonly (readonly [RegExp, RedisCode])[] = [
  [/^(WRONGPASS|NOAUTH)\b|invalid password|without any password configured|no password is set/i, 'AUTH'],
  [/^NOPERM\b/, 'DENIED'],
  [/DB index/i, 'DATABASE'],
  [/\bREADONLY\b/, 'READONLY'],
  [/^(LOADING|MASTERDOWN|BUSY|TRYAGAIN)\b/, 'LOADING'],
  [/\b(MASTERDOWN|LOADING)\b/, 'LOADING'],
  [/^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT)\b/, 'CLUSTER'],
  [/\bOOM\b/, 'FULL'],
  [/\b(MISCONF|NOREPLICAS)\b/, 'UNWRITABLE'],
  [/\bWRONGTYPE\b/, 'WRONG_TYPE'],
  [/^(DENIED|ERR max number of clients)/, 'UNREACHABLE'],
]

/** Codes of Node's and OpenSSL's complaints about certificates and handshakes. */
const TLS_CODE = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO|HOSTNAME/

const REMEDIES: Readonly<Partial<Record<RedisCode, string>>> = {
  AUTH: 'Correct user name and password in the URL (special characters percent-encoded).',
  DENIED: 'Give this user the right, see docs/guide/redis.md for the list.',
  DATABASE: 'Name a database that the server has (`databases` in its configuration).',
  READONLY: 'This is a replica: name the master, or the sentinels (sentinel://).',
  LOADING: 'It is tried again until the server is ready.',
  CLUSTER: 'Redis Cluster is not supported: name a single server, or sentinels.',
  FULL: 'Give the server more memory, or remove what it does not need to keep.',
  UNWRITABLE: 'Mend what the server says about its disk or replicas.',
  UNREACHABLE: 'Check host, port, firewall, and that the server runs.',
  TLS: 'Check the certificates: who signed them (ssl_ca_certs), for which host, until when; and that the port speaks TLS.',
}

/** What the server answered, as an error that says what was being done, where, and what to do. */
export function answerError(doing: string, url: string, cause: unknown): RedisError {
  if (cause instanceof RedisError) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  const code = ANSWERS.find(([pattern]) => pattern.test(text))?.[1] ?? 'ERROR'
  return new RedisError(code, sentence(doing, url, text, code), { cause })
}

/** Why no connection came about. */
export function connectError(doing: string, url: string, cause: unknown): RedisError {
  if (cause instanceof RedisError) return cause
  const text = cause instanceof Error && cause.message !== '' ? cause.message : describe(cause)
  const code = isTls(cause) ? 'TLS' : 'UNREACHABLE'
  return new RedisError(code, sentence(doing, url, text, code), { cause })
}

function sentence(doing: string, url: string, text: string, code: RedisCode): string {
  const remedy = REMEDIES[code]
  // A server may quote what it was sent: a long answer is of no more use than its beginning.
  const said = text.slice(0, 500).replace(/[.\s]+$/, '')
  return `While ${doing}, Redis at ${url} failed: ${said}.${remedy === undefined ? '' : ` ${remedy}`}`
}

function isTls(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  const code = 'code' in cause ? String(cause.code) : ''
  return TLS_CODE.test(code) || /certificate|SSL routines|wrong version number/i.test(cause.message)
}

/** An `AggregateError` of several addresses has an empty message. */
function describe(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(String).join('; ')
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
}
