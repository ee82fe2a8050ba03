import { EncodeError } from './errors.js'
import { fromExact, isExact } from './json.js'
import { tagOf } from './json-tags.js'
import type { Limits } from './limits.js'
import { isPlainObject } from './plain-object.js'
import { ValuePath } from './value-path.js'

export interface PlainValueOptions {
  readonly limits: Limits
  readonly names: readonly string[] | undefined
  /** Which leaves the format has a form for, besides null and booleans; keys are asked for as well. */
  readonly isLeaf: (value: string | number | bigint | object) => boolean
  /** Name of the format, for errors. */
  readonly format: string
}

/**
 * A copy made of arrays, plain objects and leaves only, by the rules of JSON (see json.ts): `undefined` is null or left
 * out, `toJSON` is asked, anything else is refused. Throws `EncodeError` naming the place, whatever the value does.
 */
export function plainValue(value: unknown, options: PlainValueOptions): unknown {
  const copier = new PlainCopier(options)
  return copier.copy(value)
}

class PlainCopier {
  readonly #options: PlainValueOptions
  readonly #path: ValuePath
  #left: number
  #depth = 0

  constructor(options: PlainValueOptions) {
    this.#options = options
    this.#path = new ValuePath(options.names)
    this.#left = options.limits.values
  }

  copy(value: unknown): unknown {
    try {
      return this.#value(value)
    } catch (error) {
      if (error instanceof EncodeError) throw error
      throw new EncodeError(this.#path.toString(), 'reading it threw an error', { cause: error })
    }
  }

  #value(value: unknown): unknown {
    if (--this.#left < 0) throw this.#tooLarge()
    switch (typeof value) {
      case 'boolean':
        return value
      case 'string':
        if (this.#options.isLeaf(value)) return value
        throw this.#refused('half a surrogate pair')
      case 'number':
      case 'bigint':
        if (this.#options.isLeaf(value)) return value
        throw this.#refused(`the number ${String(value).slice(0, 32)}`)
      case 'undefined':
        return null
      case 'object':
        return value === null ? null : this.#object(value)
      default:
        throw this.#refused(`a ${typeof value}`)
    }
  }

  #object(value: object): unknown {
    if (this.#options.isLeaf(value)) return value
    if (isExact(value)) return this.#value(fromExact(value))
    if (this.#depth >= this.#options.limits.depth) throw this.#refused('something nested too deep, or in itself,')
    this.#depth++
    const copy = Array.isArray(value) ? this.#array(value) : this.#other(value)
    this.#depth--
    return copy
  }

  #other(value: object): unknown {
    // A date or decimal would turn into a plain string here, and stay one for ever: better to hear of it.
    if (tagOf(value) !== undefined) throw this.#refused(`a ${value.constructor.name}`)
    const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
    if (typeof toJSON === 'function') return this.#value(toJSON.call(value, this.#path.key))
    if (!isPlainObject(value)) throw this.#refused('an instance of a class')
    return this.#record(value)
  }

  #array(array: readonly unknown[]): unknown[] {
    if (array.length > this.#left) throw this.#tooLarge()
    return Array.from(array, (item, i) => this.#at(i, item))
  }

  #record(record: object): object {
    const copy: Record<string, unknown> = {}
    for (const key of Object.keys(record)) {
      this.#path.push(key)
      if (!this.#options.isLeaf(key)) throw this.#refused('half a surrogate pair')
      const member = (record as Readonly<Record<string, unknown>>)[key] // key is one of its own
      if (member !== undefined) {
        const value = this.#value(member)
        Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true })
      }
      this.#path.pop()
    }
    return copy
  }

  #at(step: number, value: unknown): unknown {
    this.#path.push(step)
    const copy = this.#value(value)
    this.#path.pop()
    return copy
  }

  #tooLarge(): EncodeError {
    const problem = `more than ${this.#options.limits.values} values do not go into one message`
    return new EncodeError(this.#path.toString(), problem, { code: 'LVG_ENCODE_TOO_LARGE' })
  }

  #refused(what: string): EncodeError {
    return new EncodeError(this.#path.toString(), `${what} has no form in ${this.#options.format}`)
  }
}
