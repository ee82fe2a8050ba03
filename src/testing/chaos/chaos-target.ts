import { ConfigError } from '../../lib/errors.js'
import { maskUrl } from '../../lib/mask-url.js'
import type { Wire } from './wire/wire-unit.js'

/** The server that a proxy leads to. */
export interface ChaosTarget {
  /** Default 127.0.0.1. */
  readonly host?: string
  readonly port: number
  /** What is spoken there; needed for landmarks and for counting units. */
  readonly wire?: Wire
}

interface Usual {
  readonly wire: Wire
  readonly port: number
}

const AMQP: Usual = { wire: 'amqp', port: 5672 }
const REDIS: Usual = { wire: 'resp', port: 6379 }
const POSTGRES: Usual = { wire: 'postgresql', port: 5432 }

const SCHEMES: ReadonlyMap<string, Usual> = new Map([
  ['amqp', AMQP],
  ['pyamqp', AMQP],
  ['redis', REDIS],
  ['valkey', REDIS],
  ['postgres', POSTGRES],
  ['postgresql', POSTGRES],
  ['db+postgresql', POSTGRES],
])

/** `scheme://user:password@`, host (in brackets if IPv6), port, and the rest. */
const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?([/?#].*)?$/i

/** Where a broker's or backend's URL leads to. Throws `ConfigError` `LVG_BAD_URL`. */
export function targetOf(url: string): ChaosTarget {
  const [, scheme = '', , host = '', port] = URL_PARTS.exec(url) ?? []
  const known = SCHEMES.get(scheme.toLowerCase())
  if (known === undefined) {
    const schemes = [...SCHEMES.keys()].map(name => `${name}://`).join(', ')
    throw new ConfigError(
      'LVG_BAD_URL',
      `The URL ${maskUrl(url)} cannot be put behind a chaos proxy. There are: ${schemes}.`,
    )
  }
  const bare = host.replace(/^\[|\]$/g, '')
  return { ...known, ...(bare === '' ? {} : { host: bare }), ...(port === undefined ? {} : { port: Number(port) }) }
}

/** The same URL with another address. */
export function withAddress(url: string, address: string): string {
  return url.replace(URL_PARTS, (_all, scheme: string, user = '', _host: string, _port: string, rest = '') => {
    return `${scheme}://${user}${address}${rest}`
  })
}
