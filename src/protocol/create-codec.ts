import { ConfigError } from '../lib/errors.js'
import { authSerializer, type SigningOptions } from './auth-serializer.js'
import type { Codec, Decoded, DecodeOptions, Encoded, EncodeOptions } from './codec.js'
import { compress, decompress, decompressInTurns } from './compression.js'
import { EncodeError, ProtocolError } from './errors.js'
import { jsonSerializer } from './json-serializer.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { msgpackSerializer } from './msgpack-serializer.js'
import { pickleSerializer } from './pickle-serializer.js'
import { rawSerializer, textSerializer } from './raw-serializer.js'
import type { Serializer } from './serializer.js'
import { LARGE_BODY, type Turn } from './turn.js'
import { yamlSerializer } from './yaml-serializer.js'

export interface CodecOptions {
  /** Serializer names or MIME types that are read; all others are refused unseen. Celery's default: `['json']`. */
  readonly accept: readonly string[]
  /** Name of the serializer that `encode` uses unless told otherwise. */
  readonly serializer: string
  /** Over `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>
  /** For fleets with Kombu before 5.3: dates and the like as plain strings. Default false. */
  readonly plainTypes?: boolean
  /** For serializer `auth`: then it is the only one accepted, and the one used (S21). */
  readonly signing?: SigningOptions
}

/** Compressed bodies of so many bytes on are unpacked in turns. */
const LARGE_STREAM: number = 32 * 1024

type Charset = 'utf-8' | 'binary' | 'unknown'

/** Throws `ConfigError` for names nobody knows and packages that are not installed. */
export function createCodec(options: CodecOptions): Codec {
  return new ListedCodec(options)
}

class ListedCodec implements Codec {
  readonly #limits: Limits
  readonly #options: CodecOptions
  readonly #ready = new Map<string, Serializer>()
  /** By content type. */
  readonly #accepted = new Map<string, Serializer>()
  readonly #own: Serializer

  constructor(options: CodecOptions) {
    checkSigning(options)
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#options = options
    this.#own = this.#named(options.serializer)
    for (const name of options.accept) {
      const serializer = this.#named(name)
      this.#accepted.set(serializer.contentType, serializer)
    }
  }

  encode(value: unknown, options?: EncodeOptions): Encoded {
    const name = options?.serializer
    const serializer = name === undefined ? this.#own : this.#named(name)
    return this.#encoded(serializer, serializer.encode(value, options?.names), options?.compression)
  }

  encodeJson(text: string): Encoded {
    return this.#encoded(this.#named('json'), Buffer.from(text, 'utf8'), undefined)
  }

  decode(encoded: Encoded, options?: DecodeOptions): Decoded {
    try {
      return { kind: 'value', value: this.#decode(encoded, options?.exact === true) }
    } catch (error) {
      return undecodable(error)
    }
  }

  async decodeInTurns(encoded: Encoded, turn: Turn, options?: DecodeOptions): Promise<Decoded> {
    try {
      return { kind: 'value', value: await this.#decodeInTurns(encoded, turn, options?.exact === true) }
    } catch (error) {
      return undecodable(error)
    }
  }

  #encoded({ contentType, contentEncoding }: Serializer, body: Uint8Array, compression: string | undefined): Encoded {
    this.#checkSize(body, this.#limits.bodyBytes, 'the body')
    const compressed = compression === undefined ? undefined : compress(body, compression)
    const sent = compressed?.body ?? body
    this.#checkSize(sent, this.#limits.messageBytes, 'the message')
    return { contentType, contentEncoding, compression: compressed?.mime, body: sent }
  }

  #decode(encoded: Encoded, exact: boolean): unknown {
    const { body, compression } = encoded
    const serializer = this.#reader(encoded)
    const unpacked = isAbsent(compression) ? body : decompress(body, compression, this.#limits.bodyBytes)
    if (unpacked.length === 0) throw new ProtocolError('malformed', 'the body is empty')
    return serializer.decode(unpacked, exact)
  }

  async #decodeInTurns(encoded: Encoded, turn: Turn, exact: boolean): Promise<unknown> {
    const { body, compression } = encoded
    const serializer = this.#reader(encoded)
    const unpacked = isAbsent(compression) ? body : await this.#unpackInTurns(body, compression, turn)
    if (unpacked.length === 0) throw new ProtocolError('malformed', 'the body is empty')
    if (unpacked.length < LARGE_BODY || serializer.decodeInTurns === undefined)
      return serializer.decode(unpacked, exact)
    await turn()
    return await serializer.decodeInTurns(unpacked, exact, turn)
  }

  #unpackInTurns(body: Uint8Array, compression: string, turn: Turn): Promise<Uint8Array> | Uint8Array {
    const { bodyBytes } = this.#limits
    // What is short unpacks fast, however much comes of it: it is mostly repetition.
    if (body.length < LARGE_STREAM) return decompress(body, compression, bodyBytes)
    return decompressInTurns(body, compression, bodyBytes, turn)
  }

  /** Who reads it, when all that can be seen from outside is right. */
  #reader({ contentType, contentEncoding, body }: Encoded): Serializer {
    const serializer = this.#accepted.get(contentType) ?? this.#tolerated(contentType)
    if (body.length > this.#limits.messageBytes) {
      throw new ProtocolError(
        'too-large',
        `the body has ${body.length} bytes; at most ${this.#limits.messageBytes} are read`,
      )
    }
    if (body.length === 0) throw new ProtocolError('malformed', 'the body is empty')
    checkEncoding(contentEncoding, serializer)
    return serializer
  }

  /** An accepted type in another spelling (M04): Python's peers compare exactly, so it is never written so. */
  #tolerated(contentType: unknown): Serializer {
    const text = typeof contentType === 'string' ? contentType : ''
    const [type = '', ...parameters] = text.toLowerCase().split(';')
    const serializer = this.#accepted.get(type.trim())
    if (serializer === undefined || !parameters.every(isHarmless)) {
      const shown = text === '' ? 'no content type' : `content type ${JSON.stringify(text.slice(0, 64))}`
      throw new ProtocolError(
        'disallowed-content',
        `${shown} is not accepted; accepted: ${[...this.#accepted.keys()].join(', ')}`,
      )
    }
    return serializer
  }

  /** By name or content type. */
  #named(name: string): Serializer {
    const ready = this.#ready.get(name)
    if (ready !== undefined) return ready
    const kind = KINDS.find(one => one.name === name || one.contentType(this.#options) === name)
    if (kind === undefined) {
      const known = KINDS.map(one => one.name).join(', ')
      throw new ConfigError('LVG_UNKNOWN_SERIALIZER', `there is no serializer ${JSON.stringify(name)}; known: ${known}`)
    }
    const serializer = kind.make(this.#limits, this.#options)
    this.#ready.set(name, serializer)
    return serializer
  }

  #checkSize(body: Uint8Array, limit: number, what: string): void {
    if (body.length <= limit) return
    throw new EncodeError('', `${what} has ${body.length} bytes; at most ${limit} are allowed`, {
      code: 'LVG_ENCODE_TOO_LARGE',
    })
  }
}

/** What there is under one name. */
interface Kind {
  readonly name: string
  /** Undefined: it is asked for by name only. */
  contentType(options: CodecOptions): string | undefined
  make(limits: Limits, options: CodecOptions): Serializer
}

const KINDS: readonly Kind[] = Object.freeze<Kind[]>([
  {
    name: 'json',
    contentType: () => 'application/json',
    make: (limits, { plainTypes }) => jsonSerializer(limits, plainTypes === true),
  },
  { name: 'msgpack', contentType: () => 'application/x-msgpack', make: msgpackSerializer },
  { name: 'yaml', contentType: () => 'application/x-yaml', make: yamlSerializer },
  { name: 'pickle', contentType: () => 'application/x-python-serialize', make: pickleSerializer },
  {
    name: 'raw',
    contentType: ({ signing }) => (signing === undefined ? 'application/data' : undefined),
    make: () => rawSerializer,
  },
  { name: 'text', contentType: () => 'text/plain', make: () => textSerializer },
  {
    name: 'auth',
    contentType: ({ signing }) => (signing === undefined ? undefined : 'application/data'),
    make: signedJson,
  },
])

function signedJson(limits: Limits, { signing, plainTypes }: CodecOptions): Serializer {
  if (signing === undefined) {
    throw new ConfigError(
      'LVG_SIGNING_SETUP',
      "serializer 'auth' needs a key, a certificate and a store of certificates",
    )
  }
  return authSerializer(jsonSerializer(limits, plainTypes === true), signing)
}

/** A fleet that signs believes nothing unsigned: one of the two without the other is a mistake. */
function checkSigning(options: CodecOptions): void {
  const names = [options.serializer, ...options.accept]
  if (options.signing === undefined || names.every(name => name === 'auth')) return
  throw new ConfigError(
    'LVG_SIGNING_SETUP',
    "with signing on, the serializer is 'auth' and the accept list is exactly ['auth']",
  )
}

function isHarmless(parameter: string): boolean {
  return /^\s*(?:charset\s*=\s*"?utf-?8"?\s*)?$/.test(parameter)
}

function isAbsent(compression: string | null | undefined): compression is '' | null | undefined {
  return compression === undefined || compression === null || compression === ''
}

/** M06: text is UTF-8, bytes are binary; a declaration that says otherwise makes the body unreadable. */
function checkEncoding(declared: unknown, serializer: Serializer): void {
  if (declared === serializer.contentEncoding) return
  const charset = charsetOf(declared)
  if (charset === serializer.contentEncoding || charset === undefined) return
  const shown = JSON.stringify(String(declared).slice(0, 64))
  throw new ProtocolError('undecodable', `content encoding ${shown} does not fit ${serializer.contentType}`)
}

/** Undefined: none declared. */
function charsetOf(declared: unknown): Charset | undefined {
  if (declared === undefined || declared === null || declared === '') return undefined
  switch (String(declared).toLowerCase()) {
    case 'utf-8':
    case 'utf8':
    case 'us-ascii':
    case 'ascii':
      return 'utf-8'
    case 'binary':
    case 'ascii-8bit':
      return 'binary'
    default:
      return 'unknown'
  }
}

function undecodable(error: unknown): Decoded {
  if (error instanceof ProtocolError) return { kind: 'undecodable', reason: error.fault, detail: error.message }
  return { kind: 'undecodable', reason: 'undecodable', detail: `the body cannot be read: ${errorName(error)}` }
}

function errorName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
