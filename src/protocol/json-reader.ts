import { ProtocolError } from './errors.js'
import { untag } from './json-tags.js'
import { MAX_INTEGER_DIGITS } from './limits.js'
import { ExactNumber, ExactTagged } from './values.js'

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y

/** A double's shortest digits never need more characters than this: a longer token says more than a double can. */
const DOUBLE_TEXT = 24

/**
 * Kombu's JSON dialect in full: `NaN` and `Infinity`, integers of any size, tagged objects. The slower of two ways (see
 * json.ts), taken when the text holds any of these, and to say where a text stops being JSON. Recursive: the caller has
 * bounded the depth.
 */
export class JsonReader {
  readonly #text: string
  readonly #exact: boolean
  #at = 0

  constructor(text: string, exact: boolean) {
    this.#text = text
    this.#exact = exact
  }

  /** The whole text as one value. Throws `ProtocolError`. */
  read(): unknown {
    const value = this.#value()
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value
  }

  #value(): unknown {
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      case 'N':
        return this.#word('NaN', this.#special('NaN'))
      case 'I':
        return this.#word('Infinity', this.#special('Infinity'))
      default:
        return this.#text.startsWith('-I', this.#at)
          ? this.#word('-Infinity', this.#special('-Infinity'))
          : this.#number()
    }
  }

  #object(): unknown {
    const object: Record<string, unknown> = {}
    this.#at++
    if (this.#taken('}')) return object
    for (;;) {
      this.#space()
      if (this.#text[this.#at] !== '"') throw this.#unexpected()
      const key = this.#string()
      if (!this.#taken(':')) throw this.#unexpected()
      put(object, key, this.#value())
      if (this.#taken('}')) return this.#revived(object)
      if (!this.#taken(',')) throw this.#unexpected()
    }
  }

  #revived(object: Record<string, unknown>): unknown {
    if (!Object.hasOwn(object, '__type__') || !Object.hasOwn(object, '__value__')) return object
    if (Object.keys(object).length !== 2) return object
    const [type, value] = [object['__type__'], object['__value__']]
    return this.#exact ? new ExactTagged(type, value) : (untag(type, value) ?? object)
  }

  #array(): unknown[] {
    const array: unknown[] = []
    this.#at++
    if (this.#taken(']')) return array
    for (;;) {
      array.push(this.#value())
      if (this.#taken(']')) return array
      if (!this.#taken(',')) throw this.#unexpected()
    }
  }

  #string(): string {
    const text = this.#text
    const start = this.#at
    let escaped = false
    for (let at = start + 1; at < text.length; at++) {
      const unit = text.charCodeAt(at)
      if (unit === 0x22) {
        this.#at = at + 1
        return escaped ? this.#unescaped(start) : text.slice(start + 1, at)
      }
      if (unit === 0x5c) {
        escaped = true
        at++
      } else if (unit < 0x20) {
        this.#at = at
        throw this.#unexpected()
      }
    }
    this.#at = text.length
    throw this.#unexpected()
  }

  #unescaped(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string // the slice begins and ends with a quote
    } catch {
      throw new ProtocolError('undecodable', `the text is not JSON: wrong escape in the string at character ${start}`)
    }
  }

  #number(): number | bigint | ExactNumber {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) throw this.#unexpected()
    const token = match[0]
    this.#at += token.length
    const value = Number(token)
    const isFloat = match[1] !== undefined || match[2] !== undefined
    if (isFloat) return this.#exact && saysMore(token, value) ? new ExactNumber(token) : value
    if (Number.isSafeInteger(value)) return value
    if (token.length > MAX_INTEGER_DIGITS + (value < 0 ? 1 : 0)) {
      throw new ProtocolError('malformed', `an integer has more than ${MAX_INTEGER_DIGITS} digits`)
    }
    return BigInt(token)
  }

  #special(token: 'NaN' | 'Infinity' | '-Infinity'): number | ExactNumber {
    return this.#exact ? new ExactNumber(token) : Number(token)
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected()
    this.#at += word.length
    return value
  }

  #taken(mark: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== mark) return false
    this.#at++
    return true
  }

  #space(): void {
    if (this.#text.charCodeAt(this.#at) > 0x20) return
    SPACE.lastIndex = this.#at
    SPACE.exec(this.#text)
    this.#at = SPACE.lastIndex
  }

  #unexpected(): ProtocolError {
    const where = this.#at < this.#text.length ? `at character ${this.#at}` : 'because it ends too early'
    return new ProtocolError('undecodable', `the text is not JSON: it stops being so ${where}`)
  }
}

/** Whether a float's text tells Python something that printing its value would not. */
function saysMore(token: string, value: number): boolean {
  return Number.isInteger(value) || !Number.isFinite(value) || token.length > DOUBLE_TEXT
}

/** `object[key] = value` where `__proto__` is a key like any other (M14). */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value
  else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
}
