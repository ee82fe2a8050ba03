import { ByteWriter } from './byte-writer.js'

/** Writes plain values (see plain-value.ts) in the shortest form of the format. */
export class MsgpackWriter {
  readonly #out = new ByteWriter()

  write(value: unknown): Uint8Array {
    this.#value(value)
    return this.#out.written()
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#text(value)
        return
      case 'number':
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(value)
        else this.#out.byte(0xcb).double(value)
        return
      case 'bigint':
        this.#big(value)
        return
      case 'boolean':
        this.#out.byte(value ? 0xc3 : 0xc2)
        return
      default:
        if (typeof value === 'object' && value !== null) this.#object(value)
        else this.#out.byte(0xc0)
    }
  }

  #object(value: object): void {
    if (Array.isArray(value)) this.#array(value)
    else if (value instanceof Uint8Array) this.#bytes(value)
    else if (value instanceof Date) this.#timestamp(value.getTime())
    else this.#map(Object.entries(value))
  }

  #array(items: readonly unknown[]): void {
    this.#count(items.length, 0x90, 0xdc)
    for (const item of items) this.#value(item)
  }

  #map(entries: readonly (readonly [string, unknown])[]): void {
    this.#count(entries.length, 0x80, 0xde)
    for (const [key, value] of entries) {
      this.#text(key)
      this.#value(value)
    }
  }

  #count(count: number, fixed: number, wide: number): void {
    if (count < 16) this.#out.byte(fixed | count)
    else if (count < 0x1_0000) this.#out.byte(wide).uint16(count)
    else this.#out.byte(wide + 1).uint32(count)
  }

  #text(text: string): void {
    const bytes = Buffer.from(text, 'utf8')
    if (bytes.length < 32) this.#out.byte(0xa0 | bytes.length).bytes(bytes)
    else this.#sized(0xd9, bytes)
  }

  #bytes(bytes: Uint8Array): void {
    this.#sized(0xc4, bytes)
  }

  #sized(narrow: number, bytes: Uint8Array): void {
    if (bytes.length < 0x100) this.#out.byte(narrow).byte(bytes.length)
    else if (bytes.length < 0x1_0000) this.#out.byte(narrow + 1).uint16(bytes.length)
    else this.#out.byte(narrow + 2).uint32(bytes.length)
    this.#out.bytes(bytes)
  }

  #integer(value: number): void {
    if (value >= -32 && value < 128) this.#out.byte(value & 0xff)
    else if (value < 0) this.#negative(value)
    else if (value < 0x100) this.#out.byte(0xcc).byte(value)
    else if (value < 0x1_0000) this.#out.byte(0xcd).uint16(value)
    else if (value < 0x1_0000_0000) this.#out.byte(0xce).uint32(value)
    else this.#big(BigInt(value))
  }

  #negative(value: number): void {
    if (value >= -0x80) this.#out.byte(0xd0).byte(value & 0xff)
    else if (value >= -0x8000) this.#out.byte(0xd1).uint16(value & 0xffff)
    else if (value >= -0x8000_0000) this.#out.byte(0xd2).uint32(value >>> 0)
    else this.#big(BigInt(value))
  }

  #big(value: bigint): void {
    this.#out.byte(value < 0n ? 0xd3 : 0xcf).uint64(BigInt.asUintN(64, value))
  }

  /** Extension −1: seconds in 32 bits, with nanoseconds in 64 while the seconds fit 34 of them, else in 96. */
  #timestamp(epochMs: number): void {
    const seconds = Math.floor(epochMs / 1000)
    const nanoseconds = Math.floor(epochMs - seconds * 1000) * 1_000_000
    if (nanoseconds === 0 && seconds >= 0 && seconds < 2 ** 32) {
      this.#out.byte(0xd6).byte(0xff).uint32(seconds)
    } else if (seconds >= 0 && seconds < 2 ** 34) {
      this.#out
        .byte(0xd7)
        .byte(0xff)
        .uint64((BigInt(nanoseconds) << 34n) | BigInt(seconds))
    } else {
      this.#out
        .byte(0xc7)
        .byte(12)
        .byte(0xff)
        .uint32(nanoseconds)
        .uint64(BigInt.asUintN(64, BigInt(seconds)))
    }
  }
}
