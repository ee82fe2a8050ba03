import type { EpochMs } from '../../../src/lib/time.js'
import type { PlannedEntry } from './plan.js'
import { HOUR, MINUTE, WallClock } from './wall-clock.js'

/** Nowhere are clocks set by more. */
const MOST = 3 * HOUR

/**
 * When an entry is due after one instant and up to another: a walk over all minutes with an eye on the clock on the wall, by the
 * words of docs/reference/schedules.md. The first of the times that clocks skip is due as much later, times of the clock before
 * that place are passed over; times that they show again are left out; unless the entry says otherwise.
 */
export function dueTimes(entry: PlannedEntry, after: EpochMs, until: EpochMs): readonly EpochMs[] {
  const { rule } = entry
  if (rule.kind === 'interval') {
    return Array.from({ length: Math.floor((until - after) / rule.every) }, (_, i) => after + (i + 1) * rule.every)
  }
  const clock = new WallClock(entry.zone)
  const matches = (wall: number): boolean => {
    const date = new Date(wall)
    return (
      rule.minutes.includes(date.getUTCMinutes()) &&
      rule.hours.includes(date.getUTCHours()) &&
      (rule.weekday === undefined || rule.weekday === date.getUTCDay())
    )
  }
  const found: EpochMs[] = []
  let furthest = Number.NEGATIVE_INFINITY
  let landed = Number.NEGATIVE_INFINITY
  for (let at = Math.floor(after / MINUTE) * MINUTE - MOST; at <= until; at += MINUTE) {
    const wall = clock.at(at)
    const awaited = clock.at(at - MINUTE) + MINUTE
    for (let skipped = awaited; skipped < wall && rule.skipped === 'shift'; skipped += MINUTE) {
      if (!matches(skipped)) continue
      landed = at + skipped - awaited
      break
    }
    const isAgain = wall <= furthest
    furthest = Math.max(furthest, wall)
    if (at === landed || (at > landed && matches(wall) && (rule.repeated === 'twice' || !isAgain))) found.push(at)
  }
  return found.filter(at => at > after && at <= until)
}
