import type { Ms } from '../lib/time.js'

/** Seconds as the wire has them, in ms: to the microsecond, so that 1.001 s are 1001 ms and not a rounding error less. */
export function msOfSeconds(seconds: number): Ms {
  return Math.round(seconds * 1e6) / 1e3
}
