import type { AmqpTls } from '../../drivers/amqp/amqp-target.js'
import { ConfigError } from '../../lib/errors.js'
import { suggest } from '../../lib/suggest.js'

type Meaning = keyof AmqpTls | 'nothing'

/**
 * Names of TLS options and what they mean: Celery's (`broker_use_ssl`, also with `ssl_` in front), Node's words, and some
 * that other clients use. Python's `ssl_version` chooses protocols that are off here anyway.
 */
const NAMES: Readonly<Record<string, Meaning>> = {
  ca: 'caFile',
  ca_certs: 'caFile',
  cafile: 'caFile',
  cert: 'certFile',
  certfile: 'certFile',
  key: 'keyFile',
  keyfile: 'keyFile',
  passphrase: 'passphrase',
  password: 'passphrase',
  keyfile_password: 'passphrase',
  cert_reqs: 'verify',
  check_hostname: 'verify',
  verify: 'verify',
  server_hostname: 'serverName',
  server_name: 'serverName',
  servername: 'serverName',
  ciphers: 'ciphers',
  version: 'nothing',
  ssl_version: 'nothing',
}

/** `brokerUseSsl`, and over it what the URL says with `ssl_…`. Throws `ConfigError` `LVG_TLS_OPTION`. */
export function tlsOptions(...layers: readonly Readonly<Record<string, unknown>>[]): AmqpTls {
  const found: { -readonly [name in keyof AmqpTls]: AmqpTls[name] } = {
    caFile: undefined,
    certFile: undefined,
    keyFile: undefined,
    passphrase: undefined,
    verify: true,
    serverName: undefined,
    ciphers: undefined,
  }
  for (const [given, value] of layers.flatMap(layer => Object.entries(layer))) {
    if (value === null || value === undefined) continue
    const name = plainName(given)
    const meaning = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined
    if (meaning === undefined) throw unknown(given)
    if (meaning === 'nothing') continue
    if (meaning === 'verify') found.verify = verifies(given, value)
    else if (typeof value === 'string') found[meaning] = value
    else throw new ConfigError('LVG_TLS_OPTION', `The TLS option \`${given}\` must be text.`)
  }
  if ((found.certFile === undefined) !== (found.keyFile === undefined)) {
    throw new ConfigError('LVG_TLS_OPTION', 'A client certificate needs both `certfile` and `keyfile`.')
  }
  return found
}

function plainName(given: string): string {
  const snake = given.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
  return snake.startsWith('ssl_') && snake !== 'ssl_version' ? snake.slice('ssl_'.length) : snake
}

/** Python's constants as names or numbers (0 none, 1 optional, 2 required), and plain truth. */
function verifies(given: string, value: unknown): boolean {
  switch (
    String(value)
      .toLowerCase()
      .replace(/^(ssl\.)?(cert_|verifymode\.cert_)/, '')
  ) {
    case 'none':
    case '0':
    case 'false':
    case 'no':
      return false
    case 'required':
    case 'optional':
    case '1':
    case '2':
    case 'true':
    case 'yes':
      return true
    default:
      throw new ConfigError(
        'LVG_TLS_OPTION',
        `The TLS option \`${given}\` must be CERT_REQUIRED or CERT_NONE, or true or false; it is '${String(value)}'.`,
      )
  }
}

function unknown(given: string): ConfigError {
  const near = suggest(given, Object.keys(NAMES))
  return new ConfigError(
    'LVG_TLS_OPTION',
    `There is no TLS option \`${given}\`${near === undefined ? '.' : `; did you mean \`${near}\`?`} There are: ca_certs, certfile, keyfile, keyfile_password, cert_reqs, server_hostname, ciphers.`,
  )
}
