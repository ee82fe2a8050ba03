import { LovageError } from '../../lib/errors.js'

/**
 * What went wrong between us and RabbitMQ:
 * `unreachable` nobody answers there; `silent` somebody does, but says nothing in time; `tls` the certificates, or what is
 * needed to use them; `protocol` it does not speak AMQP 0-9-1; `login` user, password or mechanism; `vhost` the virtual
 * host; `refused` an operation was answered with a reply code; `lost` the connection ended, or was never ours to use.
 */
export type AmqpTrouble = 'unreachable' | 'silent' | 'tls' | 'protocol' | 'login' | 'vhost' | 'refused' | 'lost'

/** What the client library or the server said. Always wrapped by whoever knows the URL and what was being done. */
export class AmqpError extends LovageError {
  override readonly name = 'AmqpError'
  readonly trouble: AmqpTrouble
  /** AMQP's reply code, where the server gave one: 404 not found, 406 precondition failed … */
  readonly reply: number | undefined

  constructor(
    trouble: AmqpTrouble,
    message: string,
    options: { readonly cause?: unknown; readonly reply?: number | undefined } = {},
  ) {
    super('LVG_AMQP', message, options)
    this.trouble = trouble
    this.reply = options.reply
  }
}

/** An error of an operation or an event of amqplib, which puts the reply code into `code` and the text into quotes. */
export function asAmqpError(cause: unknown): AmqpError {
  if (cause instanceof AmqpError) return cause
  const { code, message } = partsOf(cause)
  const said = /with message "(.*)"$/s.exec(message)?.[1] ?? message
  return typeof code === 'number'
    ? new AmqpError('refused', said, { cause, reply: code })
    : new AmqpError('lost', said, { cause })
}

/** An error of opening a connection. `seen`: what of the server's last words could be read. */
export function openingError(cause: unknown, tls: boolean, seen: string | undefined): AmqpError {
  if (cause instanceof AmqpError) return cause
  const { code, message } = partsOf(cause)
  const refusal = /^Handshake terminated by server: (\d+) .*with message "(.*)"$/s.exec(message)
  if (refusal !== null) {
    const reply = Number(refusal[1])
    return new AmqpError(reply === 403 ? 'login' : 'refused', refusal[2] ?? message, { cause, reply })
  }
  if (/SASL mechanism/.test(message)) return new AmqpError('login', message, { cause })
  if (/Expected ConnectionOpenOk/.test(message)) {
    return new AmqpError('vhost', seen ?? 'the virtual host was refused', { cause, reply: 530 })
  }
  if (typeof code === 'string') {
    if (UNREACHABLE.has(code)) return new AmqpError('unreachable', message, { cause })
    if (tls && (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || CERTIFICATE.test(code))) {
      return new AmqpError('tls', message, { cause })
    }
    return new AmqpError('lost', message, { cause })
  }
  if (/closed abruptly|Unexpected close|disconnected before secure/.test(message)) {
    return new AmqpError('lost', 'the connection was closed during the handshake', { cause })
  }
  return new AmqpError('protocol', message, { cause })
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
])
/** OpenSSL's verification codes, as Node hands them on. */
const CERTIFICATE =
  /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|INVALID_|CRL_|HOSTNAME_MISMATCH|ERR_OSSL|EPROTO|PATH_LENGTH)/

function partsOf(cause: unknown): { readonly code: unknown; readonly message: string } {
  // Happy eyeballs: several addresses were tried; the first tells enough.
  const error = cause instanceof AggregateError ? (cause.errors[0] ?? cause) : cause
  if (!(error instanceof Error)) return { code: undefined, message: String(error) }
  return { code: 'code' in error ? error.code : undefined, message: error.message }
}
