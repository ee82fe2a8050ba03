import { bzip2Crc } from './crc.js'
import { OutputBuffer } from './output-buffer.js'
import type { Stepwise } from './turn.js'

/*
 * A reader of bzip2, because Python peers may send it and Node has none; the packages there are allocate a block's worth
 * of memory for each of a message's blocks, however small. One stream, whole: anything else is a `RangeError`.
 *
 * A block: symbols in use, Huffman tables, their selectors; then symbols that are run lengths or positions in a
 * move-to-front list; that is the last column of the sorted rotations of the text (Burrows and Wheeler), which itself is
 * run-length coded.
 */

const BLOCK = 0x314159265359
const END = 0x177245385090
const BLOCK_UNIT = 100_000
const GROUP = 50
const MAX_CODE = 20
const RUN_A = 0
const RUN_B = 1

/**
 * Stops behind each block. Throws `ProtocolError` (too-large) beyond the limit, `RangeError` for anything that is not one
 * whole stream.
 */
export function* bunzip2(bytes: Uint8Array, limit: number): Stepwise<Uint8Array> {
  const output = new OutputBuffer(limit)
  const bits = new Bits(bytes)
  if (bits.take(24) !== 0x425a68) throw new RangeError('it has no bzip2 header')
  const level = bits.take(8) - 0x30
  if (level < 1 || level > 9) throw new RangeError('its block size is none')
  const column = new Uint32Array(Math.min(level * BLOCK_UNIT, limit + BLOCK_UNIT))
  let streamCrc = 0
  for (;;) {
    const magic = bits.take(24) * 2 ** 24 + bits.take(24)
    if (magic === END) break
    if (magic !== BLOCK) throw new RangeError('a block begins with something else')
    const before = bits.position + output.length
    streamCrc = ((streamCrc << 1) | (streamCrc >>> 31)) ^ readBlock(bits, column, output)
    yield bits.position + output.length - before
  }
  if (bits.take32() !== streamCrc >>> 0) throw new RangeError('its checksum is wrong')
  if (!bits.isAtEnd()) throw new RangeError('something follows it')
  return output.written()
}

/** Most significant bit first. */
class Bits {
  readonly #bytes: Uint8Array
  #at = 0
  #held = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** At most 24. */
  take(count: number): number {
    while (this.#count < count) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('it ends too early')
      this.#held = (this.#held << 8) | byte
      this.#count += 8
    }
    this.#count -= count
    const value = (this.#held >>> this.#count) & ((1 << count) - 1)
    this.#held &= (1 << this.#count) - 1
    return value
  }

  take32(): number {
    return this.take(16) * 2 ** 16 + this.take(16)
  }

  get position(): number {
    return this.#at
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }
}

function readBlock(bits: Bits, column: Uint32Array, output: OutputBuffer): number {
  const crc = bits.take32()
  if (bits.take(1) === 1) throw new RangeError('it is of a kind that was given up in 1998')
  const origin = bits.take(24)
  const length = readColumn(bits, column)
  if (origin >= length) throw new RangeError('a block begins outside itself')
  sortBack(column, length)
  if (writeText(column, length, origin, output) !== crc) throw new RangeError('the checksum of a block is wrong')
  return crc
}

/** The last column, one byte in each element. */
function readColumn(bits: Bits, column: Uint32Array): number {
  const inUse = readSymbols(bits)
  const tableCount = bits.take(3)
  const selectorCount = bits.take(15)
  if (inUse.length === 0 || tableCount < 2 || tableCount > 6 || selectorCount < 1)
    throw new RangeError('a block is empty')
  const selectors = readSelectors(bits, tableCount, selectorCount)
  const end = inUse.length + 1
  const tables = Array.from({ length: tableCount }, () => new CodeTable(readLengths(bits, end + 1)))
  let length = 0
  let run = 0
  let weight = 1
  for (let group = 0; ; group++) {
    const table = tables[selectors[group] ?? -1]
    if (table === undefined) throw new RangeError('a block has too many symbols')
    for (let i = 0; i < GROUP; i++) {
      const symbol = table.read(bits)
      if (symbol === RUN_A || symbol === RUN_B) {
        run += weight << symbol
        weight <<= 1
        if (run > column.length) throw new RangeError('a block is longer than it may be')
        continue
      }
      if (length + run >= column.length + (symbol === end ? 1 : 0))
        throw new RangeError('a block is longer than it may be')
      column.fill(inUse[0] as number, length, length + run)
      length += run
      run = 0
      weight = 1
      if (symbol === end) return length
      column[length++] = moveToFront(inUse, symbol - 1)
    }
  }
}

function readSymbols(bits: Bits): Uint8Array {
  const rows = bits.take(16)
  const symbols: number[] = []
  for (let row = 0; row < 16; row++) {
    if (((rows >> (15 - row)) & 1) === 0) continue
    const marks = bits.take(16)
    for (let i = 0; i < 16; i++) if (((marks >> (15 - i)) & 1) === 1) symbols.push(row * 16 + i)
  }
  return Uint8Array.from(symbols)
}

function readSelectors(bits: Bits, tableCount: number, count: number): Uint8Array {
  const order = Uint8Array.from({ length: tableCount }, (_, i) => i)
  return Uint8Array.from({ length: count }, () => {
    let position = 0
    while (bits.take(1) === 1) if (++position >= tableCount) throw new RangeError('a selector is none')
    return moveToFront(order, position)
  })
}

function moveToFront(list: Uint8Array, position: number): number {
  const value = list[position]
  if (value === undefined) throw new RangeError('a symbol is none')
  list.copyWithin(1, 0, position)
  list[0] = value
  return value
}

function readLengths(bits: Bits, count: number): Uint8Array {
  let length = bits.take(5)
  return Uint8Array.from({ length: count }, () => {
    for (;;) {
      if (length < 1 || length > MAX_CODE) throw new RangeError('a code is too long')
      if (bits.take(1) === 0) return length
      length += bits.take(1) === 0 ? 1 : -1
    }
  })
}

/** A canonical Huffman code: codes of one length follow each other, in the order of their symbols. */
class CodeTable {
  readonly #symbols: Uint16Array
  /** By length: how many codes there are. */
  readonly #counts = new Uint16Array(MAX_CODE + 1)

  constructor(lengths: Uint8Array) {
    for (const length of lengths) (this.#counts[length] as number)++
    const next = new Uint16Array(MAX_CODE + 2)
    for (let length = 1; length <= MAX_CODE; length++) {
      next[length + 1] = (next[length] as number) + (this.#counts[length] as number)
    }
    this.#symbols = new Uint16Array(lengths.length)
    lengths.forEach((length, symbol) => {
      this.#symbols[(next[length] as number)++] = symbol
    })
  }

  read(bits: Bits): number {
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= MAX_CODE; length++) {
      code |= bits.take(1)
      const count = this.#counts[length] as number
      if (code - first < count) return this.#symbols[index + code - first] as number
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw new RangeError('a code is none')
  }
}

/** Puts above each byte the place of the row that follows it in the text. */
function sortBack(column: Uint32Array, length: number): void {
  const starts = new Uint32Array(257)
  for (let i = 0; i < length; i++) (starts[(column[i] as number) + 1] as number)++
  for (let byte = 0; byte < 256; byte++) (starts[byte + 1] as number) += starts[byte] as number
  for (let i = 0; i < length; i++) {
    const byte = (column[i] as number) & 0xff
    const at = (starts[byte] as number)++
    column[at] = (column[at] as number) | (i << 8)
  }
}

/** Four equal bytes are followed by a count of further ones. Returns the checksum. */
function writeText(column: Uint32Array, length: number, origin: number, output: OutputBuffer): number {
  let crc = -1
  let same = 0
  let previous = -1
  let at = (column[origin] as number) >>> 8
  for (let i = 0; i < length; i++) {
    const entry = column[at] as number
    const byte = entry & 0xff
    at = entry >>> 8
    const repeats = same === 4 ? byte : 1
    const value = same === 4 ? previous : byte
    output.reserve(repeats)
    output.bytes.fill(value, output.length, output.length + repeats)
    output.length += repeats
    for (let n = 0; n < repeats; n++) crc = bzip2Crc(crc, value)
    same = same === 4 ? 0 : byte === previous ? same + 1 : 1
    previous = value
  }
  return ~crc >>> 0
}
