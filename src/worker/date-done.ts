import type { EpochMs } from '../lib/time.js'
import { formatIso } from '../protocol/iso8601.js'
import { openZone } from '../schedules/open-zone.js'

/**
 * How results say when they ended: ISO 8601 with microseconds and offset, in the app's time zone, as Celery writes it
 * (results.md §2). UTC without a zone.
 */
export function dateDoneIn(zone: string | undefined): (now: EpochMs) => string {
  return latest(zone === undefined || zone === 'UTC' ? formatIso : inZone(zone))
}

/** Many tasks end within one millisecond. */
function latest(format: (now: EpochMs) => string): (now: EpochMs) => string {
  let at: EpochMs | undefined
  let text = ''
  return now => {
    if (now !== at) {
      text = format(now)
      at = now
    }
    return text
  }
}

function inZone(name: string): (now: EpochMs) => string {
  const zone = openZone(name)
  return now => {
    const east = zone.offset(now)
    return formatIso(now + east).replace('+00:00', offset(Math.round(east / 60_000)))
  }
}

function offset(minutes: number): string {
  const size = Math.abs(minutes)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
