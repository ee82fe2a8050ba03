import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../lib/as-buffer.js'
import { type IsoDate, type IsoTime, readDate, readDateTime, readTime } from './iso8601.js'
import { fromExact } from './json.js'
import { DEFAULT_LIMITS } from './limits.js'
import { isPlainObject } from './plain-object.js'
import { pythonNumber } from './python-number.js'
import {
  Decimal,
  ExactNumber,
  ExactTagged,
  NaiveDateTime,
  PlainDate,
  PlainTime,
  TimeDelta,
  Tuple,
  Uuid,
} from './values.js'

const MAX_LEVELS = 3

/** Positional arguments as Python shows them: a tuple, at most about 1024 characters. */
export function argsrepr(args: readonly unknown[]): string {
  return pythonRepr(new Tuple(args), DEFAULT_LIMITS.reprLength)
}

export function kwargsrepr(kwargs: Readonly<Record<string, unknown>>): string {
  return pythonRepr(kwargs, DEFAULT_LIMITS.reprLength)
}

/**
 * A value as Celery displays it in logs, events and `inspect`: Python's literals with three levels of containers, quotes
 * escaped and nothing else. With `limit`, each token is cut to what is left of that many characters, and once nothing is
 * left the open brackets are closed: the text may be a little longer. For people to read, not to parse. Never throws.
 * Source: celery/utils/saferepr.py, its rounding errors included (an opening bracket that no longer fits is left out,
 * its closing one is not), so that the same call looks the same whoever sends it.
 */
export function pythonRepr(value: unknown, limit?: number): string {
  const repr = new Repr(limit ?? Number.POSITIVE_INFINITY)
  repr.value(value)
  return repr.text
}

class Repr {
  text = ''
  #left: number
  #level = 0

  constructor(limit: number) {
    this.#left = limit
  }

  /** False when the budget was used up on the way; the caller then closes its bracket and goes home. */
  value(value: unknown): boolean {
    switch (typeof value) {
      case 'string':
        return this.#quoted(value)
      case 'number':
        return this.#token(pythonNumber(value))
      case 'bigint':
        return this.#token(String(value))
      case 'boolean':
        return this.#token(value ? 'True' : 'False')
      case 'undefined':
        return this.#token('None')
      case 'object':
        return value === null ? this.#token('None') : this.#object(value)
      default:
        return this.#token(`<${typeof value}>`)
    }
  }

  #object(value: object): boolean {
    try {
      if (value instanceof Uint8Array) return this.#bytes(value)
      if (value instanceof Tuple) return this.#sequence('(', value.items.length === 1 ? ',)' : ')', value.items)
      if (Array.isArray(value)) return this.#sequence('[', ']', value)
      if (value instanceof Set) return value.size === 0 ? this.#token('set()') : this.#sequence('{', '}', [...value])
      if (value instanceof Map) return this.#dict([...value])
      return this.#instance(value)
    } catch {
      return this.#token('<unprintable>')
    }
  }

  #instance(value: object): boolean {
    const text = reprOfInstance(value)
    if (text !== undefined) return this.#token(text)
    if (value instanceof ExactTagged) return this.value(fromExact(value))
    const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
    if (typeof toJSON !== 'function' && isPlainObject(value)) return this.#dict(Object.entries(value))
    const shown: unknown = typeof toJSON === 'function' ? toJSON.call(value, '') : value
    if (typeof shown !== 'object' || shown === null) return this.value(shown)
    if (Array.isArray(shown)) return this.#sequence('[', ']', shown)
    return isPlainObject(shown) ? this.#dict(Object.entries(shown)) : this.#token(`<${shown.constructor.name}>`)
  }

  #sequence(open: string, close: string, items: readonly unknown[]): boolean {
    if (this.#level >= MAX_LEVELS) return this.#token(`${open}...${close}`)
    let fits = this.#opened(open)
    for (let i = 0; fits && i < items.length; i++) {
      fits = (i === 0 || this.#literal(', ')) && this.value(items[i])
    }
    return this.#closed(close, fits)
  }

  #dict(entries: readonly (readonly [unknown, unknown])[]): boolean {
    if (this.#level >= MAX_LEVELS) return this.#token('{...}')
    let fits = this.#opened('{')
    let separator = ''
    for (const [key, member] of entries) {
      if (!fits) break
      if (member === undefined) continue
      fits =
        (separator === '' || this.#literal(separator)) && this.#key(key) && this.#literal(': ') && this.value(member)
      separator = ', '
    }
    return this.#closed('}', fits)
  }

  #key(key: unknown): boolean {
    if (this.#isSpent()) return false
    const text = pythonRepr(key, this.#left)
    this.text += text
    this.#left -= lengthOf(text)
    return true
  }

  #opened(bracket: string): boolean {
    this.#level++
    return this.#literal(bracket)
  }

  #closed(bracket: string, fits: boolean): boolean {
    this.#level--
    if (fits) return this.#literal(bracket)
    this.text += bracket
    return false
  }

  #literal(text: string): boolean {
    if (this.#isSpent()) return false
    this.text += text
    this.#left -= text.length
    return true
  }

  #token(text: string): boolean {
    return this.#literalOf(cut(text, this.#left))
  }

  #quoted(text: string): boolean {
    return this.#literalOf(`'${cut(text, this.#left).replaceAll("'", "\\'")}'`)
  }

  #bytes(bytes: Uint8Array): boolean {
    const fits = bytes.length <= this.#left
    const shown = fits ? bytes : bytes.subarray(0, Math.max(0, this.#left))
    const buffer = asBuffer(shown)
    return this.#literalOf(`b'${buffer.toString(isUtf8(shown) ? 'utf8' : 'hex')}${fits ? '' : '...'}'`)
  }

  #literalOf(text: string): boolean {
    if (this.#isSpent()) return false
    this.text += text
    this.#left -= lengthOf(text)
    return true
  }

  #isSpent(): boolean {
    if (this.#left > 0) return false
    this.text += ', ...'
    return true
  }
}

/** Python counts code points. */
function lengthOf(text: string): number {
  let pairs = 0
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) pairs++
  }
  return text.length - pairs
}

/** As many characters as are left, back to the last space among them, marked. */
function cut(text: string, left: number): string {
  if (text.length < left) return text
  const start = text.slice(0, 2 * Math.max(0, left))
  if (lengthOf(start) < left) return text
  const head = [...start].slice(0, Math.max(0, left)).join('')
  const space = head.lastIndexOf(' ')
  return `${space < 0 ? head : head.slice(0, space)}...`
}

function reprOfInstance(value: object): string | undefined {
  if (value instanceof Date) return reprOfDate(value)
  if (value instanceof NaiveDateTime) return reprOfDateTime(readDateTime(value.text), '')
  if (value instanceof PlainDate) return reprOfDay(readDate(value.text))
  if (value instanceof PlainTime) return reprOfTime(readTime(value.text))
  if (value instanceof Decimal) return `Decimal('${value.text}')`
  if (value instanceof Uuid) return `UUID('${value.text}')`
  if (value instanceof TimeDelta) return reprOfDelta(value)
  if (value instanceof ExactNumber)
    return /[.eINa]/i.test(value.text) ? pythonNumber(Number(value.text), true) : value.text
  return undefined
}

function reprOfDate(date: Date): string {
  const at = readDateTime(date.toISOString())
  return reprOfDateTime(at, ', tzinfo=datetime.timezone.utc') ?? '<invalid date>'
}

function reprOfDateTime(at: (IsoDate & IsoTime) | undefined, zone: string): string | undefined {
  if (at === undefined) return undefined
  const { year, month, day, hour, minute } = at
  return `datetime.datetime(${year}, ${month}, ${day}, ${hour}, ${minute}${finerParts(at)}${zone})`
}

function reprOfDay(date: IsoDate | undefined): string | undefined {
  return date && `datetime.date(${date.year}, ${date.month}, ${date.day})`
}

function reprOfTime(time: IsoTime | undefined): string | undefined {
  if (time === undefined) return undefined
  const zone = time.offset === undefined ? '' : `, tzinfo=${reprOfZone(time.offset)}`
  return `datetime.time(${time.hour}, ${time.minute}${finerParts(time)}${zone})`
}

function finerParts({ second, microsecond }: IsoTime): string {
  if (microsecond !== 0) return `, ${second}, ${microsecond}`
  return second === 0 ? '' : `, ${second}`
}

function reprOfZone(offset: number): string {
  if (offset === 0) return 'datetime.timezone.utc'
  const days = offset < 0 ? -1 : 0
  return `datetime.timezone(${reprOfDelta({ days, seconds: offset - days * 86_400, microseconds: 0 })})`
}

function reprOfDelta({ days, seconds, microseconds }: Pick<TimeDelta, 'days' | 'seconds' | 'microseconds'>): string {
  const parts = Object.entries({ days, seconds, microseconds }).filter(([, amount]) => amount !== 0)
  return `datetime.timedelta(${parts.length === 0 ? '0' : parts.map(([unit, amount]) => `${unit}=${amount}`).join(', ')})`
}
