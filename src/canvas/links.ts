import type { Signature } from '../protocol/signature.js'
import { type LinkOption, linksOf, withLinks } from '../protocol/signature-place.js'
import { bodyOf, headerOf, kindOf, membersOf, withHeaderAndBody, withMembers } from './members.js'

/** The body of a chord with what is linked to the chord, which acts at the end of the body. */
export function linkedBody(chord: Signature): Signature {
  const called = addCallbacks(bodyOf(chord), 'link', linksOf(chord, 'link'))
  return addCallbacks(called, 'linkError', linksOf(chord, 'linkError'))
}

/**
 * The signature with more callbacks after its own, put where they have an effect: those of a chord at its body; those of a
 * group at its members: errbacks at each, callbacks, made immutable, at the first one, since no member has the others'
 * results. Source: celery/canvas.py `_chord.link`, `group.link`, `group.link_error`.
 */
export function addCallbacks(signature: Signature, option: LinkOption, callbacks: readonly Signature[]): Signature {
  if (callbacks.length === 0) return signature
  switch (kindOf(signature)) {
    case 'chord':
      return withHeaderAndBody(signature, headerOf(signature), addCallbacks(bodyOf(signature), option, callbacks))
    case 'group':
      return addToMembers(signature, option, callbacks)
    case 'chain':
    case 'task':
      return withLinks(signature, option, [...linksOf(signature, option), ...callbacks])
    default:
      return signature
  }
}

function addToMembers(group: Signature, option: LinkOption, callbacks: readonly Signature[]): Signature {
  const members = membersOf(group)
  if (option === 'linkError')
    return withMembers(
      group,
      members.map(member => addCallbacks(member, option, callbacks)),
    )
  const still = callbacks.map(callback => ({ ...callback, immutable: true }))
  return withMembers(
    group,
    members.map((member, at) => (at === 0 ? addCallbacks(member, option, still) : member)),
  )
}
