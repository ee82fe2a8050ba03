import type { EpochMs } from '../lib/time.js'
import { parseIso } from '../protocol/iso8601.js'

/** An instant as people give it: Date, epoch ms or ISO 8601 text (no offset = UTC). Undefined when it is none of these. */
export function toEpochMs(value: unknown): EpochMs | undefined {
  if (typeof value === 'string') return parseIso(value)
  const ms = value instanceof Date ? value.getTime() : value
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : undefined
}
