import type { Ms } from '../../lib/time.js'

/** At most `max` in any span of `ms`. */
export interface LimitWindow {
  readonly max: number
  readonly ms: Ms
}

/** How many were counted in each part of the window: instant at which the part began, count. Oldest first. */
export type WindowCounts = readonly (readonly [start: number, count: number])[]

/** A window is counted in so many parts. */
const PARTS = 60

/**
 * Sliding windows in constant space. What was counted in one part leaves the window when all of that part is older than it:
 * never too early, and at most a sixtieth of the window late. So no span of `ms` ever has more than `max`.
 *
 * Instants are of one clock, the store's. After it was set back, what seems to come from the future counts until the
 * window has passed; what is further ahead than that is forgotten.
 */
export function currentCounts(counts: WindowCounts, window: LimitWindow, now: number): WindowCounts {
  const part = partLength(window)
  return counts.filter(([start]) => start + part + window.ms > now && start <= now + window.ms)
}

/** How many more there may be now; `counts` are current. */
export function windowRoom(counts: WindowCounts, window: LimitWindow): number {
  return Math.max(0, window.max - counts.reduce((sum, [, count]) => sum + count, 0))
}

/** How long until there may be one more; 0 = now. `counts` are current. */
export function windowWait(counts: WindowCounts, window: LimitWindow, now: number): Ms {
  let over = counts.reduce((sum, [, count]) => sum + count, 0) - window.max
  for (const [start, count] of counts) {
    if (over < 0) break
    over -= count
    if (over < 0) return Math.max(1, Math.ceil(start + partLength(window) + window.ms - now))
  }
  return 0
}

export function addCount(counts: WindowCounts, window: LimitWindow, now: number, added: number): WindowCounts {
  const part = partLength(window)
  const start = Math.floor(now / part) * part
  const last = counts.at(-1)
  if (last !== undefined && last[0] >= start) return [...counts.slice(0, -1), [last[0], last[1] + added]]
  return [...counts, [start, added]]
}

function partLength({ ms }: LimitWindow): Ms {
  return Math.max(1, Math.floor(ms / PARTS))
}
