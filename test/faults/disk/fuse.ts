/*
 * The kernel's side of a file system in user space, as bytes: requests in, replies out (FUSE 7.31, little-endian). Only
 * what a flat folder of regular files needs. Source: include/uapi/linux/fuse.h.
 */

export const OPCODE = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  unlink: 10,
  rename: 12,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  access: 34,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  rename2: 45,
} as const

/** Errors of the system, as replies carry them. */
export const ERRNO = { ENOENT: 2, EIO: 5, ENOSPC: 28, EROFS: 30, ENOSYS: 38 } as const

export type Errno = keyof typeof ERRNO

export const ROOT = 1
export const LARGEST_WRITE: number = 128 * 1024
/** A read of the device must have room for the largest request. */
export const REQUEST_BYTES: number = LARGEST_WRITE + 4096

const REPLY_HEADER = 16
const MODE_FOLDER = 0o040_755
const MODE_FILE = 0o100_000
/** Nobody but the kernel changes anything, so it may believe what it knows for as long. */
const VALID_SECONDS = 3600n
const KEEP_CACHE = 2
const BIG_WRITES = 1 << 5
const MAX_PAGES = 1 << 22

export interface FuseRequest {
  readonly opcode: number
  readonly unique: bigint
  readonly node: number
  readonly body: Buffer
}

/** What the kernel is told of a file or of the folder. */
export interface NodeAttributes {
  readonly id: number
  readonly size: number
  /** Permission bits; undefined: the folder. */
  readonly mode: number | undefined
}

export function parseRequest(bytes: Buffer): FuseRequest {
  return {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: Number(bytes.readBigUInt64LE(16)),
    body: bytes.subarray(40),
  }
}

export function reply(unique: bigint, body: Buffer): Buffer {
  return Buffer.concat([header(unique, body.length, 0), body])
}

export function refusal(unique: bigint, errno: Errno): Buffer {
  return header(unique, 0, -ERRNO[errno])
}

export function initReply(): Buffer {
  const body = Buffer.alloc(64)
  body.writeUInt32LE(7, 0)
  body.writeUInt32LE(31, 4)
  body.writeUInt32LE(LARGEST_WRITE, 8)
  body.writeUInt32LE(BIG_WRITES | MAX_PAGES, 12)
  body.writeUInt16LE(16, 16)
  body.writeUInt16LE(12, 18)
  body.writeUInt32LE(LARGEST_WRITE, 20)
  body.writeUInt32LE(1, 24)
  body.writeUInt16LE(LARGEST_WRITE / 4096, 28)
  return body
}

export function entryReply(node: NodeAttributes): Buffer {
  const head = Buffer.alloc(40)
  head.writeBigUInt64LE(BigInt(node.id), 0)
  head.writeBigUInt64LE(VALID_SECONDS, 16)
  head.writeBigUInt64LE(VALID_SECONDS, 24)
  return Buffer.concat([head, attributes(node)])
}

export function attributesReply(node: NodeAttributes): Buffer {
  const head = Buffer.alloc(16)
  head.writeBigUInt64LE(VALID_SECONDS, 0)
  return Buffer.concat([head, attributes(node)])
}

export function openReply(): Buffer {
  const body = Buffer.alloc(16)
  body.writeUInt32LE(KEEP_CACHE, 8)
  return body
}

export function writeReply(size: number): Buffer {
  const body = Buffer.alloc(8)
  body.writeUInt32LE(size, 0)
  return body
}

/** Blocks of 4 KiB. */
export function statfsReply(free: number): Buffer {
  const body = Buffer.alloc(80)
  for (const [at, value] of [1 << 20, free, free, 1 << 16, 1 << 15].entries())
    body.writeBigUInt64LE(BigInt(value), at * 8)
  body.writeUInt32LE(4096, 40)
  body.writeUInt32LE(255, 44)
  body.writeUInt32LE(4096, 48)
  return body
}

/** Entries from `offset` on, as many as `size` bytes hold. */
export function folderReply(entries: readonly (readonly [string, number])[], offset: number, size: number): Buffer {
  const parts: Buffer[] = []
  let used = 0
  for (const [index, [name, id]] of entries.entries()) {
    if (index < offset) continue
    const length = Buffer.byteLength(name)
    const entry = Buffer.alloc((24 + length + 7) & ~7)
    if (used + entry.length > size) break
    entry.writeBigUInt64LE(BigInt(id), 0)
    entry.writeBigUInt64LE(BigInt(index + 1), 8)
    entry.writeUInt32LE(length, 16)
    entry.writeUInt32LE(MODE_FILE >> 12, 20)
    entry.write(name, 24)
    parts.push(entry)
    used += entry.length
  }
  return Buffer.concat(parts)
}

export interface WriteRequest {
  readonly offset: number
  readonly data: Buffer
}

export function readWrite(body: Buffer): WriteRequest {
  return { offset: Number(body.readBigUInt64LE(8)), data: body.subarray(40, 40 + body.readUInt32LE(16)) }
}

/** Of a read of a file or folder. */
export function readRange(body: Buffer): { readonly offset: number; readonly size: number } {
  return { offset: Number(body.readBigUInt64LE(8)), size: body.readUInt32LE(16) }
}

/** What is to be set. */
export function readSetattr(body: Buffer): { readonly size: number | undefined; readonly mode: number | undefined } {
  const valid = body.readUInt32LE(0)
  return {
    mode: (valid & 1) === 0 ? undefined : body.readUInt32LE(68) & 0o7777,
    size: (valid & 8) === 0 ? undefined : Number(body.readBigUInt64LE(16)),
  }
}

/** Names end with a zero byte; `at` is where the first begins. */
export function readNames(body: Buffer, at: number): readonly string[] {
  return body.subarray(at).toString('utf8').split('\0')
}

function header(unique: bigint, length: number, error: number): Buffer {
  const bytes = Buffer.alloc(REPLY_HEADER)
  bytes.writeUInt32LE(REPLY_HEADER + length, 0)
  bytes.writeInt32LE(error, 4)
  bytes.writeBigUInt64LE(unique, 8)
  return bytes
}

function attributes(node: NodeAttributes): Buffer {
  const bytes = Buffer.alloc(88)
  bytes.writeBigUInt64LE(BigInt(node.id), 0)
  bytes.writeBigUInt64LE(BigInt(node.size), 8)
  bytes.writeBigUInt64LE(BigInt(Math.ceil(node.size / 512)), 16)
  bytes.writeUInt32LE(node.mode === undefined ? MODE_FOLDER : MODE_FILE | node.mode, 60)
  bytes.writeUInt32LE(1, 64)
  bytes.writeUInt32LE(process.getuid?.() ?? 0, 68)
  bytes.writeUInt32LE(process.getgid?.() ?? 0, 72)
  bytes.writeUInt32LE(4096, 80)
  return bytes
}
