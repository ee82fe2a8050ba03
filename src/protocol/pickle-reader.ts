import { asBuffer } from '../lib/as-buffer.js'
import { ProtocolError } from './errors.js'
import { type Limits, MAX_INTEGER_DIGITS } from './limits.js'
import { PendingUuid, PickleGlobal, type PickleMakers, PickleZone, uuidOfState } from './pickle-globals.js'
import { OP } from './pickle-opcodes.js'
import { pythonRepr } from './python-repr.js'
import { decodeSurrogateUtf8 } from './surrogate-utf8.js'
import { checkValueBounds } from './value-bounds.js'
import { Tuple } from './values.js'

/** Bytes of the largest integer that is read: 4,300 decimal digits. */
const MAX_LONG_BYTES: number = Math.ceil((MAX_INTEGER_DIGITS * Math.log2(10)) / 8) + 1

export interface PickleReaderOptions {
  readonly tuples: boolean
  readonly limits: Limits
  readonly makerOf: PickleMakers | undefined
}

/**
 * The stack machine of a pickle, without the opcodes that could do more than build data: no persistent ids, no
 * extension registry, no instances, no out-of-band buffers. Each opcode costs time linear in the bytes it reads.
 */
export class PickleReader {
  readonly #bytes: Buffer
  readonly #tuples: boolean
  readonly #limits: Limits
  readonly #makerOf: PickleMakers | undefined
  readonly #stack: unknown[] = []
  readonly #marks: number[] = []
  readonly #memo = new Map<number, unknown>()
  /** Tuples with a piece of machinery in them. */
  readonly #argumentsOnly = new Set<unknown>()
  #at = 0
  #converted = 0

  constructor(bytes: Uint8Array, options: PickleReaderOptions) {
    this.#bytes = asBuffer(bytes)
    this.#tuples = options.tuples
    this.#limits = options.limits
    this.#makerOf = options.makerOf
  }

  read(): unknown {
    for (;;) {
      const op = this.#byte()
      if (op === OP.STOP) break
      this.#step(op)
    }
    const value = this.#popData()
    if (this.#stack.length > 0 || this.#at !== this.#bytes.length) throw this.#broken('something is left over')
    checkValueBounds(value, this.#limits)
    return value
  }

  #step(op: number): void {
    switch (op) {
      case OP.PROTO:
        if (this.#byte() > 5) throw new ProtocolError('undecodable', 'the pickle has a protocol newer than 5')
        return
      case OP.FRAME:
        this.#skip(8)
        return
      case OP.MARK:
        this.#marks.push(this.#stack.length)
        return
      case OP.POP:
        this.#pop()
        return
      case OP.POP_MARK:
        this.#popMark()
        return
      case OP.DUP:
        this.#push(this.#top())
        return
      case OP.NONE:
        this.#push(null)
        return
      case OP.NEWTRUE:
        this.#push(true)
        return
      case OP.NEWFALSE:
        this.#push(false)
        return
      case OP.BININT:
        this.#push(this.#take(4).readInt32LE())
        return
      case OP.BININT1:
        this.#push(this.#byte())
        return
      case OP.BININT2:
        this.#push(this.#take(2).readUInt16LE())
        return
      case OP.LONG1:
        this.#push(this.#long(this.#byte()))
        return
      case OP.LONG4:
        this.#push(this.#long(this.#size(4)))
        return
      case OP.INT:
      case OP.LONG:
        this.#push(this.#intLine())
        return
      case OP.BINFLOAT:
        this.#push(this.#take(8).readDoubleBE())
        return
      case OP.FLOAT:
        this.#push(this.#floatLine())
        return
      case OP.SHORT_BINUNICODE:
        this.#push(this.#text(this.#byte()))
        return
      case OP.BINUNICODE:
        this.#push(this.#text(this.#size(4)))
        return
      case OP.BINUNICODE8:
        this.#push(this.#text(this.#size(8)))
        return
      case OP.UNICODE:
        this.#push(this.#unicodeLine())
        return
      case OP.SHORT_BINSTRING:
        this.#push(this.#take(this.#byte()).toString('latin1'))
        return
      case OP.BINSTRING:
        this.#push(this.#take(this.#size(4)).toString('latin1'))
        return
      case OP.SHORT_BINBYTES:
        this.#push(this.#copy(this.#byte()))
        return
      case OP.BINBYTES:
        this.#push(this.#copy(this.#size(4)))
        return
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        this.#push(this.#copy(this.#size(8)))
        return
      case OP.EMPTY_LIST:
        this.#push([])
        return
      case OP.LIST:
        this.#push(this.#popMark().map(item => this.#data(item)))
        return
      case OP.APPEND:
        this.#append([this.#popData()])
        return
      case OP.APPENDS:
        this.#append(this.#popMark())
        return
      case OP.EMPTY_TUPLE:
        this.#push(this.#tuple([]))
        return
      case OP.TUPLE1:
        this.#push(this.#tuple(this.#popMany(1)))
        return
      case OP.TUPLE2:
        this.#push(this.#tuple(this.#popMany(2)))
        return
      case OP.TUPLE3:
        this.#push(this.#tuple(this.#popMany(3)))
        return
      case OP.TUPLE:
        this.#push(this.#tuple(this.#popMark()))
        return
      case OP.EMPTY_DICT:
        this.#push({})
        return
      case OP.DICT:
        this.#dict()
        return
      case OP.SETITEM:
        this.#setItems(this.#popMany(2))
        return
      case OP.SETITEMS:
        this.#setItems(this.#popMark())
        return
      case OP.EMPTY_SET:
        this.#push(new Set())
        return
      case OP.ADDITEMS:
        this.#addItems(this.#popMark())
        return
      case OP.FROZENSET:
        this.#push(new Set(this.#popMark().map(item => this.#data(item))))
        return
      case OP.GLOBAL:
        this.#push(new PickleGlobal(this.#line(), this.#line(), this.#makerOf))
        return
      case OP.STACK_GLOBAL:
        this.#stackGlobal()
        return
      case OP.REDUCE:
      case OP.NEWOBJ:
        this.#reduce()
        return
      case OP.BUILD:
        this.#build()
        return
      case OP.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#top())
        return
      case OP.PUT:
        this.#memo.set(this.#indexLine(), this.#top())
        return
      case OP.BINPUT:
        this.#memo.set(this.#byte(), this.#top())
        return
      case OP.LONG_BINPUT:
        this.#memo.set(this.#size(4), this.#top())
        return
      case OP.GET:
        this.#recall(this.#indexLine())
        return
      case OP.BINGET:
        this.#recall(this.#byte())
        return
      case OP.LONG_BINGET:
        this.#recall(this.#size(4))
        return
      default:
        throw new ProtocolError(
          'undecodable',
          `only pickles of plain data are read: opcode 0x${op.toString(16).padStart(2, '0')} at byte ${this.#at - 1}`,
        )
    }
  }

  #push(value: unknown): void {
    this.#stack.push(value)
  }

  #top(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#broken('the stack is empty')
    return this.#stack.at(-1)
  }

  #pop(): unknown {
    const value = this.#top()
    this.#stack.pop()
    return value
  }

  #popData(): unknown {
    return this.#data(this.#pop())
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length - (this.#marks.at(-1) ?? 0) < count) throw this.#broken('the stack is empty')
    return this.#stack.splice(-count)
  }

  #popMark(): unknown[] {
    const mark = this.#marks.pop()
    if (mark === undefined) throw this.#broken('there is no mark')
    return this.#stack.splice(mark)
  }

  #recall(index: number): void {
    if (!this.#memo.has(index)) throw this.#broken(`nothing was memorised as ${index}`)
    this.#push(this.#memo.get(index))
  }

  /** What may stand inside data: not the machine's own pieces, which exist on the stack and in arguments only. */
  #data(value: unknown): unknown {
    if (value instanceof PendingUuid && value.value !== undefined) return value.value
    if (this.#isMachinery(value)) {
      throw new ProtocolError(
        'undecodable',
        'only pickles of plain data are read: it holds a class or a zone as a value',
      )
    }
    return value
  }

  #isMachinery(value: unknown): boolean {
    if (value instanceof PickleGlobal || value instanceof PickleZone || value instanceof PendingUuid) return true
    return this.#argumentsOnly.size > 0 && this.#argumentsOnly.has(value)
  }

  /** Arguments of calls are tuples too, and may hold what data may not. */
  #tuple(items: unknown[]): unknown {
    const resolved = items.map(item => (item instanceof PendingUuid ? (item.value ?? item) : item))
    const tuple = this.#tuples ? new Tuple(resolved) : resolved
    if (resolved.some(item => this.#isMachinery(item))) this.#argumentsOnly.add(tuple)
    return tuple
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top()
    if (!Array.isArray(list)) throw this.#broken('something is appended to what is no list')
    for (const item of items) list.push(this.#data(item))
  }

  #addItems(items: readonly unknown[]): void {
    const set = this.#top()
    if (!(set instanceof Set)) throw this.#broken('something is added to what is no set')
    for (const item of items) set.add(this.#data(item))
  }

  #dict(): void {
    const items = this.#popMark()
    this.#push({})
    this.#setItems(items)
  }

  #setItems(items: readonly unknown[]): void {
    const dict = this.#top()
    if (!isDict(dict) || items.length % 2 !== 0) throw this.#broken('a key is set in what is no dict')
    for (let i = 0; i < items.length; i += 2) {
      const value = this.#data(items[i + 1])
      const key = keyText(this.#data(items[i]))
      if (key !== '__proto__') dict[key] = value
      else Object.defineProperty(dict, key, { value, writable: true, enumerable: true, configurable: true })
    }
  }

  #stackGlobal(): void {
    const [module, name] = this.#popMany(2)
    if (typeof module !== 'string' || typeof name !== 'string') throw this.#broken('a class without a name')
    this.#push(new PickleGlobal(module, name, this.#makerOf))
  }

  #reduce(): void {
    const [callable, tuple] = this.#popMany(2)
    const args = tuple instanceof Tuple ? tuple.items : tuple
    if (!(callable instanceof PickleGlobal) || !Array.isArray(args))
      throw this.#broken('something is called that is no class')
    this.#charge(args)
    this.#push(callable.call(args))
  }

  /** A memorised text may be converted again and again by a few bytes each: their sum is bounded (L02). */
  #charge(args: readonly unknown[]): void {
    for (const arg of args) {
      if (typeof arg === 'string' || Array.isArray(arg)) this.#converted += arg.length
    }
    if (this.#converted > this.#limits.bodyBytes) throw new ProtocolError('too-large', 'the pickle unfolds to too much')
  }

  #build(): void {
    const state = this.#pop()
    const pending = this.#top()
    if (!(pending instanceof PendingUuid)) {
      throw new ProtocolError('undecodable', 'only pickles of plain data are read: an object gets a state')
    }
    pending.value = uuidOfState(state)
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw this.#broken('it ends too early')
    return byte
  }

  #skip(size: number): void {
    this.#at += size
    if (this.#at > this.#bytes.length) throw this.#broken('it ends too early')
  }

  /** A view of the next bytes. */
  #take(size: number): Buffer {
    const from = this.#at
    this.#skip(size)
    return this.#bytes.subarray(from, this.#at)
  }

  #copy(size: number): Buffer {
    return Buffer.from(this.#take(size))
  }

  #size(width: 4 | 8): number {
    const bytes = this.#take(width)
    return width === 4 ? bytes.readUInt32LE() : Number(bytes.readBigUInt64LE())
  }

  #text(size: number): string {
    const text = decodeSurrogateUtf8(this.#take(size))
    if (text === undefined) throw this.#broken('a text is not UTF-8')
    return text
  }

  #long(size: number): number | bigint {
    if (size > MAX_LONG_BYTES) throw this.#tooLong()
    if (size === 0) return 0
    const hex = Buffer.from(this.#take(size)).reverse().toString('hex')
    return narrowed(BigInt.asIntN(size * 8, BigInt(`0x${hex}`)))
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw this.#broken('a line does not end')
    const line = this.#bytes.toString('latin1', this.#at, end)
    this.#at = end + 1
    return line
  }

  #intLine(): number | bigint | boolean {
    const line = this.#line()
    if (line === '00' || line === '01') return line === '01'
    if (line.length > MAX_INTEGER_DIGITS + 2) throw this.#tooLong()
    const digits = /^([+-]?\d+)L?$/.exec(line)?.[1]
    if (digits === undefined) throw this.#broken('an integer is none')
    return narrowed(BigInt(digits.replace(/^\+/, '')))
  }

  #floatLine(): number {
    const line = this.#line()
    if (/^[+-]?(?:inf|nan)$/.test(line)) return Number(line.replace('inf', 'Infinity').replace('nan', 'NaN'))
    if (!/^[+-]?[\d.]+(?:e[+-]?\d+)?$/i.test(line)) throw this.#broken('a float is none')
    return Number(line)
  }

  #unicodeLine(): string {
    return this.#line().replace(/\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})/g, (_, short?: string, long?: string) => {
      const point = Number.parseInt(short ?? long ?? '', 16)
      if (point > 0x10ffff) throw this.#broken('a character beyond Unicode')
      return String.fromCodePoint(point)
    })
  }

  #indexLine(): number {
    const line = this.#line()
    if (!/^\d{1,10}$/.test(line)) throw this.#broken('a memo index is none')
    return Number(line)
  }

  #tooLong(): ProtocolError {
    return new ProtocolError('malformed', `an integer has more than ${MAX_INTEGER_DIGITS} digits`)
  }

  #broken(what: string): ProtocolError {
    return new ProtocolError('undecodable', `this is not a pickle: ${what} (byte ${this.#at})`)
  }
}

/** This reader makes dicts with `{}` and nothing else so. */
function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function narrowed(value: bigint): number | bigint {
  const small = Number(value)
  return Number.isSafeInteger(small) ? small : value
}

/** Characters of a key that is no plain value: a long tuple may be memorised and used as a key many times. */
const MAX_KEY = 1024

/** As json.dumps would write the key; what it refuses, as Python prints it. */
function keyText(key: unknown): string {
  switch (typeof key) {
    case 'string':
      return key
    case 'boolean':
    case 'bigint':
      return String(key)
    default:
      if (key === null) return 'null'
      return pythonRepr(Array.isArray(key) ? new Tuple(key) : key, MAX_KEY)
  }
}
