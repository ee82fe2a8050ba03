import { allSteps } from '../protocol/chain-steps.js'
import { isDict } from '../protocol/dict.js'
import type { TaskId } from '../protocol/ids.js'
import { RawList } from '../protocol/raw-list.js'
import type { Signature } from '../protocol/signature.js'
import { lenientSignature } from '../protocol/signature-dict.js'
import { signatureGroupId, signatureTaskId } from '../protocol/signature-options.js'
import { isSignature, linksOf } from '../protocol/signature-place.js'
import { bodyOf, kindOf, membersOf } from './members.js'

/** The tasks whose ends are the end of a canvas; a group besides is an id of its own that clients may ask for. */
export function endsOf(signature: Signature): readonly Signature[] {
  switch (kindOf(signature)) {
    case 'chain': {
      const last = membersOf(signature).at(-1)
      return last === undefined ? [] : endsOf(last)
    }
    case 'chord':
      return endsOf(bodyOf(signature))
    case 'group':
      return [uncounted(signature), ...membersOf(signature).flatMap(endsOf)]
    default:
      return [signature]
  }
}

/**
 * Everything that never runs when this never starts: all tasks and groups of a canvas and of what follows it, each being the
 * name of a result that somebody may wait for. Those that a chord counts say so, but for the parts of a chord that is among
 * them. What is malformed is passed over, or has at least its id (M29).
 */
export function everyoneIn(value: unknown): readonly Signature[] {
  const signature = read(value)
  if (signature === undefined) return []
  const later = everyoneOf(signature.options['chain'])
  const { tasks, header, body } = signature.kwargs
  switch (kindOf(signature)) {
    case 'chain':
      return [...withOwn(signature, everyoneOf(tasks)), ...later]
    case 'group':
      return [uncounted(signature), ...everyoneOf(tasks), ...later]
    case 'chord': {
      const id = idOf(read(header))
      const parts = everyoneOf(header).map(part => (signatureGroupId(part) === id ? uncounted(part) : part))
      return [...withOwn(signature, [...parts, ...everyoneIn(body)]), ...later]
    }
    default:
      return [signature, ...later]
  }
}

/** Clients may wait for an id that stands at a chain or chord itself, which is that of its end, or should have been. */
function withOwn(composite: Signature, members: readonly Signature[]): readonly Signature[] {
  const id = signatureTaskId(composite)
  const isThere = id === undefined || members.some(member => signatureTaskId(member) === id)
  return isThere ? members : [...members, composite]
}

/** Of a list, or of one. */
function everyoneOf(values: unknown): readonly Signature[] {
  if (values instanceof RawList) return allSteps(values).flatMap(everyoneIn)
  return Array.isArray(values) ? values.flatMap(everyoneIn) : everyoneIn(values)
}

function read(value: unknown): Signature | undefined {
  if (isSignature(value)) return value
  return isDict(value) ? lenientSignature(value) : undefined
}

/** A frozen header has the id of its group. */
function idOf(header: Signature | undefined): string | undefined {
  return header === undefined ? undefined : signatureTaskId(header)
}

function uncounted(signature: Signature): Signature {
  const { chord: _, ...options } = signature.options
  return { ...signature, options }
}

/** An errback, with the id that it is told of. */
export interface Errback {
  readonly id: TaskId
  readonly errback: Signature
}

/** The errbacks of a canvas that will not run: a group's belong to each of its members. */
export function errbacksOf(signature: Signature): readonly Errback[] {
  const own = linksOf(signature, 'linkError')
  if (kindOf(signature) === 'group') {
    return membersOf(signature).flatMap(member => {
      const id = endId(member)
      const shared = id === undefined ? [] : own.map(errback => ({ id, errback }))
      return [...errbacksOf(member), ...shared]
    })
  }
  const id = endId(signature)
  return id === undefined ? [] : own.map(errback => ({ id, errback }))
}

function endId(signature: Signature): TaskId | undefined {
  const [end] = endsOf(signature)
  return end === undefined ? undefined : signatureTaskId(end)
}
