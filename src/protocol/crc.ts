/** CRC-32 as zip, gzip and xz count it (reflected, polynomial EDB88320). */
export function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (CRC32[(crc ^ (bytes[i] as number)) & 0xff] as number)
  return ~crc >>> 0
}

/** CRC-64 as xz counts it (reflected, polynomial C96C5795D7870F42). */
export function crc64(bytes: Uint8Array): bigint {
  let low = -1
  let high = -1
  for (let i = 0; i < bytes.length; i++) {
    const at = (low ^ (bytes[i] as number)) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[at] as number)
    high = (high >>> 8) ^ (CRC64_HIGH[at] as number)
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0)
}

/** One more byte of the CRC-32 of bzip2, which is not reflected (polynomial 04C11DB7). Starts at −1, ends inverted. */
export function bzip2Crc(crc: number, byte: number): number {
  return (crc << 8) ^ (BZIP2[((crc >>> 24) ^ byte) & 0xff] as number)
}

const CRC32: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

const BZIP2: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc
})

const CRC64: readonly bigint[] = Array.from({ length: 256 }, (_, byte) => {
  let crc = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n
  return crc
})

const CRC64_LOW: Int32Array = Int32Array.from(CRC64, crc => Number(BigInt.asIntN(32, crc)))
const CRC64_HIGH: Int32Array = Int32Array.from(CRC64, crc => Number(BigInt.asIntN(32, crc >> 32n)))
