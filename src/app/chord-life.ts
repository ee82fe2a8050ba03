import type { Ms } from '../lib/time.js'
import type { Settings } from './settings.js'

const SHORTEST: Ms = 86_400_000
/** Until somebody has noticed that `chordTimeout` is over. */
const NOTICE: Ms = 3_600_000

/**
 * How long the bookkeeping of a chord is kept from its last arrival on: it outlives its slowest part, however soon results expire
 * (H55). Undefined = as long as it takes.
 */
export function chordLife({
  resultExpires,
  chordTimeout,
}: Pick<Settings, 'resultExpires' | 'chordTimeout'>): Ms | undefined {
  return resultExpires === undefined ? undefined : Math.max(resultExpires, SHORTEST, chordTimeout + NOTICE)
}
