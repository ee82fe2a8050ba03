import { EncodeError } from '../protocol/errors.js'
import { DEFAULT_LIMITS } from '../protocol/limits.js'
import { isPlainObject } from '../protocol/plain-object.js'
import { ValuePath } from '../protocol/value-path.js'
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
} from '../protocol/values.js'
import { isJsonExact } from './json-exact.js'

/*
 * A structured clone forgets classes. What users may return, store or send on from a task is packed before it leaves the
 * child, so that it means the same in the parent: values of Lovage's own classes are marked, `toJSON` is asked where the
 * object still has it, and what no serializer takes (functions, instances of classes) is refused, as it is in the inline
 * pool when the result is stored.
 */

/** Marks what is not what it looks like. An object of the user's with this key is marked as well, so nobody can forge one. */
const MARK = '\u0000'

/** How a value of each class is made again; tuples and exact tags hold other values and are treated by themselves. */
const TEXTS: Readonly<Record<string, new (text: string) => { readonly text: string }>> = {
  NaiveDateTime,
  PlainDate,
  PlainTime,
  Decimal,
  Uuid,
  ExactNumber,
}

/** Types that a structured clone keeps; what is in them is left as it is. */
const KEPT: readonly (new (...args: never[]) => object)[] = [Date, Map, Set, ArrayBuffer, RegExp]

export interface Packed {
  readonly value: unknown
  /** There are marks in it: only then it is looked through where it arrives. */
  readonly marked: boolean
}

/** Throws `EncodeError` naming the place. */
export function packValue(value: unknown): Packed {
  return isJsonExact(value) ? { value, marked: false } : new Packer().pack(value)
}

class Packer {
  readonly #path = new ValuePath()
  #depth = 0
  #marks = false

  pack(value: unknown): Packed {
    try {
      return { value: this.#value(value), marked: this.#marks }
    } catch (cause) {
      if (cause instanceof EncodeError) throw cause
      const what = cause instanceof Error ? `${cause.name}: ${cause.message}`.slice(0, 256) : `a ${typeof cause}`
      throw new EncodeError(this.#path.toString(), `reading it threw ${what}`, { cause })
    }
  }

  #value(value: unknown): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') throw this.#refused(`a ${typeof value}`)
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value) || KEPT.some(type => value instanceof type)) return value
    const form = this.#marked(value)
    if (form !== undefined) return form
    if (this.#depth >= DEFAULT_LIMITS.depth) throw this.#refused('something nested too deep, or in itself,')
    this.#depth++
    const packed = this.#container(value)
    this.#depth--
    return packed
  }

  #marked(value: object): object | undefined {
    if (value instanceof TimeDelta) return this.#mark('TimeDelta', [value.days, value.seconds, value.microseconds])
    if (value instanceof Tuple) return this.#mark('Tuple', this.#value(value.items))
    if (value instanceof ExactTagged)
      return this.#mark('ExactTagged', [this.#value(value.type), this.#value(value.value)])
    for (const [name, type] of Object.entries(TEXTS))
      if (value instanceof type) return this.#mark(name, (value as { text: string }).text)
    return undefined
  }

  #container(value: object): unknown {
    if (Array.isArray(value)) return this.#array(value)
    const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
    if (typeof toJSON === 'function') return this.#value(toJSON.call(value, this.#path.key))
    if (!isPlainObject(value)) throw this.#refused('an instance of a class')
    return this.#record(value)
  }

  /** Copied only from where something in it changes. */
  #array(array: readonly unknown[]): readonly unknown[] {
    let copy: unknown[] | undefined
    for (let i = 0; i < array.length; i++) {
      this.#path.push(i)
      const packed = this.#value(array[i])
      this.#path.pop()
      if (copy === undefined && packed !== array[i]) copy = array.slice(0, i)
      copy?.push(packed)
    }
    return copy ?? array
  }

  #record(record: object): object {
    const entries = Object.entries(record)
    for (const entry of entries) {
      this.#path.push(entry[0])
      const packed = this.#value(entry[1])
      this.#path.pop()
      entry[1] = packed
    }
    // Also where nothing changed: what the getters of the original would say a second time is not what was looked at.
    const copy = recordOf(entries)
    return MARK in copy && Object.hasOwn(copy, MARK) ? this.#mark('Object', entries) : copy
  }

  #mark(type: string, content: unknown): object {
    this.#marks = true
    return { [MARK]: type, content }
  }

  #refused(what: string): EncodeError {
    return new EncodeError(this.#path.toString(), `${what} cannot leave the process that made it; use plain data`)
  }
}

/** What `packValue` was given, as far as it can be had outside its process. Changes what it is given. */
export function unpackValue({ value, marked }: Packed): unknown {
  return marked ? unpacked(value) : value
}

function unpacked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return unpackArray(value)
  if (!isPlainObject(value)) return value
  const record = value as Readonly<Record<string, unknown>>
  if (Object.hasOwn(record, MARK)) return unmark(String(record[MARK]), record['content'])
  return unpackRecord(record)
}

/** In place: nobody else has seen what was just read. */
function unpackArray(array: unknown[]): unknown[] {
  for (let i = 0; i < array.length; i++) array[i] = unpacked(array[i])
  return array
}

function unpackRecord(record: Readonly<Record<string, unknown>>): object {
  for (const key of Object.keys(record)) {
    const member = record[key]
    const made = unpacked(member)
    if (made !== member) define(record, key, made)
  }
  return record
}

function unmark(type: string, content: unknown): unknown {
  const text = TEXTS[type]
  if (text !== undefined) return new text(String(content))
  // Written by `marked` above: each type with its own content.
  const items = content as unknown[]
  switch (type) {
    case 'TimeDelta':
      return new TimeDelta(...(items as [number, number, number]))
    case 'Tuple':
      return new Tuple(unpackArray(items))
    case 'ExactTagged':
      return new ExactTagged(unpacked(items[0]), unpacked(items[1]))
    default:
      return recordOf((items as [string, unknown][]).map(([key, member]) => [key, unpacked(member)]))
  }
}

function recordOf(entries: readonly (readonly [string, unknown])[]): object {
  const record = {}
  for (const [key, member] of entries) define(record, key, member)
  return record
}

/** Also under names such as `__proto__`. */
function define(record: object, key: string, value: unknown): void {
  Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true })
}
