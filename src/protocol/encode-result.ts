import type { Codec, Encoded } from './codec.js'
import { EncodeError, ResultDecodeError, ResultTooLargeError } from './errors.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import type { Message } from './message.js'
import { pythonRepr } from './python-repr.js'
import { resultMetaFromDict, resultMetaToDict } from './result-dict.js'
import type { GroupMeta, ResultMeta } from './result-meta.js'
import { groupMetaFromDict, groupMetaToDict } from './result-tuple.js'

/*
 * Results as bytes. Stored ones have no envelope: writer and reader have to be set to the same serializer.
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
  return bounded(encoded(meta, codec, encoding.serializer).body, encoding.limits ?? DEFAULT_LIMITS)
}

/** Throws `ResultDecodeError`, whatever the bytes are. */
export function decodeResult(bytes: Uint8Array, codec: Codec, encoding: ResultEncoding = {}): ResultMeta {
  return resultMetaFromDict(decode(bytes, codec, encoding.serializer))
}

/** A result that travels to whoever sent the task. Throws as `encodeResult`. Source: celery/backends/rpc.py `store_result`. */
export function encodeResultMessage(
  meta: ResultMeta,
  correlationId: string,
  deliveryMode: 1 | 2,
  codec: Codec,
  encoding: ResultEncoding = {},
): Message {
  const { contentType, contentEncoding, body } = encoded(meta, codec, encoding.serializer)
  bounded(body, encoding.limits ?? DEFAULT_LIMITS)
  return { headers: {}, properties: { contentType, contentEncoding, correlationId, deliveryMode, priority: 0 }, body }
}

/** It says itself how it is written; results are not compressed. Throws `ResultDecodeError`, whatever the message is. */
export function decodeResultMessage({ properties, body }: Message, codec: Codec): ResultMeta {
  const { contentType = 'application/data', contentEncoding = 'utf-8' } = properties
  const decoded = codec.decode({ contentType, contentEncoding, compression: undefined, body })
  if (decoded.kind === 'undecodable') throw new ResultDecodeError(`a result message cannot be read: ${decoded.detail}`)
  return resultMetaFromDict(decoded.value)
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

/**
 * A chord's part as Redis counts it: `[1, id, state, result]`. Source: celery/backends/redis.py `on_chord_part_return`.
 * Throws as `encodeResult`.
 */
export function encodeChordPart(meta: ResultMeta, codec: Codec, encoding: ResultEncoding = {}): Uint8Array {
  const toPart = (one: ResultMeta): unknown => [1, one.taskId, one.status, resultMetaToDict(one)['result']]
  return bounded(encoded(meta, codec, encoding.serializer, toPart).body, encoding.limits ?? DEFAULT_LIMITS)
}

/** Of its record, a part keeps nothing but these. Throws `ResultDecodeError`. */
export function decodeChordPart(bytes: Uint8Array, codec: Codec, encoding: ResultEncoding = {}): ResultMeta {
  const part = decode(bytes, codec, encoding.serializer)
  if (!Array.isArray(part) || part.length < 4) throw new ResultDecodeError('a part of a chord is no list of four')
  return resultMetaFromDict({ task_id: part[1], status: part[2], result: part[3] })
}

function encoded(
  meta: ResultMeta,
  codec: Codec,
  serializer = 'json',
  toWire: (meta: ResultMeta) => unknown = resultMetaToDict,
): Encoded {
  try {
    return codec.encode(toWire(meta), { serializer })
  } catch (error) {
    if (!(error instanceof EncodeError) || meta.error === undefined) throw error
    const args = meta.error.args.map(arg => (isEncodable(arg, codec, serializer) ? arg : pythonRepr(arg)))
    return codec.encode(toWire({ ...meta, error: { ...meta.error, args } }), { serializer })
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
  // Source: celery/security/serialization.py `register_auth`.
  ['auth', ['application/data', 'utf-8']],
])

function decode(bytes: Uint8Array, codec: Codec, serializer = 'json'): unknown {
  const [contentType, contentEncoding] = CONTENT_TYPES.get(serializer) ?? [serializer, 'utf-8']
  const decoded = codec.decode({ contentType, contentEncoding, compression: undefined, body: bytes })
  if (decoded.kind === 'undecodable')
    throw new ResultDecodeError(`a stored result cannot be read as ${serializer}: ${decoded.detail}`)
  return decoded.value
}
