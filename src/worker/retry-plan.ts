import { exceededLimit } from '../app/retry-limit.js'
import type { TaskPolicy } from '../app/task-options.js'
import type { EpochMs, Ms } from '../lib/time.js'
import type { RetryWish } from '../pools/pool.js'

export type RetryPlan =
  | { readonly kind: 'again'; readonly retries: number; readonly eta: EpochMs; readonly delay: Ms }
  | { readonly kind: 'exhausted'; readonly maxRetries: number }

/**
 * Whether there is another attempt, and when. Fails when retries would exceed `maxRetries` (so 2 means 3 runs);
 * null never gives up. Source: celery/app/task.py Task.retry, celery/app/autoretry.py.
 *
 * Backoff of an autoretry: min(cap, factor · 2^retries) seconds, factor at least 1 and whole; with jitter a random
 * whole number of seconds in [0, that]. Source: celery/utils/time.py get_exponential_backoff_interval.
 *
 * | retries | factor 1, cap 600 | factor 3, cap 600 |
 * | --- | --- | --- |
 * | 0 · 1 · 2 · 9 · 10 | 1 · 2 · 4 · 512 · 600 s | 3 · 6 · 12 · 600 · 600 s |
 *
 * `random` in [0, 1) is passed in: the plan is pure (D54).
 */
export function planRetry(
  wish: RetryWish,
  retries: number,
  policy: TaskPolicy,
  now: EpochMs,
  random: number,
): RetryPlan {
  const maxRetries = exceededLimit(retries, wish.maxRetries, policy)
  if (maxRetries !== undefined) return { kind: 'exhausted', maxRetries }
  if (wish.eta !== undefined) {
    return { kind: 'again', retries: retries + 1, eta: wish.eta, delay: Math.max(0, wish.eta - now) }
  }
  const delay = wish.countdown ?? (wish.auto ? autoDelay(retries, policy, random) : policy.defaultRetryDelay)
  return { kind: 'again', retries: retries + 1, eta: now + delay, delay }
}

function autoDelay(retries: number, policy: TaskPolicy, random: number): Ms {
  if (policy.retryBackoff === undefined) return policy.defaultRetryDelay
  const factor = Math.max(1, Math.trunc(policy.retryBackoff))
  const seconds = Math.min(Math.trunc(policy.retryBackoffMax / 1000), factor * 2 ** Math.min(retries, 60))
  return 1000 * (policy.retryJitter ? Math.floor(random * (seconds + 1)) : seconds)
}
