import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { AmqpError } from './amqp-error.js'
import type { AmqpTls } from './amqp-target.js'

/** What `tls.connect` is told of certificates: plain data, so that it can go to a thread. */
export interface TlsSettings {
  readonly minVersion: 'TLSv1.2'
  readonly rejectUnauthorized: boolean
  readonly ca?: Uint8Array
  readonly cert?: Uint8Array
  readonly key?: Uint8Array
  readonly passphrase?: string
  readonly ciphers?: string
  readonly servername?: string
}

/** Reads the files. Throws `AmqpError` `tls`. */
export function tlsSettings(tls: AmqpTls, host: string): TlsSettings {
  const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined)
  const { passphrase, ciphers } = tls
  const files = { ca: read(tls.caFile), cert: read(tls.certFile), key: read(tls.keyFile) }
  const given = Object.entries({ ...files, passphrase, ciphers, servername }).filter(([, value]) => value !== undefined)
  return { minVersion: 'TLSv1.2', rejectUnauthorized: tls.verify, ...Object.fromEntries(given) }
}

function read(path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AmqpError('tls', `the file ${path} cannot be read: ${why}`, { cause })
  }
}
