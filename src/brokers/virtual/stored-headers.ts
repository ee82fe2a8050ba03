import { isDict } from '../../protocol/dict.js'
import type { Headers } from '../../protocol/message.js'

/*
 * Headers as text in a row: JSON, with what JSON lacks under a tag: `{"@": "bytes", "v": …}`. Tags are `bytes` (base64),
 * `date` (epoch ms), `bigint` and `number` (decimal text; NaN, infinities, -0), and `map`, for objects that have a key
 * `@` of their own.
 */

const TAG = '@'
/** How every tagged value begins when printed. */
const TAG_TEXT = `{"${TAG}":`

export function printHeaders(headers: Headers): string {
  return JSON.stringify(isPlain(headers) ? headers : tagged(headers))
}

/** Undefined when the text is not what `printHeaders` gives. */
export function parseHeaders(text: string): Headers | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const headers = text.includes(TAG_TEXT) ? untagged(value) : value
    return isDict(headers) ? headers : undefined
  } catch {
    return undefined
  }
}

/** True when JSON can carry it as it is: nearly always. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      return value === null || isPlainObject(value)
    default:
      return false
  }
}

function isPlainObject(value: object): boolean {
  if (Array.isArray(value)) return value.every(isPlain)
  if (value instanceof Uint8Array || value instanceof Date) return false
  for (const key in value) {
    if (key === TAG || !isPlain((value as Record<string, unknown>)[key])) return false
  }
  return true
}

function tagged(value: unknown): unknown {
  if (typeof value === 'bigint') return tag('bigint', value.toString())
  if (typeof value === 'number')
    return isPlain(value) ? value : tag('number', Object.is(value, -0) ? '-0' : String(value))
  if (!isObject(value)) return value
  if (value instanceof Uint8Array) return tag('bytes', Buffer.from(value).toString('base64'))
  if (value instanceof Date) return tag('date', value.getTime())
  if (Array.isArray(value)) return value.map(tagged)
  const entries = Object.entries(value).map(([key, item]) => [key, tagged(item)] as const)
  return Object.hasOwn(value, TAG) ? tag('map', entries) : Object.fromEntries(entries)
}

function tag(kind: string, v: unknown): unknown {
  return { [TAG]: kind, v }
}

function untagged(value: unknown): unknown {
  if (!isObject(value)) return value
  if (Array.isArray(value)) return value.map(untagged)
  if (Object.hasOwn(value, TAG)) return fromTag(value[TAG], value['v'])
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, untagged(item)]))
}

function fromTag(kind: unknown, v: unknown): unknown {
  switch (kind) {
    case 'bytes':
      return new Uint8Array(Buffer.from(textOf(v), 'base64'))
    case 'date':
      return dateOf(v)
    case 'bigint':
      return BigInt(textOf(v))
    case 'number':
      return Number(textOf(v))
    case 'map':
      return Object.fromEntries(pairsOf(v).map(([key, item]) => [key, untagged(item)]))
    default:
      throw new TypeError('There is no such tag')
  }
}

function textOf(v: unknown): string {
  if (typeof v !== 'string') throw new TypeError('This tag holds text')
  return v
}

/** Null: an invalid date has no number. */
function dateOf(v: unknown): Date {
  const date = new Date(typeof v === 'number' ? v : Number.NaN)
  if (v !== null && Number.isNaN(date.getTime())) throw new TypeError('This is no date')
  return date
}

function pairsOf(v: unknown): readonly (readonly [string, unknown])[] {
  const isPair = (pair: unknown): pair is readonly [string, unknown] =>
    Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string'
  if (!Array.isArray(v) || !v.every(isPair)) throw new TypeError('A map is a list of pairs')
  return v
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
