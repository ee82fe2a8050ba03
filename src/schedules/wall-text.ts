import type { EpochMs, Ms } from '../lib/time.js'
import { daysInMonth, HOUR, MINUTE, SECOND, type WallMs, wallMidnight } from './wall-time.js'

export interface WallText {
  readonly wall: WallMs
  /** Milliseconds east of UTC; undefined when the text names none. */
  readonly offset: Ms | undefined
}

const MAX_TEXT = 64
const TEXT =
  /^(\d{4})(-?)(\d\d)\2(\d\d)(?:[T ](\d\d)(:?)(\d\d)(?:\6(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d\d)(?::?(\d\d))?)?)?$/i

/** An ISO 8601 date, or date and time. Undefined when it is none, or no such day. */
export function readWallText(text: string): WallText | undefined {
  const found = text.length > MAX_TEXT ? null : TEXT.exec(text)
  if (found === null) return undefined
  const number = (group: number): number => Number(found[group] ?? 0)
  const [year, month, day, hour, minute, second] = [1, 3, 4, 5, 7, 8].map(number) as Sextuple
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 59 || number(12) > 23 || number(13) > 59) return undefined
  const ms = Number((found[9] ?? '').slice(0, 3).padEnd(3, '0'))
  const east = (number(12) * HOUR + number(13) * MINUTE) * (found[11] === '-' ? -1 : 1)
  const hasOffset = found[10] !== undefined || found[11] !== undefined
  return {
    wall: wallMidnight(year, month, day) + hour * HOUR + minute * MINUTE + second * SECOND + ms,
    offset: hasOffset ? east : undefined,
  }
}

/** The same as an instant; text without an offset is UTC. */
export function readInstant(text: string): EpochMs | undefined {
  const read = readWallText(text.trim())
  return read === undefined ? undefined : read.wall - (read.offset ?? 0)
}

type Sextuple = [number, number, number, number, number, number]
