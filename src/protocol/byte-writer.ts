const FIRST_SIZE = 256

/** Bytes one after another, in a buffer that grows. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE)
  #at = 0

  /** What was written so far, not copied: the writer is done then. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  byte(value: number): this {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
    return this
  }

  bytes(content: Uint8Array): this {
    this.#reserve(content.byteLength)
    this.#bytes.set(content, this.#at)
    this.#at += content.byteLength
    return this
  }

  uint16(value: number): this {
    this.#reserve(2)
    this.#at = this.#bytes.writeUInt16BE(value, this.#at)
    return this
  }

  uint32(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeUInt32BE(value, this.#at)
    return this
  }

  uint64(value: bigint): this {
    this.#reserve(8)
    this.#at = this.#bytes.writeBigUInt64BE(value, this.#at)
    return this
  }

  uint32LE(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeUInt32LE(value, this.#at)
    return this
  }

  uint64LE(value: bigint): this {
    this.#reserve(8)
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at)
    return this
  }

  double(value: number): this {
    this.#reserve(8)
    this.#at = this.#bytes.writeDoubleBE(value, this.#at)
    return this
  }

  #reserve(size: number): void {
    const needed = this.#at + size
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
