import type { Random } from './runtime.js'
import type { Ms } from './time.js'

export interface BackoffRule {
  readonly first: Ms
  readonly cap: Ms
}

/**
 * Full-jitter exponential backoff: a random span in [0, min(cap, first · 2^attempt)], attempt from 0.
 *
 * | attempt | 0 | 1 | 2 | 5 | 9 |
 * | --- | --- | --- | --- | --- | --- |
 * | ceiling for {first: 100, cap: 30000} | 100 | 200 | 400 | 3200 | 30000 |
 *
 * Never negative, never above the cap, also for attempts beyond 2^53.
 */
export function backoff(attempt: number, rule: BackoffRule, random: Random): Ms {
  return random.next() * backoffCeiling(attempt, rule)
}

export function backoffCeiling(attempt: number, rule: BackoffRule): Ms {
  return Math.min(rule.cap, rule.first * 2 ** Math.min(attempt, 60))
}
