import { DefaultDeserializer, DefaultSerializer } from 'node:v8'
import { asBuffer } from '../lib/as-buffer.js'
import { EncodeError } from '../protocol/errors.js'
import { cloning } from './cloning.js'
import { PoolError } from './errors.js'
import { isJsonExact } from './json-exact.js'

/*
 * How messages travel between processes: a letter, the number of bytes that follow in eight hexadecimal digits, and these
 * bytes. `j`: JSON, for what it keeps exactly, which is nearly everything. `v`: the structured clone that V8 writes; both ends are the same
 * program, so no version is told. JSON takes a third of the time: a clone's buffer is memory of its own each time, and its collection costs
 * more than its making (bench row `prefork-handover`).
 */

/** L21, fixed: bytes of one message between parent and child. Checked before anything is allocated for it. */
export const MAX_FRAME_BYTES: number = 128 * 1024 * 1024

const HEADER_BYTES = 9

/**
 * A message as bytes, or as text for UTF-8. Throws `EncodeError` for values that cannot leave their process, or are beyond
 * L21.
 */
export function toFrame(message: unknown): string | Uint8Array {
  return isJsonExact(message) ? textFrame(message) : cloneFrame(message)
}

function textFrame(message: unknown): string {
  const text = cloning(() => JSON.stringify(message))
  const size = Buffer.byteLength(text)
  if (size > MAX_FRAME_BYTES) throw tooLarge(size)
  return `j${hex(size)}${text}`
}

function cloneFrame(message: unknown): Uint8Array {
  const serializer = new DefaultSerializer()
  serializer.writeRawBytes(Buffer.alloc(HEADER_BYTES))
  serializer.writeHeader()
  cloning(() => serializer.writeValue(message))
  const frame = serializer.releaseBuffer()
  const size = frame.length - HEADER_BYTES
  if (size > MAX_FRAME_BYTES) throw tooLarge(size)
  frame.write(`v${hex(size)}`, 'latin1')
  return frame
}

function hex(size: number): string {
  return size.toString(16).padStart(8, '0')
}

function tooLarge(size: number): EncodeError {
  const problem = `it takes ${size} bytes; at most ${MAX_FRAME_BYTES} go between a worker and its children`
  return new EncodeError('', problem, { code: 'LVG_ENCODE_TOO_LARGE' })
}

/** Makes messages of bytes that come in pieces of any size. Never reads, never waits. */
export class FrameReader {
  /** Bytes of a header or frame that has not come to its end. */
  #held: Buffer = Buffer.alloc(0)
  #filled = 0

  /**
   * Hands over the messages that are complete by now. Throws `PoolError` `LVG_POOL_FRAME`; then nothing that follows can be
   * read either.
   */
  push(bytes: Uint8Array, take: (message: unknown) => void): void {
    let rest = asBuffer(bytes)
    while (rest.length > 0) {
      if (this.#filled === 0 && rest.length >= HEADER_BYTES) {
        const end = HEADER_BYTES + sizeOf(rest)
        if (rest.length >= end) {
          take(messageOf(rest.subarray(0, end)))
          rest = rest.subarray(end)
          continue
        }
      }
      rest = this.#hold(rest)
      const whole = this.#whole()
      if (whole !== undefined) take(messageOf(whole))
    }
  }

  /** Takes what belongs to the frame that has begun; what is left belongs to the next. */
  #hold(bytes: Buffer): Buffer {
    if (this.#filled === 0) this.#held = Buffer.alloc(HEADER_BYTES)
    if (this.#filled < HEADER_BYTES) {
      const header = bytes.copy(this.#held, this.#filled, 0, HEADER_BYTES - this.#filled)
      this.#filled += header
      if (this.#filled < HEADER_BYTES) return bytes.subarray(header)
      const whole = Buffer.allocUnsafeSlow(HEADER_BYTES + sizeOf(this.#held))
      this.#held.copy(whole)
      this.#held = whole
      return this.#hold(bytes.subarray(header))
    }
    const copied = bytes.copy(this.#held, this.#filled)
    this.#filled += copied
    return bytes.subarray(copied)
  }

  #whole(): Buffer | undefined {
    if (this.#filled < HEADER_BYTES || this.#filled < this.#held.length) return undefined
    this.#filled = 0
    return this.#held
  }
}

function sizeOf(header: Buffer): number {
  const digits = header.toString('latin1', 1, HEADER_BYTES)
  const size = /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined
  if (size === undefined) throw new PoolError('LVG_POOL_FRAME', 'Something that is no frame came.')
  if (size <= MAX_FRAME_BYTES) return size
  throw new PoolError('LVG_POOL_FRAME', `A frame of ${size} bytes was announced; at most ${MAX_FRAME_BYTES} are read.`)
}

const JSON_LETTER = 'j'.charCodeAt(0)

function messageOf(frame: Buffer): unknown {
  try {
    if (frame[0] === JSON_LETTER) return JSON.parse(frame.toString('utf8', HEADER_BYTES))
    const deserializer = new DefaultDeserializer(frame.subarray(HEADER_BYTES))
    deserializer.readHeader()
    return deserializer.readValue()
  } catch (cause) {
    throw new PoolError('LVG_POOL_FRAME', `A frame of ${frame.length} bytes cannot be read.`, { cause })
  }
}
