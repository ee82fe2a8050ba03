import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Ms } from '../../lib/time.js'
import { PublishUnknownError } from '../errors.js'

/** Replicas that must have a message before it counts as accepted, and how long they may take. */
export interface Replicas {
  readonly count: number
  readonly timeoutMs: Ms
}

/** Resolves when so many replicas have what was written over this connection: narrows, not closes, what a fail-over may lose. */
export async function replicated(connection: RedisConnection, replicas: Replicas, url: string): Promise<void> {
  const { count, timeoutMs } = replicas
  const reached = await connection.call('waiting for replicas', 'wait', [count, timeoutMs])
  if (Number(reached) >= count) return
  const message =
    `Redis at ${url} has the message, but only ${String(reached)} of ${count} replicas confirmed it within ` +
    `${timeoutMs} ms. Publish it again with the same ids, or look at the replicas.`
  throw new PublishUnknownError('LVG_REDIS_UNREPLICATED', message, { transient: true })
}
