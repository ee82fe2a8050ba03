import { EncodeError } from './errors.js'
import { type Tag, tagOf } from './json-tags.js'
import { type Limits, MAX_INTEGER_DIGITS } from './limits.js'
import { isPlainObject } from './plain-object.js'
import { RawList } from './raw-list.js'
import { ValuePath } from './value-path.js'
import { ExactNumber, ExactTagged, TimeDelta } from './values.js'

export interface JsonWriterOptions {
  readonly limits: Limits
  readonly plainTypes: boolean
  readonly names: readonly string[] | undefined
}

/**
 * Prints any value, or says which part of it cannot be printed. The slower of two ways (see json.ts, where the rules
 * stand), taken when a value is not plain data. Runs the value's own code (getters, `toJSON`, proxies); what that throws
 * becomes an `EncodeError`.
 */
export class JsonWriter {
  readonly #options: JsonWriterOptions
  readonly #path: ValuePath
  readonly #around: unknown[] = []
  #left: number
  #text = ''

  constructor(options: JsonWriterOptions) {
    this.#options = options
    this.#path = new ValuePath(options.names)
    this.#left = options.limits.values
  }

  print(value: unknown): string {
    try {
      this.#write(value)
    } catch (error) {
      if (error instanceof EncodeError) throw error
      throw new EncodeError(this.#path.toString(), `reading it threw ${nameOf(error)}`, { cause: error })
    }
    return this.#text
  }

  #write(value: unknown): void {
    if (--this.#left < 0) throw this.#tooLarge(`the value holds more than ${this.#options.limits.values} values`)
    switch (typeof value) {
      case 'string':
        this.#text += JSON.stringify(value)
        return
      case 'number':
        this.#text += this.#number(value)
        return
      case 'bigint':
        this.#text += this.#integer(value)
        return
      case 'boolean':
        this.#text += value ? 'true' : 'false'
        return
      case 'undefined':
        this.#text += 'null'
        return
      case 'object':
        if (value === null) this.#text += 'null'
        else this.#object(value)
        return
      default:
        throw this.#refused(`a ${typeof value} cannot be sent`)
    }
  }

  #object(value: object): void {
    if (value instanceof ExactNumber || value instanceof RawList) {
      this.#text += value.text
      return
    }
    const tag = value instanceof ExactTagged ? value : tagOf(value)
    if (tag === undefined) this.#container(resolved(value, this.#path.key))
    else if (this.#options.plainTypes && !(tag instanceof ExactTagged)) this.#text += this.#plainTag(tag)
    else this.#envelope(tag.type, tag.value)
  }

  #plainTag(tag: Tag): string {
    if (tag.plain === undefined) throw this.#refused('bytes cannot be sent to Kombu before 5.3 (plainTypes)')
    return JSON.stringify(tag.plain)
  }

  #envelope(type: unknown, value: unknown): void {
    this.#text += '{"__type__":'
    this.#write(type)
    this.#text += ',"__value__":'
    this.#write(value)
    this.#text += '}'
  }

  #container(value: unknown): void {
    if (typeof value !== 'object' || value === null || tagOf(value) !== undefined) {
      this.#write(value)
      return
    }
    if (this.#around.length >= this.#options.limits.depth) throw this.#tooDeep()
    this.#around.push(value)
    if (Array.isArray(value)) this.#array(value)
    else this.#record(value)
    this.#around.pop()
  }

  #array(array: readonly unknown[]): void {
    if (array.length > this.#left) throw this.#tooLarge(`the array holds ${array.length} values`)
    this.#text += '['
    for (let i = 0; i < array.length; i++) {
      if (i > 0) this.#text += ','
      this.#path.push(i)
      this.#write(array[i])
      this.#path.pop()
    }
    this.#text += ']'
  }

  #record(value: object): void {
    if (!isPlainObject(value)) throw this.#refused(`${classOf(value)} has no JSON form; send plain data instead`)
    const keys = Object.keys(value)
    if (keys.length === 2 && keys.includes('__type__') && keys.includes('__value__')) {
      throw this.#refused('an object with just the keys __type__ and __value__ would be read as something else')
    }
    let separator = '{'
    for (const key of keys) {
      this.#path.push(key)
      const member = (value as Readonly<Record<string, unknown>>)[key] // key is one of its own
      if (member !== undefined) {
        this.#text += `${separator}${JSON.stringify(key)}:`
        this.#write(member)
        separator = ','
      }
      this.#path.pop()
    }
    this.#text += separator === '{' ? '{}' : '}'
  }

  #number(value: number): string {
    if (!Number.isFinite(value)) throw this.#refused(`${value} has no JSON form`)
    if (value === 0) return Object.is(value, -0) ? '-0.0' : '0'
    // Beyond 2^53 a number stands for a range of integers: as a float it comes back as what it was, here and in Python.
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
  }

  #integer(value: bigint): string {
    const text = String(value)
    if (text.length <= MAX_INTEGER_DIGITS) return text
    throw this.#refused(`an integer of more than ${MAX_INTEGER_DIGITS} digits is refused by every reader`)
  }

  #refused(problem: string): EncodeError {
    return new EncodeError(this.#path.toString(), problem)
  }

  #tooLarge(problem: string): EncodeError {
    const limit = `at most ${this.#options.limits.values} values go into one message`
    return new EncodeError(this.#path.toString(), `${problem}; ${limit}`, { code: 'LVG_ENCODE_TOO_LARGE' })
  }

  #tooDeep(): EncodeError {
    const cyclic = new Set(this.#around).size < this.#around.length
    return new EncodeError(
      this.#path.toString(),
      cyclic ? 'the value contains itself' : `it is nested deeper than ${this.#options.limits.depth} levels`,
    )
  }
}

/** What `toJSON` makes of an object, asked once, as `JSON.stringify` does. */
function resolved(value: object, key: string): unknown {
  const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
  return typeof toJSON === 'function' ? toJSON.call(value, key) : value
}

function classOf(value: object): string {
  if (value instanceof TimeDelta) return 'a timedelta'
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? `an instance of ${name.slice(0, 64)}` : 'an object with a prototype'
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 256) : `a ${typeof error}`
}
