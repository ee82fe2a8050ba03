import type { Ms, SteadyMs } from '../lib/time.js'

/** Bounds of a pool that follows its load. */
export interface AutoscaleRange {
  readonly max: number
  readonly min: number
}

export interface AutoscaleFacts extends AutoscaleRange {
  /** Slots now. */
  readonly size: number
  /** Tasks that run or wait for a slot; not those that wait for an eta or a rate. */
  readonly reserved: number
  readonly now: SteadyMs
  /** When it last grew; undefined = never. */
  readonly grownAt: SteadyMs | undefined
  /** It shrinks no sooner than this after it grew. */
  readonly keepalive: Ms
}

/**
 * How many slots the pool should have. It grows at once to what is there to do, and shrinks to that, or to the minimum, when it
 * has not grown for `keepalive`; one slot always stays. What runs is part of `reserved`, so no answer asks for fewer slots than are in use.
 * Source: celery/worker/autoscale.py `_maybe_scale`, `scale_down`.
 *
 * | size | reserved | of 10, 1 | because |
 * | --- | --- | --- | --- |
 * | 1 | 4 | 4 | grows to the load |
 * | 4 | 50 | 10 | to the maximum |
 * | 4 | 0 | 4, later 1 | waits for `keepalive`, then the minimum |
 * | 4 | 3 | 4, later 3 | the load |
 */
export function autoscale(facts: AutoscaleFacts): number {
  const { size, reserved, max, min, now, grownAt, keepalive } = facts
  const wanted = Math.min(max, Math.max(1, min, reserved))
  if (wanted >= size) return wanted
  if (size > max) return Math.max(max, wanted)
  return grownAt === undefined || now - grownAt > keepalive ? wanted : size
}
