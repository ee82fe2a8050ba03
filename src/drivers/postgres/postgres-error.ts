import { LovageError } from '../../lib/errors.js'

/**
 * What went wrong, as far as somebody decides by it:
 *
 * - `UNREACHABLE` nobody answers there, or not yet (starting, shutting down)
 * - `LOST` the connection ended, or stopped answering; what was under way may have happened
 * - `TLS` no trusted encryption with that server
 * - `LOGIN` wrong user, password, or not allowed from here
 * - `DATABASE` there is no such database
 * - `PRIVILEGE` the role may not do that
 * - `READONLY` a standby, or a database that takes no writes now
 * - `FULL` out of disk, memory or connections
 * - `CONFLICT` with other transactions: deadlock, lock timeout, serialization failure; nothing happened
 * - `ERROR` anything else the server said
 */
export type PostgresTrouble =
  | 'UNREACHABLE'
  | 'LOST'
  | 'TLS'
  | 'LOGIN'
  | 'DATABASE'
  | 'PRIVILEGE'
  | 'READONLY'
  | 'FULL'
  | 'CONFLICT'
  | 'ERROR'

const TRANSIENT: ReadonlySet<PostgresTrouble> = new Set(['UNREACHABLE', 'LOST', 'READONLY', 'FULL', 'CONFLICT'])

const REMEDIES: Readonly<Record<PostgresTrouble, string>> = Object.freeze({
  UNREACHABLE: 'Check host and port, and that the server runs; it is tried again.',
  LOST: 'It is connected anew; if it recurs, look at server and network.',
  TLS: 'Check sslmode and sslrootcert in the URL, and the certificate of the server.',
  LOGIN: 'Check user and password in the URL, and pg_hba.conf of the server.',
  DATABASE: 'Create the database, or correct its name in the URL.',
  PRIVILEGE: 'Grant the role what it lacks (docs/guide/postgresql.md lists it).',
  READONLY: 'Connect to the primary (several hosts may stand in the URL list); it is tried again.',
  FULL: 'Make room, or raise the limit; work goes on by itself then.',
  CONFLICT: 'It is tried again; if it recurs, find the transaction that holds its locks for long.',
  ERROR: 'If it persists, look at the log of the server.',
})

/** What PostgreSQL, or the way to it, said. `code` is `LVG_POSTGRES_<trouble>`. */
export class PostgresError extends LovageError {
  override readonly name = 'PostgresError'
  readonly trouble: PostgresTrouble
  /** The server's own code: `40P01`. */
  readonly sqlState: string | undefined

  constructor(
    trouble: PostgresTrouble,
    message: string,
    options: { readonly cause?: unknown; readonly sqlState?: string | undefined } = {},
  ) {
    super(`LVG_POSTGRES_${trouble}`, message, options.cause === undefined ? {} : { cause: options.cause })
    this.trouble = trouble
    this.sqlState = options.sqlState
  }

  /** The same act may succeed later without anybody changing anything. */
  get transient(): boolean {
    return TRANSIENT.has(this.trouble)
  }

  /** The connection is of no use any more. */
  get ends(): boolean {
    return this.trouble === 'LOST' || this.trouble === 'UNREACHABLE' || this.trouble === 'READONLY'
  }

  /** The server has answered, so nothing of the statement happened. */
  get answered(): boolean {
    return this.trouble !== 'LOST' && this.trouble !== 'UNREACHABLE'
  }

  /** What to do about it: a sentence. */
  get remedy(): string {
    return REMEDIES[this.trouble]
  }
}

/** `phase`: a connection that fails while it is made was never there; later it is lost. */
export function postgresError(cause: unknown, phase: 'connecting' | 'working'): PostgresError {
  if (cause instanceof PostgresError) return cause
  const text = cause instanceof Error ? describe(cause) : String(cause)
  const code = codeOf(cause)
  const trouble = troubleOf(code, text, phase)
  return new PostgresError(trouble, text, { cause, sqlState: isSqlState(code) ? code : undefined })
}

/** Several addresses were tried: each failed for a reason of its own, and the whole has no message. */
function describe(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(each => (each instanceof Error ? each.message : String(each))).join('; ')
  }
  return error.message
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return ''
}

/** A code of the operating system may be five letters, too: EPIPE. All of the server's have digits. */
function isSqlState(code: string): boolean {
  return /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
}

function troubleOf(code: string, text: string, phase: 'connecting' | 'working'): PostgresTrouble {
  if (!isSqlState(code)) return ofTransport(code, text, phase)
  const exact = BY_STATE.get(code)
  if (exact !== undefined) return exact === 'UNREACHABLE' && phase === 'working' ? 'LOST' : exact
  const family = BY_CLASS.get(code.slice(0, 2))
  if (family === 'LOST' && phase === 'connecting') return 'UNREACHABLE'
  return family ?? 'ERROR'
}

/** Source: PostgreSQL's list of error codes (appendix A of its manual). */
const BY_STATE: ReadonlyMap<string, PostgresTrouble> = new Map<string, PostgresTrouble>([
  ['25006', 'READONLY'],
  ['28000', 'LOGIN'],
  ['28P01', 'LOGIN'],
  ['3D000', 'DATABASE'],
  ['42501', 'PRIVILEGE'],
  ['40001', 'CONFLICT'],
  ['40P01', 'CONFLICT'],
  ['55P03', 'CONFLICT'],
  ['57P01', 'UNREACHABLE'],
  ['57P02', 'UNREACHABLE'],
  ['57P03', 'UNREACHABLE'],
  ['57P04', 'DATABASE'],
  ['57P05', 'LOST'],
])

const BY_CLASS: ReadonlyMap<string, PostgresTrouble> = new Map<string, PostgresTrouble>([
  ['08', 'LOST'],
  ['53', 'FULL'],
  ['58', 'FULL'],
])

function ofTransport(code: string, text: string, phase: 'connecting' | 'working'): PostgresTrouble {
  if (/^(CERT_|UNABLE_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS|ERR_SSL|EPROTO|HOSTNAME_MISMATCH)/.test(code)) return 'TLS'
  if (/SSL|certificate|TLS/.test(text)) return 'TLS'
  // A password that was never given: the library's own words, before anything is sent.
  if (/SASL|password must be a string/.test(text)) return 'LOGIN'
  return phase === 'connecting' ? 'UNREACHABLE' : 'LOST'
}
