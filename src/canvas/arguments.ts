import type { Kwargs, Signature } from '../protocol/signature.js'
import { bodyOf, headerOf, kindOf, membersOf, withHeaderAndBody, withMembers } from './members.js'

/**
 * The signature with arguments put before its own, and named ones over them, where they are taken: by the first step of a
 * chain, by every member of a group, by the header of a chord; by nothing that is immutable.
 * Source: celery/canvas.py `Signature._merge`, `_chain.run`, `group._prepared`, `_chord.apply_async`.
 */
export function withArguments(signature: Signature, args: readonly unknown[], kwargs: Kwargs = NO_KWARGS): Signature {
  if (signature.immutable || (args.length === 0 && Object.keys(kwargs).length === 0)) return signature
  switch (kindOf(signature)) {
    case 'chain': {
      const [first, ...others] = membersOf(signature)
      return first === undefined ? signature : withMembers(signature, [withArguments(first, args, kwargs), ...others])
    }
    case 'group': {
      return withMembers(
        signature,
        membersOf(signature).map(member => withArguments(member, args, kwargs)),
      )
    }
    case 'chord':
      return withHeaderAndBody(signature, withArguments(headerOf(signature), args, kwargs), bodyOf(signature))
    default:
      return { ...signature, args: [...args, ...signature.args], kwargs: { ...signature.kwargs, ...kwargs } }
  }
}

/** A composite whose stored arguments, which peers may have given it, stand at its members. */
export function withOwnArguments(composite: Signature): Signature {
  const { args } = composite
  const named = kindOf(composite) === 'chord' ? (composite.kwargs['kwargs'] as Kwargs | null | undefined) : undefined
  const bare = named === undefined ? composite : { ...composite, kwargs: { ...composite.kwargs, kwargs: NO_KWARGS } }
  return withArguments({ ...bare, args: NO_ARGS }, args, named ?? NO_KWARGS)
}

const NO_ARGS: readonly unknown[] = Object.freeze([])
const NO_KWARGS: Kwargs = Object.freeze({})
