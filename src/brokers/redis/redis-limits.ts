import type { RedisConnection } from '../../drivers/redis/redis-connection.js'
import type { Ms } from '../../lib/time.js'
import { limitKeys } from '../limits/decide-limits.js'
import type { LimitAnswer, LimitRequest } from '../limits/limit-store.js'
import { placedRequest } from '../limits/placed-request.js'
import type { RedisKeys } from './redis-keys.js'
import type { Scripts } from './scripts.js'

export interface RedisLimitsParts {
  readonly connection: RedisConnection
  readonly keys: RedisKeys
  readonly scripts: Scripts
  readonly holder: string
  readonly leaseMs: Ms
}

/** Limits over the cluster in keys of our own, which end by themselves. The server decides: a call is one way there and back. */
export function redisLimits(parts: RedisLimitsParts): (request: LimitRequest) => Promise<readonly LimitAnswer[]> {
  const { connection, keys, scripts, holder, leaseMs } = parts
  return async request => {
    const limits = limitKeys(request)
    const names = [keys.holders, ...limits.map(limit => keys.limit(limit))]
    const asked = JSON.stringify(placedRequest(request, limits, 1))
    const answer = await connection.run('asking for turns', scripts.turns, names, [holder, leaseMs, asked])
    const numbers = (answer as readonly unknown[]).map(Number) // the script answers exactly this
    return request.asks.map((_, index) => {
      const [granted = 0, wait = 0] = numbers.slice(2 * index, 2 * index + 2)
      return { granted, wait: wait < 0 ? undefined : wait }
    })
  }
}
