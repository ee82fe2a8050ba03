import type { EpochMs } from '../lib/time.js'

/**
 * This host's distance from UTC as events tell it: whole hours west, rounded down. UTC 0, Berlin in winter −1, Kolkata −6,
 * New York in winter 5. Source: celery/utils/time.py `utcoffset`.
 */
export function utcOffset(now: EpochMs): number {
  // Minus nought would be another number on the wire.
  return Math.floor(new Date(now).getTimezoneOffset() / 60) + 0
}
