import type { EpochMs } from '../lib/time.js'

/** A date and time as text gave it; `offset` in seconds east of UTC, undefined when the text names no zone. */
export interface IsoDateTime extends IsoDate, IsoTime {}

export interface IsoDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

export interface IsoTime {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  readonly offset: number | undefined
}

const MAX_TEXT = 64
const MIDNIGHT: IsoTime = { hour: 0, minute: 0, second: 0, microsecond: 0, offset: undefined }
const DATE = /^(\d{4})(-?)(\d\d)\2(\d\d)$/
const TIME = /^(\d\d)(?:(:?)(\d\d)(?:\2(\d\d)(?:[.,](\d+))?)?)?$/
const OFFSET = /^([+-])(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.\d+)?)?)?$/

/**
 * Reads what Celery reads in `eta`, `expires`, `date_done`: date and time, basic or extended form, `T` or a space
 * between them, any number of fraction digits (beyond the sixth they are dropped), zone `Z`, `±HH`, `±HHMM`, `±HH:MM` or
 * none, years 0001 to 9999. A text without zone is UTC. Undefined when it is none of that; never throws.
 * Source: celery/utils/time.py `maybe_iso8601`, `maybe_make_aware`.
 */
export function parseIso(text: string): EpochMs | undefined {
  const at = readDateTime(text)
  return at === undefined ? undefined : epochOf(at)
}

/** `2026-11-20T08:51:09.816000+00:00`: six digits and an explicit offset, which every Python since 3.7 reads. Throws `RangeError` outside the years 0001–9999. */
export function formatIso(epochMs: EpochMs): string {
  const text = new Date(epochMs).toISOString()
  if (!isWritableTime(epochMs)) throw new RangeError(`${text} is outside the years 0001 to 9999`)
  return `${text.slice(0, 23)}000+00:00`
}

const FIRST_MS: EpochMs = -62_135_596_800_000
const LAST_MS: EpochMs = 253_402_300_799_999

/** Whether `formatIso` takes it: a number within the years 0001 to 9999. */
export function isWritableTime(epochMs: EpochMs): boolean {
  return epochMs >= FIRST_MS && epochMs <= LAST_MS
}

export function readDateTime(text: string): IsoDateTime | undefined {
  if (text.length > MAX_TEXT) return undefined
  const gap = text.search(/[Tt ]/)
  const date = readDate(gap < 0 ? text : text.slice(0, gap))
  const time = gap < 0 ? MIDNIGHT : readTime(text.slice(gap + 1))
  return date === undefined || time === undefined ? undefined : { ...date, ...time }
}

export function readDate(text: string): IsoDate | undefined {
  const match = DATE.exec(text)
  if (match === null) return undefined
  const date = { year: Number(match[1]), month: Number(match[3]), day: Number(match[4]) }
  return isDate(date) ? date : undefined
}

export function isDate({ year, month, day }: IsoDate): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)
}

export function readTime(text: string): IsoTime | undefined {
  if (text.length > MAX_TEXT) return undefined
  const zoneAt = text.search(/[Zz+-]/)
  const match = TIME.exec(zoneAt < 0 ? text : text.slice(0, zoneAt))
  const offset = zoneAt < 0 ? undefined : readOffset(text.slice(zoneAt))
  if (match === null || offset === 'invalid') return undefined
  const [hour, minute, second] = [Number(match[1]), Number(match[3] ?? 0), Number(match[4] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return { hour, minute, second, microsecond: Number((match[5] ?? '').slice(0, 6).padEnd(6, '0')), offset }
}

function readOffset(text: string): number | 'invalid' {
  if (text === 'Z' || text === 'z') return 0
  const match = OFFSET.exec(text)
  if (match === null) return 'invalid'
  const [hours, minutes, seconds] = [Number(match[2]), Number(match[3] ?? 0), Number(match[4] ?? 0)]
  if (hours > 23 || minutes > 59 || seconds > 59) return 'invalid'
  return (match[1] === '-' ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds)
}

/** Milliseconds; what is finer is dropped. */
export function epochOf(at: IsoDateTime): EpochMs {
  const seconds = at.hour * 3600 + at.minute * 60 + at.second - (at.offset ?? 0)
  return (daysSince1970(at) * 86_400 + seconds) * 1000 + Math.floor(at.microsecond / 1000)
}

/** `2024-02-29`. */
export function formatDate({ year, month, day }: IsoDate): string {
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
}

/** As Python's isoformat: no fraction or six digits, the offset when there is one. */
export function formatTime({ hour, minute, second, microsecond, offset }: IsoTime): string {
  const fraction = microsecond === 0 ? '' : `.${String(microsecond).padStart(6, '0')}`
  return `${two(hour)}:${two(minute)}:${two(second)}${fraction}${offset === undefined ? '' : formatOffset(offset)}`
}

function formatOffset(offset: number): string {
  const size = Math.abs(offset)
  const seconds = size % 60 === 0 ? '' : `:${two(size % 60)}`
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(size / 3600))}:${two(Math.floor(size / 60) % 60)}${seconds}`
}

function two(amount: number): string {
  return String(amount).padStart(2, '0')
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

/** Days of the proleptic Gregorian calendar. Date.UTC is no help: it takes the years 1 to 99 for 1901 to 1999. */
function daysSince1970({ year, month, day }: IsoDate): number {
  const shifted = month > 2 ? year : year - 1
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}
