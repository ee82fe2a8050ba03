import * as zlib from 'node:zlib'
import { asBuffer } from '../lib/as-buffer.js'
import { ConfigError, LovageError } from '../lib/errors.js'
import { bunzip2 } from './bunzip2.js'
import { ProtocolError } from './errors.js'
import { optionalPackage } from './optional-package.js'
import { OutputBuffer } from './output-buffer.js'
import { atOnce, inTurns, type Stepwise, type Turn } from './turn.js'
import { unxz } from './unxz.js'
import { checkZstdFrame } from './zstd-frame.js'

/*
 * Compression of bodies by the names that Kombu gives them (kombu/compression.py). The decompressor stops at the limit
 * by itself; a stream that is cut, or that another one follows, is refused.
 */

export interface Compressed {
  readonly body: Uint8Array
  /** Full MIME type for the `compression` header. */
  readonly mime: string
}

interface Method {
  readonly mime: string
  readonly aliases: readonly string[]
  /** Absent where only reading is possible. */
  readonly pack?: ((bytes: Uint8Array) => Uint8Array) | undefined
  readonly unpack: (bytes: Uint8Array, limit: number) => Uint8Array
  /** The same for large bodies, without keeping the event loop; absent where `unpack` is fast enough. */
  readonly unpackInTurns?: (bytes: Uint8Array, limit: number, turn: Turn) => Promise<Uint8Array>
}

/** What a sender may have that Node's zlib may not. */
interface MaybeZstd {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Buffer
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer
}

const nodeZstd: MaybeZstd = zlib as MaybeZstd

const METHODS: readonly Method[] = [
  {
    // The name says gzip; the bytes are a zlib container, and a gzip one is refused over there.
    mime: 'application/x-gzip',
    aliases: ['gzip', 'zlib'],
    pack: bytes => zlib.deflateSync(bytes),
    unpack: (bytes, limit) => whole(bytes, zlib.inflateSync, limit),
    unpackInTurns: (bytes, limit) => wholeElsewhere(bytes, zlib.inflate, limit),
  },
  {
    mime: 'application/x-brotli',
    aliases: ['brotli'],
    // 11, the default, costs a hundred times as much for a few per cent.
    pack: bytes => zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } }),
    unpack: (bytes, limit) => whole(bytes, zlib.brotliDecompressSync, limit),
    unpackInTurns: (bytes, limit) => wholeElsewhere(bytes, zlib.brotliDecompress, limit),
  },
  { mime: 'application/zstd', aliases: ['zstd', 'zstandard'], pack: nodeZstd.zstdCompressSync, unpack: unpackZstd },
  { mime: 'application/x-bz2', aliases: ['bzip2', 'bzip'], ...stepwise(bunzip2) },
  { mime: 'application/x-lzma', aliases: ['lzma', 'xz'], ...stepwise(unxz) },
]

const BY_NAME: ReadonlyMap<string, Method> = new Map(
  METHODS.flatMap(method => [method.mime, ...method.aliases].map(name => [name, method] as const)),
)

/** `name`: MIME type or alias. Throws `ConfigError` for a name nobody knows and for a method that is only read. */
export function compress(bytes: Uint8Array, name: string): Compressed {
  const method = BY_NAME.get(name)
  if (method === undefined) {
    const known = METHODS.flatMap(({ aliases, pack }) => (pack === undefined ? [] : aliases)).join(', ')
    throw new ConfigError('LVG_UNKNOWN_COMPRESSION', `there is no compression '${name}'; known: ${known}`)
  }
  if (method.pack === undefined) {
    throw new ConfigError(
      'LVG_UNKNOWN_COMPRESSION',
      `compression '${name}' can be read here, but not written; use gzip or brotli`,
    )
  }
  return { body: method.pack(bytes), mime: method.mime }
}

/** At most `limit` bytes (L02). Throws `ProtocolError`: `too-large` beyond them, `undecodable` for anything that is not one whole stream. */
export function decompress(bytes: Uint8Array, name: string, limit: number): Uint8Array {
  const method = methodFor(name)
  try {
    return method.unpack(bytes, limit)
  } catch (error) {
    throw protocolError(error, method, limit)
  }
}

/**
 * The same for a large stream, with turns of the event loop in between. Node's own methods work in another thread then,
 * zstd excepted: it is fast, and its package has no asynchronous form.
 */
export async function decompressInTurns(
  bytes: Uint8Array,
  name: string,
  limit: number,
  turn: Turn,
): Promise<Uint8Array> {
  const method = methodFor(name)
  try {
    return await (method.unpackInTurns?.(bytes, limit, turn) ?? method.unpack(bytes, limit))
  } catch (error) {
    throw protocolError(error, method, limit)
  }
}

function methodFor(name: string): Method {
  const method = BY_NAME.get(name.toLowerCase())
  if (method === undefined)
    throw new ProtocolError('undecodable', `compression ${JSON.stringify(name.slice(0, 64))} is unknown`)
  return method
}

function protocolError(error: unknown, { mime }: Method, limit: number): ProtocolError {
  if (error instanceof ProtocolError) return error
  if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') {
    return new ProtocolError('too-large', `the body unpacks to more than ${limit} bytes`)
  }
  const isOurs = error instanceof LovageError || (error instanceof RangeError && codeOf(error) === undefined)
  const reason = isOurs ? error.message : (codeOf(error) ?? 'the stream is damaged')
  return new ProtocolError('undecodable', `the body cannot be unpacked as ${mime}: ${reason}`, { cause: error })
}

function stepwise(unpack: (bytes: Uint8Array, limit: number) => Stepwise<Uint8Array>) {
  return {
    unpack: (bytes: Uint8Array, limit: number) => atOnce(unpack(bytes, limit)),
    unpackInTurns: (bytes: Uint8Array, limit: number, turn: Turn) => inTurns(unpack(bytes, limit), turn),
  } satisfies Partial<Method>
}

interface UnpackOptions {
  readonly maxOutputLength: number
  readonly info: true
}

/** With `info` the engine comes along, whose bytesWritten is what it took of the input; the types leave that out. */
interface Unpacked {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

function whole(
  bytes: Uint8Array,
  unpack: (bytes: Uint8Array, options: UnpackOptions) => unknown,
  limit: number,
): Uint8Array {
  return nothingBehind(bytes, unpack(bytes, { maxOutputLength: limit, info: true }) as Unpacked)
}

type NodeUnpack = (
  bytes: Uint8Array,
  options: UnpackOptions,
  done: (error: Error | null, result: unknown) => void,
) => void

function wholeElsewhere(bytes: Uint8Array, unpack: NodeUnpack, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    unpack(bytes, { maxOutputLength: limit, info: true }, (error, result) => {
      if (error !== null) return reject(error)
      try {
        resolve(nothingBehind(bytes, result as Unpacked))
      } catch (problem) {
        reject(problem)
      }
    })
  })
}

function nothingBehind(bytes: Uint8Array, { buffer, engine }: Unpacked): Buffer {
  if (engine.bytesWritten !== bytes.length)
    throw new ProtocolError('undecodable', 'something follows the compressed stream')
  return buffer
}

interface Fzstd {
  readonly Decompress: new (onData: (chunk: Uint8Array) => void) => { push(chunk: Uint8Array, final: boolean): void }
}

function unpackZstd(bytes: Uint8Array, limit: number): Uint8Array {
  checkZstdFrame(asBuffer(bytes), limit)
  if (nodeZstd.zstdDecompressSync !== undefined) return nodeZstd.zstdDecompressSync(bytes, { maxOutputLength: limit })
  const { Decompress } = optionalPackage('fzstd', 'zstd compression on this Node') as Fzstd
  const output = new OutputBuffer(limit)
  new Decompress(chunk => output.append(chunk)).push(bytes, true)
  return output.written()
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
