import type { ChordEnd } from '../protocol/chord-memo.js'
import type { Signature } from '../protocol/signature.js'
import { signatureChord, signatureGroupIndex, signatureTaskId } from '../protocol/signature-options.js'
import { endsOf } from './ends.js'

/** Which tasks of a frozen member of a header arrive at its chord. */
export function chordEnds(member: Signature): readonly ChordEnd[] {
  return endsOf(member).flatMap(end => {
    const id = signatureTaskId(end)
    return id === undefined || signatureChord(end) === undefined ? [] : [{ id, index: signatureGroupIndex(end) }]
  })
}
