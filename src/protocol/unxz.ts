import { createHash } from 'node:crypto'
import { asBuffer } from '../lib/as-buffer.js'
import { crc32, crc64 } from './crc.js'
import { readLzma2 } from './lzma2.js'
import { OutputBuffer } from './output-buffer.js'
import type { Stepwise } from './turn.js'

/*
 * A reader of .xz, as Python's `lzma.compress` writes it: one stream of blocks with the filter LZMA2 and nothing else.
 * Format: the .xz file format 1.2 (stream header, blocks, index, stream footer).
 */

const MAGIC: Buffer = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])
const FOOTER_MAGIC = 0x595a
const LZMA2 = 0x21
const HEADER_SIZE = 12

/** Bytes of the check behind each block, by its id: none, CRC-32, CRC-64, SHA-256. */
const CHECK_SIZES: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 4],
  [4, 8],
  [10, 32],
])

/**
 * Stops behind each chunk. Throws `ProtocolError` (too-large) beyond the limit, `RangeError` for anything that is not one
 * whole stream.
 */
export function unxz(bytes: Uint8Array, limit: number): Stepwise<Uint8Array> {
  return new XzReader(asBuffer(bytes), limit).read()
}

class XzReader {
  readonly #bytes: Buffer
  readonly #output: OutputBuffer
  #at = 0

  constructor(bytes: Buffer, limit: number) {
    this.#bytes = bytes
    this.#output = new OutputBuffer(limit)
  }

  *read(): Stepwise<Uint8Array> {
    const check = this.#header()
    const blocks: [unpadded: number, unpacked: number][] = []
    while (this.#byte(this.#at) !== 0) {
      if (blocks.length > 16 + this.#at / 4096) throw new RangeError('its blocks are too small')
      blocks.push(yield* this.#block(check))
    }
    this.#footer(this.#index(blocks), check)
    return this.#output.written()
  }

  #header(): number {
    const header = this.#take(HEADER_SIZE)
    const check = header.readUInt8(7)
    const fits = header.subarray(0, 6).equals(MAGIC) && header.readUInt8(6) === 0 && CHECK_SIZES.has(check)
    if (!fits || crc32(header.subarray(6, 8)) !== header.readUInt32LE(8)) throw new RangeError('it has no xz header')
    return check
  }

  *#block(check: number): Stepwise<[number, number]> {
    const start = this.#at
    const dictionarySize = this.#blockHeader()
    const from = this.#output.length
    this.#at = yield* readLzma2(this.#bytes, this.#at, dictionarySize, this.#output)
    const end = this.#at
    this.#padding(start)
    const sum = this.#take(CHECK_SIZES.get(check) ?? 0)
    const block = this.#output.bytes.subarray(from, this.#output.length)
    if (!checksum(check, block).equals(sum)) throw new RangeError('the checksum of a block is wrong')
    return [end - start + sum.length, block.length]
  }

  /** Returns the size of the dictionary. */
  #blockHeader(): number {
    const size = (this.#byte(this.#at) + 1) * 4
    const header = this.#take(size)
    if (crc32(header.subarray(0, size - 4)) !== header.readUInt32LE(size - 4))
      throw new RangeError('a block header is damaged')
    const after = this.#at
    this.#at = after - size + 2
    const flags = header.readUInt8(1)
    if ((flags & 0x40) !== 0) this.#number()
    if ((flags & 0x80) !== 0) this.#number()
    if ((flags & 0x3f) !== 0 || this.#number() !== LZMA2 || this.#number() !== 1)
      throw new RangeError('its filters are not read')
    const bits = this.#byte(this.#at)
    this.#at = after
    if (bits > 40) throw new RangeError('its dictionary is too large')
    return bits === 40 ? 0xffffffff : (2 | (bits & 1)) * 2 ** (Math.floor(bits / 2) + 11)
  }

  /** Returns the bytes it takes. */
  #index(blocks: readonly (readonly [number, number])[]): number {
    const start = this.#at++
    if (this.#number() !== blocks.length) throw new RangeError('its index counts other blocks')
    for (const [unpadded, unpacked] of blocks) {
      if (this.#number() !== unpadded || this.#number() !== unpacked)
        throw new RangeError('its index speaks of other blocks')
    }
    this.#padding(start)
    const index = this.#bytes.subarray(start, this.#at)
    if (crc32(index) !== this.#take(4).readUInt32LE()) throw new RangeError('its index is damaged')
    return this.#at - start
  }

  #footer(indexSize: number, check: number): void {
    const footer = this.#take(HEADER_SIZE)
    const fits =
      crc32(footer.subarray(4, 10)) === footer.readUInt32LE(0) &&
      (footer.readUInt32LE(4) + 1) * 4 === indexSize &&
      footer.readUInt16BE(8) === check &&
      footer.readUInt16BE(10) === FOOTER_MAGIC
    if (!fits) throw new RangeError('its footer is damaged')
    if (this.#at !== this.#bytes.length) throw new RangeError('something follows it')
  }

  /** Zeros up to a multiple of four bytes from `start`. */
  #padding(start: number): void {
    while ((this.#at - start) % 4 !== 0)
      if (this.#byte(this.#at++) !== 0) throw new RangeError('its padding is not empty')
  }

  /** Seven bits in each byte, least first, the high bit says that more follow. */
  #number(): number {
    let value = 0
    for (let i = 0; i < 7; i++) {
      const byte = this.#byte(this.#at++)
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw new RangeError('a number is too large')
  }

  #byte(at: number): number {
    const byte = this.#bytes[at]
    if (byte === undefined) throw new RangeError('it ends too early')
    return byte
  }

  #take(size: number): Buffer {
    const from = this.#at
    this.#at += size
    if (this.#at > this.#bytes.length) throw new RangeError('it ends too early')
    return this.#bytes.subarray(from, this.#at)
  }
}

function checksum(check: number, block: Buffer): Buffer {
  const sum = Buffer.alloc(CHECK_SIZES.get(check) ?? 0)
  if (check === 1) sum.writeUInt32LE(crc32(block))
  else if (check === 4) sum.writeBigUInt64LE(crc64(block))
  else if (check === 10) return createHash('sha256').update(block).digest()
  return sum
}
