import { ProtocolError } from './errors.js'
import { untag } from './json-tags.js'
import { MAX_INTEGER_DIGITS } from './limits.js'
import { ExactNumber, ExactTagged } from './values.js'

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const SPACE = /[ \t\n\r]*/y
/** Of a string, what stands for itself: all but the quote, the backslash and the controls up to U+001F. */
const PLAIN = /[ !#-[\]-\uffff]*/y

/** A double's shortest digits never need more characters than this: a longer token says more than a double can. */
const DOUBLE_TEXT = 24

/** A container that has begun and not ended. */
interface Open {
  readonly container: unknown[] | Record<string, unknown>
  readonly end: ']' | '}'
  /** Where the value goes that is read next; of no meaning in an array. */
  key: string
  /** It has a member besides the two of a tagged value. */
  hasOthers: boolean
}

/** In the place of a value: a container has begun, and its first value follows. */
const BEGUN: unique symbol = Symbol('begun')

/** A value costs about as much time as so many characters of text that is only looked at. */
const CHARACTERS_PER_VALUE = 64

/**
 * Kombu's JSON dialect in full: `NaN` and `Infinity`, integers of any size, tagged objects. The slower of two ways (see
 * json.ts), taken when the text holds any of these, and to say where a text stops being JSON. It can stop between any two
 * values and go on later, so that a large text need not be read in one go. The caller has bounded depth and values.
 */
export class JsonReader {
  readonly #text: string
  readonly #exact: boolean
  readonly #open: Open[] = []
  #at = 0
  #value: unknown

  constructor(text: string, exact: boolean) {
    this.#text = text
    this.#exact = exact
  }

  /** The whole text as one value. Throws `ProtocolError`. */
  read(): unknown {
    while (!this.advance(Number.POSITIVE_INFINITY));
    return this.value
  }

  /** What the text says; of use after `advance` has said so. */
  get value(): unknown {
    return this.#value
  }

  /** Reads about that many values, or as much text as costs the same. True: the text is read. Throws `ProtocolError`. */
  advance(values: number): boolean {
    for (let left = values; left > 0; ) {
      const from = this.#at
      if (this.#readNext()) return true
      left -= 1 + (this.#at - from) / CHARACTERS_PER_VALUE
    }
    return false
  }

  /** One value, and the ends of all containers that end behind it. True: it was the last. */
  #readNext(): boolean {
    let value = this.#next()
    if (value === BEGUN) return false
    for (;;) {
      const open = this.#open.at(-1)
      if (open === undefined) return this.#finish(value)
      if (open.end === ']') (open.container as unknown[]).push(value)
      else put(open.container as Record<string, unknown>, open.key, value)
      if (this.#taken(',')) {
        if (open.end === '}') this.#readKey(open)
        return false
      }
      if (!this.#taken(open.end)) throw this.#unexpected()
      this.#open.pop()
      value = open.end === ']' || open.hasOthers ? open.container : this.#revived(open.container)
    }
  }

  #finish(value: unknown): true {
    this.#space()
    if (this.#at < this.#text.length) throw this.#unexpected()
    this.#value = value
    return true
  }

  #next(): unknown {
    this.#space()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#begin({}, '}')
      case '[':
        return this.#begin([], ']')
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

  /** The container itself when it ends at once. */
  #begin(container: Open['container'], end: Open['end']): unknown {
    this.#at++
    if (this.#taken(end)) return container
    const open: Open = { container, end, key: '', hasOthers: false }
    this.#open.push(open)
    if (end === '}') this.#readKey(open)
    return BEGUN
  }

  #readKey(open: Open): void {
    this.#space()
    if (this.#text[this.#at] !== '"') throw this.#unexpected()
    open.key = this.#string()
    if (open.key !== '__type__' && open.key !== '__value__') open.hasOthers = true
    if (!this.#taken(':')) throw this.#unexpected()
  }

  #revived(container: Open['container']): unknown {
    const object = container as Record<string, unknown> // only objects have a '}' at their end
    if (!Object.hasOwn(object, '__type__') || !Object.hasOwn(object, '__value__')) return object
    const [type, value] = [object['__type__'], object['__value__']]
    return this.#exact ? new ExactTagged(type, value) : (untag(type, value) ?? object)
  }

  #string(): string {
    const text = this.#text
    const start = this.#at
    let escaped = false
    for (let at = start + 1; ; at += 2) {
      PLAIN.lastIndex = at
      PLAIN.test(text)
      at = PLAIN.lastIndex
      const unit = text.charCodeAt(at)
      if (unit === 0x22) {
        this.#at = at + 1
        return escaped ? this.#unescaped(start) : text.slice(start + 1, at)
      }
      if (unit !== 0x5c) {
        this.#at = at
        throw this.#unexpected()
      }
      escaped = true
    }
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
