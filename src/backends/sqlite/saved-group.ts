import type { Codec } from '../../protocol/codec.js'
import { decodeGroup } from '../../protocol/encode-result.js'
import { ResultDecodeError } from '../../protocol/errors.js'
import type { GroupId } from '../../protocol/ids.js'
import type { GroupMeta } from '../../protocol/result-meta.js'
import type { FoundGroup } from './result-calls.js'

/** Throws `ResultDecodeError`, whatever was found. */
export function readSavedGroup(id: GroupId, found: FoundGroup, codec: Codec): GroupMeta {
  if (found.bytes instanceof Uint8Array && found.kind === 'own') return decodeGroup(found.bytes, codec)
  throw new ResultDecodeError(`the saved group ${id} holds Python objects`)
}
