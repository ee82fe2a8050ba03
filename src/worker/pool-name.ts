import { ConfigError } from '../lib/errors.js'

/** Names under which people know a pool that runs tasks in the worker's own process. */
const INLINE: ReadonlySet<string> = new Set(['inline', 'eventlet', 'gevent', 'solo'])

/**
 * How many tasks the pool of that name runs at a time when asked for `wanted`: `solo` is one, whatever is asked for.
 * Throws `ConfigError` `LVG_POOL` for pools that this version does not have.
 */
export function poolSize(name: string, wanted: number): number {
  if (name === 'solo') return 1
  if (INLINE.has(name)) return wanted
  throw new ConfigError(
    'LVG_POOL',
    `There is no pool '${name}' in this version: it has the inline pool, which runs all tasks in the worker's own process. Leave --pool (workerPool) out, and start several workers to use several CPUs.`,
  )
}
