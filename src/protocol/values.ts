import { ProtocolError } from './errors.js'
import { formatDate, formatTime, readDate, readDateTime, readTime } from './iso8601.js'

/*
 * Python's plain values that JavaScript has no type for. Each holds one canonical text, which is also what it turns into
 * where a text is wanted; two that mean the same are deeply equal. All are frozen by their `readonly` fields.
 *
 * What has a type of its own: datetime with zone ⇄ Date (milliseconds; finer parts are dropped), bytes ⇄ Uint8Array
 * (read as Buffer), int beyond 2^53 ⇄ bigint, float ⇄ number, str, bool, None ⇄ null, list and tuple → Array.
 */

/** A datetime without zone, `2024-02-29T12:34:56.789012`. Throws `ProtocolError` when the text is not one, as do the others here. */
export class NaiveDateTime {
  readonly text: string

  constructor(text: string) {
    const at = readDateTime(text)
    if (at === undefined || at.offset !== undefined) throw unreadable('datetime without zone', text)
    this.text = `${formatDate(at)}T${formatTime(at)}`
  }

  /** Its instant when the text is taken as UTC. */
  toDate(): Date {
    return new Date(`${this.text}Z`)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** A calendar day, `2024-02-29`. */
export class PlainDate {
  readonly text: string

  constructor(text: string) {
    const date = readDate(text)
    if (date === undefined) throw unreadable('date', text)
    this.text = formatDate(date)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** A time of day, `12:34:56.789012`, with or without offset. */
export class PlainTime {
  readonly text: string

  constructor(text: string) {
    const time = readTime(text)
    if (time === undefined) throw unreadable('time', text)
    this.text = formatTime(time)
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** A decimal number of any precision, as Python's `decimal.Decimal` prints it: `1.10`, `1E+3`, `NaN`. The digits are kept as given. */
export class Decimal {
  readonly text: string

  constructor(text: string) {
    if (!/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,18})?$|^[+-]?(?:inf(?:inity)?|s?nan\d*)$/i.test(text)) {
      throw unreadable('decimal number', text)
    }
    this.text = text
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** A UUID as a value of its own (task ids are plain strings): `12345678-1234-5678-1234-567812345678`. Dashes may be missing on input. */
export class Uuid {
  readonly text: string

  constructor(text: string) {
    const hex = text.length > 64 ? '' : text.replaceAll('-', '').toLowerCase()
    if (!/^[0-9a-f]{32}$/.test(hex)) throw unreadable('UUID', text)
    this.text = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  get hex(): string {
    return this.text.replaceAll('-', '')
  }

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** Python's `timedelta` (days may be negative, the others never are). Only pickle carries it; JSON refuses it, as Celery's does. */
export class TimeDelta {
  readonly days: number
  readonly seconds: number
  readonly microseconds: number

  constructor(days: number, seconds = 0, microseconds = 0) {
    const fits =
      Number.isInteger(days) && Math.abs(days) < 1e9 && Number.isInteger(seconds) && Number.isInteger(microseconds)
    if (!fits || seconds < 0 || seconds >= 86_400 || microseconds < 0 || microseconds >= 1e6) {
      throw unreadable('timedelta', `${days}, ${seconds}, ${microseconds}`)
    }
    this.days = days
    this.seconds = seconds
    this.microseconds = microseconds
  }
}

/** A Python tuple where the difference to a list counts: pickles and reprs. Everywhere else it is its items. */
export class Tuple {
  readonly items: readonly unknown[]

  constructor(items: readonly unknown[]) {
    this.items = items
  }

  toJSON(): readonly unknown[] {
    return this.items
  }
}

/**
 * A JSON number kept digit for digit, so that what is only passed on stays what it was for Python: `1.0` a float, `1e400`
 * and `NaN` themselves. Made by `parseJson(text, {exact: true})`.
 */
export class ExactNumber {
  readonly text: string

  constructor(text: string) {
    if (!/^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity)$/.test(text))
      throw unreadable('JSON number', text)
    this.text = text
  }

  valueOf(): number {
    return Number(this.text)
  }

  toString(): string {
    return this.text
  }

  toJSON(): number {
    return Number(this.text)
  }
}

/** A `{__type__, __value__}` object kept as it came. Made by `parseJson(text, {exact: true})`; user data cannot forge one. */
export class ExactTagged {
  readonly type: unknown
  readonly value: unknown

  constructor(type: unknown, value: unknown) {
    this.type = type
    this.value = value
  }
}

function unreadable(what: string, text: string): ProtocolError {
  return new ProtocolError('malformed', `${JSON.stringify(text.slice(0, 64))} is not a ${what}`)
}
