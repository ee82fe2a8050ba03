import type { Signature } from '../protocol/signature.js'
import { outOfPlace } from '../protocol/signature-place.js'
import { bodyOf, headerOf, kindOf, membersOf, withHeaderAndBody, withMembers } from './members.js'

/** The canvas with its ends in no group and no chord: it becomes part of another one. */
export function displaced(signature: Signature): Signature {
  const bare = outOfPlace(signature)
  switch (kindOf(signature)) {
    case 'chain': {
      const steps = membersOf(bare)
      return withMembers(
        bare,
        steps.map((step, at) => (at === steps.length - 1 ? displaced(step) : step)),
      )
    }
    case 'group':
      return withMembers(bare, membersOf(bare).map(displaced))
    case 'chord':
      return withHeaderAndBody(bare, headerOf(bare), displaced(bodyOf(bare)))
    default:
      return bare
  }
}
