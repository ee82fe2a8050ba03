import { ProtocolError } from './errors.js'

/** What a decompressor has produced so far: it grows, never beyond the limit (L02), and can be looked back into. */
export class OutputBuffer {
  readonly #limit: number
  bytes: Buffer = Buffer.allocUnsafe(4096)
  length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Makes room for that many more bytes, to be written at `length`. Throws `ProtocolError` (too-large). */
  reserve(size: number): void {
    const needed = this.length + size
    if (needed > this.#limit) throw new ProtocolError('too-large', `the body unpacks to more than ${this.#limit} bytes`)
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(needed, this.bytes.length * 2)))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  append(chunk: Uint8Array): void {
    this.reserve(chunk.length)
    this.bytes.set(chunk, this.length)
    this.length += chunk.length
  }

  written(): Buffer {
    return this.bytes.subarray(0, this.length)
  }
}
