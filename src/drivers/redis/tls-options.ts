import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { RedisError } from '../errors.js'
import type { RedisTls } from './redis-address.js'

/** What `node:tls` is given. Throws `RedisError` `TLS` when a file cannot be read. */
export function tlsOptions(tls: RedisTls, url: string): ConnectionOptions {
  const read = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readPem(path, url))
  const ca = read(tls.caFile)
  const cert = read(tls.certFile)
  const key = read(tls.keyFile)
  return {
    rejectUnauthorized: tls.verify,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(tls.keyPassword !== undefined && { passphrase: tls.keyPassword }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
    ...(!tls.checkHost && { checkServerIdentity: () => undefined }),
  }
}

function readPem(path: string, url: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new RedisError(
      'TLS',
      `The TLS file ${path} for ${url} cannot be read: ${why}. Correct its path or its rights.`,
      {
        cause,
      },
    )
  }
}
