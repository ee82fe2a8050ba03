import { ProtocolError } from './errors.js'
import {
  epochOf,
  formatDate,
  formatTime,
  type IsoDate,
  type IsoTime,
  isDate,
  readDate,
  readDateTime,
  readTime,
} from './iso8601.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, TimeDelta, Uuid } from './values.js'

/** How a value of a class is spelled in a pickle: a call of `module.name`, or its instance with a state. */
export interface PickleCall {
  readonly module: string
  readonly name: string
  /** Plain values, or further calls. */
  readonly args: readonly unknown[]
  readonly state?: Readonly<Record<string, unknown>>
}

/** A time zone of fixed offset, in seconds; only ever an argument of a datetime. */
export class PickleZone {
  readonly offset: number

  constructor(offset: number) {
    this.offset = offset
  }
}

/** A UUID whose state has not come yet. */
export class PendingUuid {
  value: Uuid | undefined
}

/** Makes a value of plain arguments; it has no way to do anything else. */
export type PickleMaker = (args: readonly unknown[]) => unknown

export type PickleMakers = (module: string, name: string) => PickleMaker | undefined

/** All that a pickle may name. A maker gets values of this reader and makes a value; it has no way to do anything else. */
const MAKERS: ReadonlyMap<string, PickleMaker> = new Map<string, PickleMaker>([
  ['datetime.datetime', ([state, zone]) => dateTimeOf(bytes(state, 10), zone)],
  ['datetime.date', ([state]) => new PlainDate(formatDate(dateIn(bytes(state, 4))))],
  ['datetime.time', ([state, zone]) => new PlainTime(formatTime(timeIn(bytes(state, 6), 0, zone)))],
  ['datetime.timedelta', ([days = 0, seconds = 0, micros = 0]) => new TimeDelta(int(days), int(seconds), int(micros))],
  ['datetime.timezone', ([delta]) => zoneOf(delta)],
  ['decimal.Decimal', ([text]) => new Decimal(string(text))],
  ['uuid.UUID', () => new PendingUuid()],
  ['_codecs.encode', ([text, encoding]) => latin1(string(text), encoding)],
  ['builtins.set', ([items = []]) => new Set(list(items))],
  ['builtins.frozenset', ([items = []]) => new Set(list(items))],
  ['builtins.bytearray', ([content = Buffer.alloc(0)]) => bytes(content)],
  ['builtins.bytes', ([content = Buffer.alloc(0)]) => bytes(content)],
  ['collections.OrderedDict', () => ({})],
])

/** Names of Python 2, which protocols below 3 still write. */
const OLD_MODULES: Readonly<Record<string, string>> = { __builtin__: 'builtins', copy_reg: 'copyreg' }

/** A callable that a pickle may name; what it makes is decided by its name alone. */
export class PickleGlobal {
  readonly name: string
  readonly #make: PickleMaker

  /** Throws `ProtocolError` (undecodable) for anything outside the list and `makerOf`. */
  constructor(module: string, name: string, makerOf?: PickleMakers) {
    this.name = `${OLD_MODULES[module] ?? module}.${name}`
    const make =
      this.name === 'copyreg._reconstructor' ? reconstruct : (MAKERS.get(this.name) ?? makerOf?.(module, name))
    if (make === undefined && this.name !== 'builtins.object')
      throw notPlain(`it refers to ${JSON.stringify(this.name.slice(0, 128))}`)
    this.#make = make ?? bareObject
  }

  call(args: readonly unknown[]): unknown {
    return this.#make(args)
  }
}

/** `object` may be named only for what stands below. */
function bareObject(): never {
  throw notPlain('it holds a bare object')
}

/** Protocols 0 and 1 spell `cls.__new__(cls)` this way. */
function reconstruct([cls]: readonly unknown[]): unknown {
  if (cls instanceof PickleGlobal && cls.name === 'uuid.UUID') return cls.call([])
  throw notPlain('it rebuilds an object')
}

/** The spelling of a Date or a class of values.ts; undefined for anything else. Throws `RangeError` for an invalid Date. */
export function pickleCallOf(value: object): PickleCall | undefined {
  if (value instanceof Date) return dateTimeCall(`${value.toISOString().slice(0, -1)}+00:00`)
  if (value instanceof NaiveDateTime) return dateTimeCall(value.text)
  if (value instanceof PlainDate) return call('datetime', 'date', [dateState(readDate(value.text))])
  if (value instanceof PlainTime) return timeCall(readTime(value.text))
  if (value instanceof TimeDelta) return deltaCall(value)
  if (value instanceof Decimal) return call('decimal', 'Decimal', [value.text])
  if (value instanceof Uuid) return { ...call('uuid', 'UUID', []), state: { int: BigInt(`0x${value.hex}`) } }
  return undefined
}

function call(module: string, name: string, args: readonly unknown[]): PickleCall {
  return { module, name, args }
}

function dateTimeCall(text: string): PickleCall {
  const at = readDateTime(text)
  const state = Buffer.concat([dateState(at), timeState(at)])
  return call('datetime', 'datetime', at?.offset === undefined ? [state] : [state, zoneCall(at.offset)])
}

function timeCall(time: IsoTime | undefined): PickleCall {
  const state = timeState(time)
  return call('datetime', 'time', time?.offset === undefined ? [state] : [state, zoneCall(time.offset)])
}

function zoneCall(offset: number): PickleCall {
  const days = offset < 0 ? -1 : 0
  return call('datetime', 'timezone', [deltaCall({ days, seconds: offset - days * 86_400, microseconds: 0 })])
}

function deltaCall(delta: Pick<TimeDelta, 'days' | 'seconds' | 'microseconds'>): PickleCall {
  return call('datetime', 'timedelta', [delta.days, delta.seconds, delta.microseconds])
}

function dateState(date: IsoDate | undefined): Buffer {
  if (date === undefined) throw new RangeError('not a date of the years 1 to 9999')
  return Buffer.from([date.year >> 8, date.year & 0xff, date.month, date.day])
}

function timeState(time: IsoTime | undefined): Buffer {
  if (time === undefined) throw new RangeError('not a time of day')
  const micros = time.microsecond
  return Buffer.from([time.hour, time.minute, time.second, micros >> 16, (micros >> 8) & 0xff, micros & 0xff])
}

function dateTimeOf(state: Buffer, zone: unknown): Date | NaiveDateTime {
  const date = dateIn(state)
  const time = timeIn(state, 4, zone)
  const text = `${formatDate(date)}T${formatTime(time)}`
  return time.offset === undefined ? new NaiveDateTime(text) : new Date(epochOf({ ...date, ...time }))
}

function dateIn(state: Buffer): IsoDate {
  // The month's high bit is `fold`: which of two equal times at the end of summer time is meant.
  const date = { year: state.readUInt16BE(0), month: state.readUInt8(2) & 0x7f, day: state.readUInt8(3) }
  if (!isDate(date)) throw malformed('a date that does not exist')
  return date
}

function timeIn(state: Buffer, at: number, zone: unknown): IsoTime {
  const [hour, minute, second] = [state.readUInt8(at) & 0x7f, state.readUInt8(at + 1), state.readUInt8(at + 2)]
  const microsecond = state.readUIntBE(at + 3, 3)
  if (hour > 23 || minute > 59 || second > 59 || microsecond > 999_999) throw malformed('a time that does not exist')
  if (zone !== undefined && !(zone instanceof PickleZone)) throw malformed('a zone that is none')
  return { hour, minute, second, microsecond, offset: zone?.offset }
}

function zoneOf(delta: unknown): PickleZone {
  const offset = delta instanceof TimeDelta ? delta.days * 86_400 + delta.seconds : Number.NaN
  if (!(Math.abs(offset) < 86_400)) throw malformed('a zone whose offset is no part of a day')
  return new PickleZone(offset)
}

/** Protocols below 3 have no bytes: they write the text that Latin-1 turns into them. */
function latin1(text: string, encoding: unknown): Buffer {
  if (encoding !== 'latin1' && encoding !== 'latin-1') throw notPlain('it encodes text in a way of its own')
  return Buffer.from(text, 'latin1')
}

/** The state that BUILD gives to a UUID. */
export function uuidOfState(state: unknown): Uuid {
  const value: unknown = typeof state === 'object' && state !== null && 'int' in state ? state.int : undefined
  if (typeof value !== 'bigint' && typeof value !== 'number') throw malformed('a UUID without a number')
  if (value < 0 || value >= 2n ** 128n || !Number.isInteger(Number(value))) throw malformed('a UUID beyond 128 bits')
  return new Uuid(BigInt(value).toString(16).padStart(32, '0'))
}

function bytes(value: unknown, size?: number): Buffer {
  if (Buffer.isBuffer(value) && (size === undefined || value.length === size)) return value
  throw malformed('a value made of the wrong bytes')
}

function string(value: unknown): string {
  if (typeof value === 'string') return value
  throw malformed('a value made of something that is no text')
}

function int(value: unknown): number {
  if (typeof value === 'number') return value
  throw malformed('a value made of something that is no small integer')
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw malformed('a set made of something that is no list')
}

function malformed(what: string): ProtocolError {
  return new ProtocolError('malformed', `the pickle holds ${what}`)
}

function notPlain(what: string): ProtocolError {
  return new ProtocolError('undecodable', `only pickles of plain data are read: ${what}`)
}
