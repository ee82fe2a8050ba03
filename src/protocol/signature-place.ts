import { allSteps } from './chain-steps.js'
import type { GroupId, TaskId } from './ids.js'
import { RawList } from './raw-list.js'
import type { Signature } from './signature.js'
import { signatureFromDict } from './signature-dict.js'

/*
 * The options of a signature that say where in a canvas it stands, and those that hold further signatures.
 */

type Options = Signature['options']

/** Undefined members say nothing. */
export interface Place {
  /** Of what ends it: the last step of a chain, the body of a chord. */
  readonly taskId?: TaskId | undefined
  readonly groupId?: GroupId | undefined
  readonly groupIndex?: number | undefined
  /** The body of the chord that it is a part of. */
  readonly chord?: Signature | undefined
}

/** Callbacks and errbacks. */
export type LinkOption = 'link' | 'linkError'

/** What is said of a composite's place, what follows it, and the rest, which every message of it gets. */
export interface PartedOptions {
  readonly place: Place
  /** In reverse: the last one comes next. */
  readonly chain: readonly Signature[]
  readonly rest: Options
}

export function partOptions(options: Options): PartedOptions {
  const { task_id, group_id, group_index, chord, chain, link: _, link_error: __, reply_to: ___, ...rest } = options
  return {
    place: {
      taskId: (task_id ?? undefined) as TaskId | undefined,
      groupId: (group_id ?? undefined) as GroupId | undefined,
      groupIndex: (group_index ?? undefined) as number | undefined,
      chord: chord === null || chord === undefined ? undefined : asSignature(chord),
    },
    chain: signaturesIn(chain),
    rest,
  }
}

/** The signature in its place. Ids and index that it has stay; so does the address for answers. */
export function inPlace(signature: Signature, place: Place, replyTo?: string): Signature {
  const { taskId, groupId, groupIndex, chord } = place
  const options: Record<string, unknown> = { ...signature.options }
  if (taskId !== undefined) options['task_id'] ??= taskId
  if (replyTo !== undefined) options['reply_to'] ??= replyTo
  if (groupId !== undefined) options['group_id'] ??= groupId
  if (groupIndex !== undefined) options['group_index'] ??= groupIndex
  if (chord !== undefined) options['chord'] = chord
  return { ...signature, options }
}

/** The signature in no group and no chord; its own id stays. */
export function outOfPlace(signature: Signature): Signature {
  const { group_id: _, group_index: __, chord: ___, ...options } = signature.options
  return { ...signature, options }
}

/** Under another id, whatever it had. */
export function withTaskId(signature: Signature, taskId: TaskId | GroupId): Signature {
  return { ...signature, options: { ...signature.options, task_id: taskId } }
}

/** Callbacks or errbacks of a signature: on the wire a list, or a single one. */
export function linksOf(signature: Signature, option: LinkOption): readonly Signature[] {
  return signaturesIn(signature.options[WIRE[option]])
}

export function withLinks(signature: Signature, option: LinkOption, links: readonly Signature[]): Signature {
  return { ...signature, options: { ...signature.options, [WIRE[option]]: links } }
}

export function withoutLinks(signature: Signature): Signature {
  const { link: _, link_error: __, ...options } = signature.options
  return { ...signature, options }
}

/** All signatures that travel in the message of a task: callbacks, errbacks, the rest of its chain, the body of its chord. */
export function embeddedIn({ options }: Signature): readonly unknown[] {
  const { link, link_error, chain, chord } = options
  return [link, link_error, chain, chord].flatMap(value => value ?? [])
}

/** A signature, or the dict of one. Throws `ProtocolError`. */
export function asSignature(value: unknown): Signature {
  return isSignature(value) ? value : signatureFromDict(value)
}

/** Ours, not a dict from the wire: that one spells it `subtask_type`. */
export function isSignature(value: unknown): value is Signature {
  return typeof value === 'object' && value !== null && 'subtaskType' in value
}

function signaturesIn(value: unknown): readonly Signature[] {
  if (value === null || value === undefined) return []
  if (value instanceof RawList) return allSteps(value)
  return (Array.isArray(value) ? value : [value]).map(asSignature)
}

const WIRE: Readonly<Record<LinkOption, string>> = { link: 'link', linkError: 'link_error' }
