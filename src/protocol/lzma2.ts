import { asBuffer } from '../lib/as-buffer.js'
import type { OutputBuffer } from './output-buffer.js'
import type { Stepwise } from './turn.js'

/*
 * A reader of LZMA2, the method inside .xz: chunks, each stored or LZMA-coded, that say before they begin how many bytes
 * they give. Written here because no package reads .xz synchronously, on Node 20, without a compiler, and with a bound.
 * Format: the LZMA specification of the 7-Zip project, and the .xz file format 1.2. Damaged input is a `RangeError`.
 */

/** Reads chunks from `at` to the end mark, stopping behind each; returns the position behind it. */
export function* readLzma2(
  bytes: Uint8Array,
  at: number,
  dictionarySize: number,
  output: OutputBuffer,
): Stepwise<number> {
  const decoder = new LzmaDecoder(output, dictionarySize)
  const from = at
  let resets = 0
  for (;;) {
    const before = at + output.length
    const control = byteAt(bytes, at)
    if (control === 0) return at + 1
    // A reset costs as much as a kilobyte of input; writers have one in 64.
    if (control >= 0xa0 && ++resets > 16 + (at - from) / 1024) throw new RangeError('it is reset too often')
    if (control >= 0x80) at = readPacked(bytes, at, control, decoder)
    else if (control <= 2) at = readStored(bytes, at, control, decoder)
    else throw new RangeError('a chunk is of no kind')
    yield at + output.length - before
  }
}

function readStored(bytes: Uint8Array, at: number, control: number, decoder: LzmaDecoder): number {
  const size = uint16(bytes, at + 1) + 1
  if (at + 3 + size > bytes.length) throw tooShort()
  if (control === 1) decoder.resetDictionary()
  decoder.store(bytes.subarray(at + 3, at + 3 + size))
  return at + 3 + size
}

function readPacked(bytes: Uint8Array, at: number, control: number, decoder: LzmaDecoder): number {
  const unpacked = ((control & 0x1f) << 16) + uint16(bytes, at + 1) + 1
  const packed = uint16(bytes, at + 3) + 1
  const reset = (control >> 5) & 3
  if (reset === 3) decoder.resetDictionary()
  if (reset >= 2) decoder.setProperties(byteAt(bytes, at + 5))
  else if (reset === 1) decoder.resetState()
  const from = at + (reset >= 2 ? 6 : 5)
  if (from + packed > bytes.length) throw tooShort()
  decoder.decode(bytes.subarray(from, from + packed), unpacked)
  return from + packed
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw tooShort()
  return byte
}

function uint16(bytes: Uint8Array, at: number): number {
  return (byteAt(bytes, at) << 8) | byteAt(bytes, at + 1)
}

function tooShort(): RangeError {
  return new RangeError('it ends too early')
}

const HALF = 1024
const STATES = 12
const POSITION_STATES = 16
const LENGTH_STATES = 4
const ALIGN_BITS = 4
const FIRST_LITERAL_STATE = 7

/** Probabilities of one range-coded length. */
class LengthCoder {
  readonly choice: Uint16Array = new Uint16Array(2)
  readonly low: Uint16Array = new Uint16Array(POSITION_STATES << 3)
  readonly middle: Uint16Array = new Uint16Array(POSITION_STATES << 3)
  readonly high: Uint16Array = new Uint16Array(256)

  reset(): void {
    for (const table of [this.choice, this.low, this.middle, this.high]) table.fill(HALF)
  }
}

class LzmaDecoder {
  readonly #output: OutputBuffer
  readonly #dictionarySize: number
  /** Where in the output the dictionary begins; undefined before the first reset. */
  #start: number | undefined
  #literalBits = -1
  #literalMask = 0
  #positionMask = 0
  #needsState = true
  #state = 0
  #rep0 = 0
  #rep1 = 0
  #rep2 = 0
  #rep3 = 0
  readonly #isMatch = new Uint16Array(STATES * POSITION_STATES)
  readonly #isRep = new Uint16Array(STATES)
  readonly #isRep0 = new Uint16Array(STATES)
  readonly #isRep1 = new Uint16Array(STATES)
  readonly #isRep2 = new Uint16Array(STATES)
  readonly #isRep0Long = new Uint16Array(STATES * POSITION_STATES)
  readonly #slots = new Uint16Array(LENGTH_STATES << 6)
  readonly #special = new Uint16Array(128)
  readonly #align = new Uint16Array(1 << ALIGN_BITS)
  readonly #matchLength = new LengthCoder()
  readonly #repLength = new LengthCoder()
  #literals = new Uint16Array(0)
  #input: Uint8Array = new Uint8Array(0)
  #at = 0
  #range = 0
  #code = 0

  constructor(output: OutputBuffer, dictionarySize: number) {
    this.#output = output
    this.#dictionarySize = dictionarySize
  }

  resetDictionary(): void {
    this.#start = this.#output.length
    this.#needsState = true
  }

  setProperties(byte: number): void {
    const literalBits = byte % 9
    const rest = Math.floor(byte / 9)
    const [literalPosition, positionBits] = [rest % 5, Math.floor(rest / 5)]
    if (positionBits > 4 || literalBits + literalPosition > 4) throw new RangeError('its properties are none')
    this.#literalBits = literalBits
    this.#literalMask = (1 << literalPosition) - 1
    this.#positionMask = (1 << positionBits) - 1
    this.#literals = new Uint16Array(0x300 << (literalBits + literalPosition))
    this.resetState()
  }

  resetState(): void {
    if (this.#literalBits < 0) throw new RangeError('it has no properties')
    this.#needsState = false
    this.#state = 0
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0
    for (const table of this.#tables()) table.fill(HALF)
    this.#matchLength.reset()
    this.#repLength.reset()
  }

  #tables(): readonly Uint16Array[] {
    const reps = [this.#isRep, this.#isRep0, this.#isRep1, this.#isRep2, this.#isRep0Long]
    return [this.#isMatch, ...reps, this.#slots, this.#special, this.#align, this.#literals]
  }

  store(chunk: Uint8Array): void {
    if (this.#start === undefined) throw new RangeError('it has no dictionary')
    this.#output.append(chunk)
  }

  decode(packed: Uint8Array, size: number): void {
    if (this.#start === undefined || this.#needsState) throw new RangeError('it has no dictionary or no state')
    this.#output.reserve(size)
    this.#input = packed
    this.#at = 5
    this.#range = 0xffffffff
    this.#code = asBuffer(packed).readUInt32BE(1)
    if (packed[0] !== 0) throw new RangeError('a chunk begins wrongly')
    const end = this.#output.length + size
    while (this.#output.length < end) this.#step(this.#start, end)
    this.#normalize()
    if (this.#code !== 0 || this.#at !== packed.length) throw new RangeError('a chunk ends wrongly')
  }

  #step(start: number, end: number): void {
    const position = (this.#output.length - start) & this.#positionMask
    const index = (this.#state << 4) + position
    if (this.#bit(this.#isMatch, index) === 0) {
      this.#literal(start)
      return
    }
    let length: number
    if (this.#bit(this.#isRep, this.#state) === 0) length = this.#match(position)
    else if (this.#isShortRep(index)) length = 1
    else length = this.#repMatch(position)
    this.#copy(length, start, end)
  }

  #literal(start: number): void {
    const { bytes, length } = this.#output
    const previous = length > start ? (bytes[length - 1] as number) : 0
    const context =
      (((length - start) & this.#literalMask) << this.#literalBits) + (previous >> (8 - this.#literalBits))
    const table = 0x300 * context
    let symbol = 1
    if (this.#state >= FIRST_LITERAL_STATE) {
      let match = this.#before(this.#rep0, start)
      do {
        const matchBit = (match >> 7) & 1
        match <<= 1
        const bit = this.#bit(this.#literals, table + ((1 + matchBit) << 8) + symbol)
        symbol = (symbol << 1) | bit
        if (bit !== matchBit) break
      } while (symbol < 0x100)
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(this.#literals, table + symbol)
    bytes[length] = symbol & 0xff
    this.#output.length++
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6
  }

  #before(distance: number, start: number): number {
    const at = this.#output.length - distance - 1
    if (at < start || distance >= this.#dictionarySize) throw new RangeError('it refers to what is not there')
    return this.#output.bytes[at] as number
  }

  #match(position: number): number {
    this.#rep3 = this.#rep2
    this.#rep2 = this.#rep1
    this.#rep1 = this.#rep0
    const length = this.#length(this.#matchLength, position)
    this.#state = this.#state < FIRST_LITERAL_STATE ? 7 : 10
    this.#rep0 = this.#distance(Math.min(length - 2, LENGTH_STATES - 1))
    return length
  }

  #isShortRep(index: number): boolean {
    if (this.#bit(this.#isRep0, this.#state) === 0) {
      if (this.#bit(this.#isRep0Long, index) === 1) return false
      this.#state = this.#state < FIRST_LITERAL_STATE ? 9 : 11
      return true
    }
    let distance = this.#rep1
    if (this.#bit(this.#isRep1, this.#state) === 1) {
      if (this.#bit(this.#isRep2, this.#state) === 0) distance = this.#rep2
      else {
        distance = this.#rep3
        this.#rep3 = this.#rep2
      }
      this.#rep2 = this.#rep1
    }
    this.#rep1 = this.#rep0
    this.#rep0 = distance
    return false
  }

  #repMatch(position: number): number {
    const length = this.#length(this.#repLength, position)
    this.#state = this.#state < FIRST_LITERAL_STATE ? 8 : 11
    return length
  }

  #length(coder: LengthCoder, position: number): number {
    if (this.#bit(coder.choice, 0) === 0) return 2 + this.#tree(coder.low, position << 3, 3)
    if (this.#bit(coder.choice, 1) === 0) return 10 + this.#tree(coder.middle, position << 3, 3)
    return 18 + this.#tree(coder.high, 0, 8)
  }

  #distance(lengthState: number): number {
    const slot = this.#tree(this.#slots, lengthState << 6, 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const base = (2 | (slot & 1)) << bits
    if (slot < 14) return base + this.#reverseTree(this.#special, base - slot, bits)
    const high = this.#direct(bits - ALIGN_BITS) * (1 << ALIGN_BITS)
    return (base >>> 0) + high + this.#reverseTree(this.#align, 0, ALIGN_BITS)
  }

  #copy(length: number, start: number, end: number): void {
    this.#before(this.#rep0, start)
    const output = this.#output
    if (output.length + length > end) throw new RangeError('a chunk is longer than it says')
    const { bytes } = output
    const distance = this.#rep0 + 1
    // One by one: source and target overlap when the distance is shorter than the length.
    for (let to = output.length; to < output.length + length; to++) bytes[to] = bytes[to - distance] as number
    output.length += length
  }

  #tree(table: Uint16Array, offset: number, bits: number): number {
    let symbol = 1
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(table, offset + symbol)
    return symbol - (1 << bits)
  }

  #reverseTree(table: Uint16Array, offset: number, bits: number): number {
    let symbol = 1
    let value = 0
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(table, offset + symbol)
      symbol = (symbol << 1) | bit
      value |= bit << i
    }
    return value
  }

  #direct(bits: number): number {
    let value = 0
    for (let i = 0; i < bits; i++) {
      this.#normalize()
      this.#range >>>= 1
      const bit = this.#code >= this.#range ? 1 : 0
      if (bit === 1) this.#code -= this.#range
      value = value * 2 + bit
    }
    return value
  }

  #bit(table: Uint16Array, index: number): number {
    this.#normalize()
    const probability = table[index] as number
    const bound = (this.#range >>> 11) * probability
    if (this.#code < bound) {
      this.#range = bound
      table[index] = probability + ((2048 - probability) >> 5)
      return 0
    }
    this.#range -= bound
    this.#code -= bound
    table[index] = probability - (probability >> 5)
    return 1
  }

  #normalize(): void {
    if (this.#range >= 0x1000000) return
    const byte = this.#input[this.#at++]
    if (byte === undefined) throw tooShort()
    this.#range = (this.#range << 8) >>> 0
    this.#code = ((this.#code << 8) | byte) >>> 0
  }
}
