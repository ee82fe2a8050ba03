import type { Codec } from '../protocol/codec.js'
import { createCodec } from '../protocol/create-codec.js'
import type { Limits } from '../protocol/limits.js'

/**
 * For what only Lovage reads again: JSON, whatever the app accepts, and bounded as a result (L12) rather than as a
 * message (L01).
 */
export function jsonStoreCodec(limits: Limits | undefined): Codec {
  const unbounded = { messageBytes: Number.POSITIVE_INFINITY, bodyBytes: Number.POSITIVE_INFINITY }
  return createCodec({ accept: ['json'], serializer: 'json', limits: { ...limits, ...unbounded } })
}
