import { ProtocolError } from './errors.js'

const MAGIC = 0xfd2fb528

/** Window that a reader has to support; larger ones are refused, because the reader would have to allocate them first (RFC 8878 §3.1.1.1.2). */
const MAX_WINDOW: number = 8 * 1024 * 1024

/**
 * Follows the block headers of the one zstd frame that the bytes must be: what a decompressor allocates by the frame's
 * own word is known to be bounded before it starts, and nothing follows the frame (M07, M08). Throws `ProtocolError`.
 */
export function checkZstdFrame(bytes: Buffer, limit: number): void {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== MAGIC) throw broken('it has no zstd header')
  const flags = bytes.readUInt8(4)
  const single = (flags & 0x20) !== 0
  const dictionary = [0, 1, 2, 4][flags & 3] as number
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][flags >> 6] as number
  let at = 5
  if (!single) checkWindow(bytes[at++] ?? 0)
  at += dictionary
  if (at + sizeBytes > bytes.length) throw broken('it ends too early')
  if (contentSize(bytes, at, sizeBytes) > limit)
    throw new ProtocolError('too-large', `the body unpacks to more than ${limit} bytes`)
  at = afterBlocks(bytes, at + sizeBytes) + ((flags & 4) === 0 ? 0 : 4)
  if (at !== bytes.length) throw broken(at > bytes.length ? 'it ends too early' : 'something follows the zstd frame')
}

function checkWindow(descriptor: number): void {
  const base = 2 ** (10 + (descriptor >> 3))
  const window = base + (base / 8) * (descriptor & 7)
  if (window > MAX_WINDOW) throw broken(`it needs a window of ${window} bytes; at most ${MAX_WINDOW} are given`)
}

function contentSize(bytes: Buffer, at: number, width: number): number {
  switch (width) {
    case 1:
      return bytes.readUInt8(at)
    case 2:
      return bytes.readUInt16LE(at) + 256
    case 4:
      return bytes.readUInt32LE(at)
    case 8:
      return Number(bytes.readBigUInt64LE(at))
    default:
      return 0
  }
}

function afterBlocks(bytes: Buffer, at: number): number {
  for (;;) {
    if (at + 3 > bytes.length) throw broken('it ends too early')
    const header = bytes.readUIntLE(at, 3)
    const isRun = ((header >> 1) & 3) === 1
    at += 3 + (isRun ? 1 : header >> 3)
    if ((header & 1) === 1) return at
  }
}

function broken(what: string): ProtocolError {
  return new ProtocolError('undecodable', `the body cannot be unpacked as zstd: ${what}`)
}
