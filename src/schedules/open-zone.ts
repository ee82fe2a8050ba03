import type { EpochMs, Ms } from '../lib/time.js'
import { SECOND } from './wall-time.js'
import { Zone } from './zone.js'

/** A time zone by its name, from the tables that come with Node. Throws `RangeError` when there is none. */
export function openZone(name: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return new Zone(name, instant => offsetBy(format, instant))
}

function offsetBy(format: Intl.DateTimeFormat, instant: EpochMs): Ms {
  const found: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {}
  for (const { type, value } of format.formatToParts(instant)) found[type] = value
  const year = found.era === 'BC' ? 1 - Number(found.year) : Number(found.year)
  const wall = new Date(0)
  wall.setUTCFullYear(year, Number(found.month) - 1, Number(found.day))
  wall.setUTCHours(Number(found.hour), Number(found.minute), Number(found.second))
  return wall.getTime() - Math.floor(instant / SECOND) * SECOND
}
