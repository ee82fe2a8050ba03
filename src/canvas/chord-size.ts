import type { Signature } from '../protocol/signature.js'
import { bodyOf, kindOf, membersOf } from './members.js'

/**
 * How many arrivals a member of a chord's header comes to: a chain counts by its last step that counts at all, a chord by its
 * body, a group by each member. Source: celery/canvas.py `_chord._descend`.
 */
export function chordSize(member: Signature): number {
  switch (kindOf(member)) {
    case 'group':
      return membersOf(member).reduce((sum, one) => sum + chordSize(one), 0)
    case 'chord':
      return chordSize(bodyOf(member))
    case 'chain':
      return (
        membersOf(member)
          .map(chordSize)
          .findLast(size => size > 0) ?? 0
      )
    default:
      return 1
  }
}
