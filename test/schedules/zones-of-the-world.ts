import type { EpochMs } from '../../src/lib/time.js'
import type { Zone } from '../../src/schedules/zone.js'

/**
 * Zones whose rules of 2014 to 2023 are settled in everybody's tables: whole and half hours, changes at midnight, before it and at noon,
 * winter time as the odd one out (Dublin, Casablanca), a skipped day's neighbour (Apia), ends of summer time in between.
 */
export const ZONES = [
  'Africa/Cairo',
  'Africa/Casablanca',
  'Africa/Tripoli',
  'America/Asuncion',
  'America/Caracas',
  'America/Chicago',
  'America/Havana',
  'America/Los_Angeles',
  'America/Mexico_City',
  'America/New_York',
  'America/Santiago',
  'America/Sao_Paulo',
  'America/St_Johns',
  'Asia/Amman',
  'Asia/Beirut',
  'Asia/Jerusalem',
  'Asia/Kathmandu',
  'Asia/Pyongyang',
  'Asia/Tehran',
  'Asia/Tokyo',
  'Atlantic/Azores',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Australia/Sydney',
  'Europe/Berlin',
  'Europe/Dublin',
  'Europe/Istanbul',
  'Europe/London',
  'Europe/Moscow',
  'Pacific/Apia',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Pacific/Norfolk',
  'UTC',
] as const

export const FROM: EpochMs = Date.UTC(2014, 0, 1)
export const TO: EpochMs = Date.UTC(2024, 0, 1)

/** The first instants of each new offset. */
export function clockChanges(zone: Zone): readonly EpochMs[] {
  const changes: EpochMs[] = []
  const HOUR = 3_600_000
  for (let at = FROM; at < TO; at += 24 * HOUR) {
    const [before, after] = [zone.offset(at), zone.offset(at + 24 * HOUR)]
    if (before === after) continue
    let [low, high] = [at, at + 24 * HOUR]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (zone.offset(middle) === before) low = middle
      else high = middle
    }
    changes.push(high)
  }
  return changes
}
