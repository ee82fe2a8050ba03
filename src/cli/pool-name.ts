import { ConfigError } from '../lib/errors.js'

/** Names under which people know a pool that runs tasks in the worker's own process. */
const INLINE: ReadonlySet<string> = new Set(['inline', 'solo', 'eventlet', 'gevent', 'async'])

/**
 * Checks the name of a pool that somebody asked for.
 *
 * @throws ConfigError `LVG_POOL`
 */
export function checkPool(name: string): void {
  if (INLINE.has(name)) return
  throw new ConfigError(
    'LVG_POOL',
    `There is no pool ${JSON.stringify(name)} in this version: it has only the inline pool, which runs all tasks in the worker's own process. Leave --pool (or workerPool) out, and start several workers to use several CPUs.`,
  )
}
