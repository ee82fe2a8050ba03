import type { EpochMs } from '../lib/time.js'
import { formatIso } from '../protocol/iso8601.js'

/**
 * How results say when they ended: ISO 8601 with microseconds and offset, in the app's time zone, as Celery writes it
 * (results.md §2). UTC without a zone.
 */
export function dateDoneIn(zone: string | undefined): (now: EpochMs) => string {
  if (zone === undefined || zone === 'UTC') return formatIso
  const wall = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return now => {
    const parts = new Map(wall.formatToParts(now).map(part => [part.type, Number(part.value)]))
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0
    const shown = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
      ((now % 1000) + 1000) % 1000,
    )
    const minutes = Math.round((shown - now) / 60_000)
    return formatIso(shown).replace('+00:00', offset(minutes))
  }
}

function offset(minutes: number): string {
  const size = Math.abs(minutes)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}
