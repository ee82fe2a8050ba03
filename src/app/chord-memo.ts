import { jsonStoreCodec } from '../backends/json-store-codec.js'
import { type ChordMemo, encodeChordMemo } from '../protocol/chord-memo.js'
import { EncodeError } from '../protocol/errors.js'
import type { Limits } from '../protocol/limits.js'

/** Undefined: it cannot be written as JSON. Such a chord is not swept. */
export function chordMemo(memo: ChordMemo, limits: Limits): string | undefined {
  try {
    return encodeChordMemo(memo, jsonStoreCodec(limits), limits)
  } catch (error) {
    if (error instanceof EncodeError) return undefined
    throw error
  }
}
