import { ByteWriter } from './byte-writer.js'
import { EncodeError } from './errors.js'
import { fromExact, isExact } from './json.js'
import { type Limits, MAX_INTEGER_DIGITS } from './limits.js'
import { type PickleCall, pickleCallOf } from './pickle-globals.js'
import { OP } from './pickle-opcodes.js'
import { isPlainObject } from './plain-object.js'
import { encodeSurrogateUtf8 } from './surrogate-utf8.js'
import { ValuePath } from './value-path.js'
import { Tuple } from './values.js'

/** Writes one value as a pickle of protocol 4, without memo and frames (both are optional). */
export class PickleWriter {
  readonly #limits: Limits
  readonly #path = new ValuePath()
  #left: number
  #depth = 0
  readonly #out = new ByteWriter()

  constructor(limits: Limits) {
    this.#limits = limits
    this.#left = limits.values
  }

  write(value: unknown): Uint8Array {
    this.#op(OP.PROTO)
    this.#op(4)
    try {
      this.#value(value)
    } catch (error) {
      if (error instanceof EncodeError) throw error
      throw new EncodeError(this.#path.toString(), 'reading it threw an error', { cause: error })
    }
    this.#op(OP.STOP)
    return this.#out.written()
  }

  #value(value: unknown): void {
    if (--this.#left < 0) throw this.#tooLarge()
    switch (typeof value) {
      case 'string':
        this.#text(value)
        return
      case 'number':
        this.#number(value)
        return
      case 'bigint':
        this.#long(value)
        return
      case 'boolean':
        this.#op(value ? OP.NEWTRUE : OP.NEWFALSE)
        return
      case 'undefined':
        this.#op(OP.NONE)
        return
      case 'object':
        if (value === null) this.#op(OP.NONE)
        else this.#object(value)
        return
      default:
        throw this.#refused(`a ${typeof value} cannot be stored`)
    }
  }

  #object(value: object): void {
    if (value instanceof Uint8Array) {
      this.#sized(OP.SHORT_BINBYTES, OP.BINBYTES, OP.BINBYTES8, value)
      return
    }
    if (isExact(value)) {
      this.#value(fromExact(value))
      return
    }
    const call = pickleCallOf(value)
    if (call !== undefined) this.#call(call)
    else this.#nested(value)
  }

  #nested(value: object): void {
    if (this.#depth >= this.#limits.depth) {
      throw this.#refused(`it is nested deeper than ${this.#limits.depth} levels, or contains itself`)
    }
    this.#depth++
    if (Array.isArray(value)) this.#list(value)
    else if (value instanceof Tuple) this.#tuple(value.items)
    else if (value instanceof Set) this.#set(value)
    else if (value instanceof Map) this.#map(value)
    else this.#other(value)
    this.#depth--
  }

  #other(value: object): void {
    const toJSON: unknown = 'toJSON' in value ? value.toJSON : undefined
    if (typeof toJSON === 'function') this.#value(toJSON.call(value, this.#path.key))
    else if (isPlainObject(value)) this.#record(value)
    else throw this.#refused('an instance of a class cannot be stored; return plain data instead')
  }

  #list(items: readonly unknown[]): void {
    this.#op(OP.EMPTY_LIST)
    if (items.length === 0) return
    this.#op(OP.MARK)
    this.#items(items)
    this.#op(OP.APPENDS)
  }

  #tuple(items: readonly unknown[]): void {
    if (items.length > 3) this.#op(OP.MARK)
    this.#items(items)
    this.#op([OP.EMPTY_TUPLE, OP.TUPLE1, OP.TUPLE2, OP.TUPLE3][items.length] ?? OP.TUPLE)
  }

  #set(set: ReadonlySet<unknown>): void {
    this.#op(OP.EMPTY_SET)
    if (set.size === 0) return
    this.#op(OP.MARK)
    this.#items([...set])
    this.#op(OP.ADDITEMS)
  }

  #items(items: readonly unknown[]): void {
    if (items.length > this.#left) throw this.#tooLarge()
    for (let i = 0; i < items.length; i++) {
      this.#path.push(i)
      this.#value(items[i])
      this.#path.pop()
    }
  }

  #record(record: object): void {
    this.#op(OP.EMPTY_DICT)
    this.#op(OP.MARK)
    for (const key of Object.keys(record)) this.#member(key, (record as Readonly<Record<string, unknown>>)[key])
    this.#op(OP.SETITEMS)
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#op(OP.EMPTY_DICT)
    this.#op(OP.MARK)
    for (const [key, member] of map) this.#member(key, member)
    this.#op(OP.SETITEMS)
  }

  #member(key: unknown, member: unknown): void {
    if (member === undefined) return
    this.#path.push(typeof key === 'string' ? key : '(key)')
    this.#value(key)
    this.#value(member)
    this.#path.pop()
  }

  /** `module.name(*args)`, or `module.name.__new__()` with a state. */
  #call(call: PickleCall): void {
    this.#text(call.module)
    this.#text(call.name)
    this.#op(OP.STACK_GLOBAL)
    if (call.state !== undefined) {
      this.#op(OP.EMPTY_TUPLE)
      this.#op(OP.NEWOBJ)
      this.#record(call.state)
      this.#op(OP.BUILD)
      return
    }
    for (const arg of call.args) {
      if (isCall(arg)) this.#call(arg)
      else this.#value(arg)
    }
    this.#op([OP.EMPTY_TUPLE, OP.TUPLE1, OP.TUPLE2, OP.TUPLE3][call.args.length] ?? OP.TUPLE)
    this.#op(OP.REDUCE)
  }

  #text(text: string): void {
    this.#sized(OP.SHORT_BINUNICODE, OP.BINUNICODE, OP.BINUNICODE8, encodeSurrogateUtf8(text))
  }

  #sized(short: number, medium: number, long: number, content: Uint8Array): void {
    const size = content.byteLength
    if (size < 0x100) this.#out.byte(short).byte(size)
    else if (size < 2 ** 32) this.#out.byte(medium).uint32LE(size)
    else this.#out.byte(long).uint64LE(BigInt(size))
    this.#out.bytes(content)
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#out.byte(OP.BINFLOAT).double(value)
    } else if (value >= 0 && value < 0x100) {
      this.#out.byte(OP.BININT1).byte(value)
    } else if (value === (value | 0)) {
      this.#out.byte(OP.BININT).uint32LE(value >>> 0)
    } else this.#long(BigInt(value))
  }

  /** Two's complement, least byte first, as few bytes as hold the sign. */
  #long(value: bigint): void {
    const magnitude = (value < 0n ? -value - 1n : value).toString(16)
    if (String(value).length > MAX_INTEGER_DIGITS + 1)
      throw this.#refused(`an integer of more than ${MAX_INTEGER_DIGITS} digits`)
    const size = Math.floor((magnitude.length * 4) / 8) + 1
    const hex = BigInt.asUintN(size * 8, value)
      .toString(16)
      .padStart(size * 2, '0')
    if (size < 0x100) this.#out.byte(OP.LONG1).byte(size)
    else this.#out.byte(OP.LONG4).uint32LE(size)
    this.#out.bytes(Buffer.from(hex, 'hex').reverse())
  }

  #op(byte: number): void {
    this.#out.byte(byte)
  }

  #refused(problem: string): EncodeError {
    return new EncodeError(this.#path.toString(), problem)
  }

  #tooLarge(): EncodeError {
    const problem = `more than ${this.#limits.values} values do not go into one pickle`
    return new EncodeError(this.#path.toString(), problem, { code: 'LVG_ENCODE_TOO_LARGE' })
  }
}

function isCall(value: unknown): value is PickleCall {
  return typeof value === 'object' && value !== null && 'module' in value && 'args' in value
}
