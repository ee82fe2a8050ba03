import type { Codec } from '../../protocol/codec.js'
import { decodeGroup } from '../../protocol/encode-result.js'
import { ResultDecodeError } from '../../protocol/errors.js'
import type { GroupId } from '../../protocol/ids.js'
import type { GroupMeta } from '../../protocol/result-meta.js'
import { groupMetaFromPickle } from '../../protocol/saved-group-pickle.js'
import type { FoundGroup } from './result-row.js'

/** Throws `ResultDecodeError`, whatever was found. */
export function readSavedGroup(id: GroupId, { kind, bytes }: FoundGroup, codec: Codec): GroupMeta {
  if (!(bytes instanceof Uint8Array)) throw new ResultDecodeError(`the saved group ${id} is not a blob`)
  return kind === 'own' ? decodeGroup(bytes, codec) : groupMetaFromPickle(bytes)
}
