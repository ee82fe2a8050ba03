import type { Signature } from '../protocol/signature.js'
import { asSignature } from '../protocol/signature-place.js'

/*
 * What composite signatures are made of. On the wire their members stand in `kwargs`; those that came from there may
 * still be dicts. Source: celery/canvas.py.
 */

export type CanvasKind = 'task' | 'chain' | 'group' | 'chord'

/** Map, starmap and chunks are tasks of their own name; so is what a peer calls by a type that Celery does not know. */
export function kindOf({ subtaskType }: Signature): CanvasKind {
  return subtaskType === 'chain' || subtaskType === 'group' || subtaskType === 'chord' ? subtaskType : 'task'
}

/** The steps of a chain, the members of a group. */
export function membersOf(signature: Signature): readonly Signature[] {
  const { tasks } = signature.kwargs
  return Array.isArray(tasks) ? tasks.map(asSignature) : []
}

/** The header of a chord, always as a group: peers write a list of signatures or a group. */
export function headerOf(chord: Signature): Signature {
  const { header } = chord.kwargs
  return Array.isArray(header) ? groupOf(header.map(asSignature)) : asSignature(header)
}

export function bodyOf(chord: Signature): Signature {
  return asSignature(chord.kwargs['body'])
}

/** The same composite with other steps or members. */
export function withMembers(signature: Signature, tasks: readonly Signature[]): Signature {
  return { ...signature, kwargs: { ...signature.kwargs, tasks } }
}

export function withHeaderAndBody(chord: Signature, header: Signature, body: Signature): Signature {
  return { ...chord, kwargs: { ...chord.kwargs, header, body } }
}

export function chainOf(tasks: readonly Signature[], options: Signature['options'] = NOTHING): Signature {
  return composite('celery.chain', 'chain', { tasks }, options)
}

export function groupOf(tasks: readonly Signature[], options: Signature['options'] = NOTHING): Signature {
  return composite('celery.group', 'group', { tasks }, options)
}

export function chordOf(header: Signature, body: Signature, options: Signature['options'] = NOTHING): Signature {
  return composite('celery.chord', 'chord', { kwargs: NOTHING, header, body }, options)
}

function composite(
  task: string,
  subtaskType: 'chain' | 'group' | 'chord',
  kwargs: Signature['kwargs'],
  options: Signature['options'],
): Signature {
  // These three names are known to be names.
  return { task: task as Signature['task'], args: NO_ARGS, kwargs, options, subtaskType, immutable: false }
}

/** `celery.accumulate(value, index=0)`: hands on what it is given, for example the list that a chord gives its body. */
export const accumulate: Signature = Object.freeze({
  // Celery's own names are names.
  task: 'celery.accumulate' as Signature['task'],
  args: [],
  kwargs: { index: 0 },
  options: {},
  subtaskType: null,
  immutable: false,
})

const NO_ARGS: readonly unknown[] = Object.freeze([])
const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({})
