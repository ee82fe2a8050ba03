import type { Codec } from './codec.js'
import { EncodeError, ResultDecodeError, ResultTooLargeError } from './errors.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import { pythonRepr } from './python-repr.js'
import { resultMetaFromDict, resultMetaToDict } from './result-dict.js'
import type { GroupMeta, ResultMeta } from './result-meta.js'
import { groupMetaFromDict, groupMetaToDict } from './result-tuple.js'

/*
 * Stored results as bytes. There is no envelope: writer and reader have to be set to the same serializer.
 * Source: celery/backends/base.py `encode_result`, `decode_result`; redis.py and rpc.py store and send the same text.
 */

export interface ResultEncoding {
  /** Setting `resultSerializer`; default `json`. */
  readonly serializer?: string | undefined
  readonly limits?: Limits | undefined
}

/**
 * Arguments of an exception that the serializer cannot write are replaced by their repr. Throws `EncodeError` when the
 * value itself cannot be written, `ResultTooLargeError` beyond L12.
 */
export function encodeResult(meta: ResultMeta, codec: Codec, encoding: ResultEncoding = {}): Uint8Array {
  return bounded(resultBody(meta, codec, encoding.serializer), encoding.limits ?? DEFAULT_LIMITS)
}

/** Throws `ResultDecodeError`, whatever the bytes are. */
export function decodeResult(bytes: Uint8Array, codec: Codec, encoding: ResultEncoding = {}): ResultMeta {
  return resultMetaFromDict(decode(bytes, codec, encoding.serializer))
}

/** Throws `EncodeError`, `ResultTooLargeError`. */
export function encodeGroup(group: GroupMeta, codec: Codec, encoding: ResultEncoding = {}): Uint8Array {
  const { body } = codec.encode(groupMetaToDict(group), { serializer: encoding.serializer ?? 'json' })
  return bounded(body, encoding.limits ?? DEFAULT_LIMITS)
}

/** Throws `ResultDecodeError`. */
export function decodeGroup(bytes: Uint8Array, codec: Codec, encoding: ResultEncoding = {}): GroupMeta {
  return groupMetaFromDict(decode(bytes, codec, encoding.serializer))
}

function resultBody(meta: ResultMeta, codec: Codec, serializer = 'json'): Uint8Array {
  try {
    return codec.encode(resultMetaToDict(meta), { serializer }).body
  } catch (error) {
    if (!(error instanceof EncodeError) || meta.error === undefined) throw error
    const args = meta.error.args.map(arg => (isEncodable(arg, codec, serializer) ? arg : pythonRepr(arg)))
    return codec.encode(resultMetaToDict({ ...meta, error: { ...meta.error, args } }), { serializer }).body
  }
}

function isEncodable(value: unknown, codec: Codec, serializer: string): boolean {
  try {
    codec.encode(value, { serializer })
    return true
  } catch {
    return false
  }
}

function bounded(body: Uint8Array, limits: Limits): Uint8Array {
  if (body.length > limits.resultBytes) throw new ResultTooLargeError(body.length, limits.resultBytes)
  return body
}

/** Content types of results, which carry none. Source: kombu/serialization.py `register_*`. */
const CONTENT_TYPES: ReadonlyMap<string, readonly [string, string]> = new Map([
  ['json', ['application/json', 'utf-8']],
  ['yaml', ['application/x-yaml', 'utf-8']],
  ['msgpack', ['application/x-msgpack', 'binary']],
  ['pickle', ['application/x-python-serialize', 'binary']],
])

function decode(bytes: Uint8Array, codec: Codec, serializer = 'json'): unknown {
  const [contentType, contentEncoding] = CONTENT_TYPES.get(serializer) ?? [serializer, 'utf-8']
  const decoded = codec.decode({ contentType, contentEncoding, compression: undefined, body: bytes })
  if (decoded.kind === 'undecodable')
    throw new ResultDecodeError(`a stored result cannot be read as ${serializer}: ${decoded.detail}`)
  return decoded.value
}
