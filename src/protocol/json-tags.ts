import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../lib/as-buffer.js'
import { ProtocolError } from './errors.js'
import { parseIso, readDateTime } from './iso8601.js'
import { Decimal, NaiveDateTime, PlainDate, PlainTime, Uuid } from './values.js'

/** A value that JSON has no form for, as Kombu writes it: `{"__type__": type, "__value__": value}`. */
export interface Tag {
  readonly type: string
  readonly value: string | { readonly hex: string }
  /** What Kombu before 5.3 wrote instead, a plain string; undefined where it refused. */
  readonly plain: string | undefined
}

/**
 * The tagged form of a Date, bytes, or a class of values.ts; undefined for anything else. Datetimes have an explicit
 * `+00:00` and no or three fraction digits, because Python before 3.11 reads nothing else. Throws `RangeError` for a Date
 * that is invalid or outside the years 0001–9999.
 * Source: kombu/utils/json.py `JSONEncoder.default`, `register_type` calls; 5.2's `JSONEncoder.default` for `plain`.
 */
export function tagOf(value: object): Tag | undefined {
  if (value instanceof Date) return dateTag(value)
  if (value instanceof Uint8Array) return bytesTag(value)
  if (value instanceof NaiveDateTime) return { type: 'datetime', value: value.text, plain: value.text }
  if (value instanceof PlainDate) return { type: 'date', value: value.text, plain: `${value.text}T00:00:00` }
  if (value instanceof PlainTime) return { type: 'time', value: value.text, plain: value.text }
  if (value instanceof Decimal) return { type: 'decimal', value: value.text, plain: value.text }
  if (value instanceof Uuid) return { type: 'uuid', value: { hex: value.hex }, plain: value.text }
  return undefined
}

function dateTag(date: Date): Tag {
  const iso = date.toISOString()
  if (iso.length !== 24 || iso.startsWith('0000')) throw new RangeError(`${iso} is outside the years 0001 to 9999`)
  const local = iso.endsWith('.000Z') ? iso.slice(0, 19) : iso.slice(0, 23)
  return { type: 'datetime', value: `${local}+00:00`, plain: `${local}Z` }
}

function bytesTag(bytes: Uint8Array): Tag {
  const buffer = asBuffer(bytes)
  return isUtf8(bytes)
    ? { type: 'bytes', value: buffer.toString('utf8'), plain: undefined }
    : { type: 'base64', value: buffer.toString('base64'), plain: undefined }
}

/**
 * The value of a tagged object; undefined when the tag is not in Kombu's table (the object is plain data then, M19).
 * Throws `ProtocolError` when the tag is known and its content is not what it must be.
 */
export function untag(type: unknown, content: unknown): object | undefined {
  switch (type) {
    case 'datetime':
      return dateTimeOf(textOf(content, type))
    case 'date':
      return new PlainDate(textOf(content, type))
    case 'time':
      return new PlainTime(textOf(content, type))
    case 'decimal':
      return new Decimal(textOf(content, type))
    case 'uuid':
      return new Uuid(textOf(hexOf(content), type))
    case 'bytes':
      return bytesOf(textOf(content, type))
    case 'base64':
      return base64Of(textOf(content, type))
    default:
      return undefined
  }
}

function dateTimeOf(text: string): Date | NaiveDateTime {
  if (readDateTime(text)?.offset === undefined) return new NaiveDateTime(text)
  return new Date(parseIso(text) ?? Number.NaN)
}

function hexOf(content: unknown): unknown {
  return typeof content === 'object' && content !== null && 'hex' in content ? content.hex : undefined
}

function bytesOf(text: string): Buffer {
  if (/\p{Cs}/u.test(text)) throw new ProtocolError('malformed', "a value tagged 'bytes' holds half a surrogate pair")
  return Buffer.from(text, 'utf8')
}

function base64Of(text: string): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new ProtocolError('malformed', "a value tagged 'base64' does not hold standard base64")
  }
  return Buffer.from(text, 'base64')
}

function textOf(content: unknown, type: string): string {
  if (typeof content !== 'string') throw new ProtocolError('malformed', `a value tagged '${type}' does not hold text`)
  return content
}
