import type { Signature } from '../protocol/signature.js'
import { linksOf } from '../protocol/signature-place.js'
import { addCallbacks } from './links.js'
import { bodyOf, chainOf, chordOf, headerOf, kindOf, membersOf, withHeaderAndBody } from './members.js'

/**
 * `left | right`: what comes after what, upgraded as Celery does it: a group that something follows becomes the header of a
 * chord, what follows a chord joins its body, chains within chains become one.
 * Source: celery/canvas.py `Signature.__or__`, `_chain.__or__`, `group.__or__`, `_chord.__or__`.
 */
export function pipe(left: Signature, right: Signature): Signature {
  switch (kindOf(left)) {
    case 'group':
      return isEmptyGroup(right) ? left : chordOf(left, right)
    case 'chord':
      return afterChord(left, unrolled(right))
    case 'chain':
      return afterChain(left, unrolled(right))
    case 'task':
      return afterTask(left, unrolled(right))
    default:
      return left
  }
}

function afterTask(left: Signature, right: Signature): Signature {
  if (isEmptyGroup(right)) return left
  return chainOf(kindOf(right) === 'chain' ? [left, ...unchained(right)] : [left, right])
}

function afterChord(left: Signature, right: Signature): Signature {
  if (isEmptyGroup(right)) return left
  if (kindOf(right) === 'task') return withHeaderAndBody(left, headerOf(left), pipe(bodyOf(left), right))
  return afterTask(left, right)
}

function afterChain(left: Signature, right: Signature): Signature {
  const steps = unchained(left)
  if (isEmptyGroup(right)) return left
  if (kindOf(right) === 'chain') return unchained(right).reduce(pipe, left)
  const last = steps.at(-1)
  if (last === undefined) return kindOf(right) === 'group' ? right : chainOf([right])
  if (kindOf(last) === 'group' && kindOf(right) !== 'group') return closeGroup(steps, last, right)
  if (kindOf(last) === 'chord' && (kindOf(right) === 'task' || kindOf(right) === 'group')) {
    return chainOf([...steps.slice(0, -1), withHeaderAndBody(last, headerOf(last), pipe(bodyOf(last), right))])
  }
  return chainOf([...steps, right])
}

/** The group at the end of a chain becomes a chord; behind another chord it moves into that one's body. */
function closeGroup(steps: readonly Signature[], group: Signature, body: Signature): Signature {
  const chord = chordOf(group, body)
  const before = steps.at(-2)
  if (before !== undefined && kindOf(before) === 'chord') {
    const joined = withHeaderAndBody(before, headerOf(before), pipe(bodyOf(before), chord))
    return chainOf([...steps.slice(0, -2), joined])
  }
  return chainOf([...steps.slice(0, -1), chord])
}

/** The steps of a chain with what was linked to the chain: callbacks at its last step, errbacks at each. */
export function unchained(chain: Signature): readonly Signature[] {
  const steps = membersOf(chain)
  const callbacks = linksOf(chain, 'link')
  const errbacks = linksOf(chain, 'linkError')
  if (callbacks.length === 0 && errbacks.length === 0) return steps
  return steps.map((step, at) => {
    const told = addCallbacks(step, 'linkError', errbacks)
    return at === steps.length - 1 ? addCallbacks(told, 'link', callbacks) : told
  })
}

/** A group of one is that one. */
export function unrolled(signature: Signature): Signature {
  if (kindOf(signature) !== 'group') return signature
  const [only, another] = membersOf(signature)
  return only !== undefined && another === undefined ? unrolled(only) : signature
}

export function isEmptyGroup(signature: Signature): boolean {
  return kindOf(signature) === 'group' && membersOf(signature).length === 0
}
