import { ConfigError } from '../lib/errors.js'

/** Where health is served. */
export interface HealthAddress {
  readonly host: string
  /** 0 = any that is free. */
  readonly port: number
}

const LOOPBACK = '127.0.0.1'

/**
 * `9100`, `:9100`, `0.0.0.0:9100`, `[::1]:9100`, `localhost:9100`. Without a host this machine alone may ask.
 *
 * @throws ConfigError `LVG_HEALTH_ADDRESS`
 */
export function parseHealthAddress(text: string): HealthAddress {
  const found = /^(?:(\[[0-9a-fA-F:.%\w]+\]|[^:\s[\]/]*):)?(\d{1,5})$/.exec(text.trim())
  const port = Number(found?.[2])
  if (found === null || port > 65_535) {
    throw new ConfigError(
      'LVG_HEALTH_ADDRESS',
      `'${text.slice(0, 80)}' is no address for --health (workerHealth, beatHealth): give a port, or host:port, such as 9100 or 0.0.0.0:9100.`,
    )
  }
  const host = (found[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: host === '' ? LOOPBACK : host, port }
}
