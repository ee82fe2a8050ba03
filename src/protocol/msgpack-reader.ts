import { isUtf8 } from 'node:buffer'
import { asBuffer } from '../lib/as-buffer.js'
import { ProtocolError } from './errors.js'
import type { Limits } from './limits.js'

/** Reads one value. Counts are checked against the limits before anything is made of them: a few bytes can promise billions. */
export class MsgpackReader {
  readonly #bytes: Buffer
  readonly #limits: Limits
  #left: number
  #depth = 0
  #at = 0

  constructor(bytes: Uint8Array, limits: Limits) {
    this.#bytes = asBuffer(bytes)
    this.#limits = limits
    this.#left = limits.values
  }

  read(): unknown {
    const value = this.#value()
    if (this.#at !== this.#bytes.length) throw this.#broken('something follows the value')
    return value
  }

  #value(): unknown {
    if (--this.#left < 0) throw this.#tooMany()
    const head = this.#uint(1)
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f)
    if (head < 0xa0) return this.#array(head & 0x0f)
    if (head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    return this.#long(head)
  }

  #long(head: number): unknown {
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return Buffer.from(this.#take(this.#uint(1 << (head - 0xc4))))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (head - 0xc7)))
      case 0xca:
        return this.#take(4).readFloatBE()
      case 0xcb:
        return this.#take(8).readDoubleBE()
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (head - 0xcc))
      case 0xcf:
        return narrowed(this.#take(8).readBigUInt64BE())
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#take(1 << (head - 0xd0)).readIntBE(0, 1 << (head - 0xd0))
      case 0xd3:
        return narrowed(this.#take(8).readBigInt64BE())
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (head - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(head === 0xdc ? 2 : 4))
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(head === 0xde ? 2 : 4))
      default:
        throw this.#broken(`0x${head.toString(16)} begins nothing`)
    }
  }

  #array(count: number): unknown[] {
    this.#enter(count)
    const array: unknown[] = []
    for (let i = 0; i < count; i++) array.push(this.#value())
    this.#depth--
    return array
  }

  #map(count: number): Record<string, unknown> {
    this.#enter(count * 2)
    const map: Record<string, unknown> = {}
    for (let i = 0; i < count; i++) {
      const key = this.#key()
      const value = this.#value()
      if (key !== '__proto__') map[key] = value
      else Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true })
    }
    this.#depth--
    return map
  }

  #key(): string {
    const key = this.#value()
    if (typeof key === 'string') return key
    if (typeof key === 'object' && key !== null) throw this.#broken('a key of a map is no plain value')
    return String(key)
  }

  /** Each value takes a byte at least, so no count can be honest that is larger than what is left. */
  #enter(values: number): void {
    if (values > this.#bytes.length - this.#at) throw this.#broken('it ends too early')
    if (values > this.#left) throw this.#tooMany()
    if (++this.#depth > this.#limits.depth) {
      throw new ProtocolError('malformed', `the body is nested deeper than ${this.#limits.depth} levels`)
    }
  }

  #text(size: number): string {
    const bytes = this.#take(size)
    if (!isUtf8(bytes)) throw this.#broken('a text is not UTF-8')
    return bytes.toString('utf8')
  }

  #extension(size: number): Date {
    const type = this.#take(1).readInt8()
    const data = this.#take(size)
    const date = type === -1 ? timestamp(data) : undefined
    if (date === undefined) throw this.#broken(`an extension of type ${type} and ${size} bytes is unknown`)
    return date
  }

  #uint(width: number): number {
    return this.#take(width).readUIntBE(0, width)
  }

  #take(size: number): Buffer {
    const from = this.#at
    this.#at += size
    if (this.#at > this.#bytes.length) throw this.#broken('it ends too early')
    return this.#bytes.subarray(from, this.#at)
  }

  #tooMany(): ProtocolError {
    return new ProtocolError('too-large', `the body holds more than ${this.#limits.values} values`)
  }

  #broken(what: string): ProtocolError {
    return new ProtocolError('undecodable', `the body is not msgpack: ${what} (byte ${this.#at})`)
  }
}

function timestamp(data: Buffer): Date | undefined {
  const [seconds, nanoseconds] = parts(data)
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6))
  return nanoseconds < 1e9 && Number.isFinite(date.getTime()) ? date : undefined
}

function parts(data: Buffer): readonly [seconds: number, nanoseconds: number] {
  switch (data.length) {
    case 4:
      return [data.readUInt32BE(0), 0]
    case 8: {
      const both = data.readBigUInt64BE(0)
      return [Number(both & (2n ** 34n - 1n)), Number(both >> 34n)]
    }
    case 12:
      return [Number(data.readBigInt64BE(4)), data.readUInt32BE(0)]
    default:
      return [Number.NaN, 0]
  }
}

function narrowed(value: bigint): number | bigint {
  const small = Number(value)
  return Number.isSafeInteger(small) ? small : value
}
