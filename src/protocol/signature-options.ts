import type { GroupId, TaskId } from './ids.js'
import type { RawList } from './raw-list.js'
import type { Signature } from './signature.js'
import { signatureFromDict } from './signature-dict.js'

/*
 * Typed access to the options of a signature, which keep their wire names (`task_id`, `group_index` …) and values.
 */

export function signatureTaskId(signature: Signature): TaskId | undefined {
  const id = signature.options['task_id']
  return typeof id === 'string' && id !== '' ? (id as TaskId) : undefined
}

/** The workflow that it was given to. */
export function signatureRootId(signature: Signature): TaskId | undefined {
  const id = signature.options['root_id']
  return typeof id === 'string' && id !== '' ? (id as TaskId) : undefined
}

export function signatureGroupId(signature: Signature): GroupId | undefined {
  const id = signature.options['group_id']
  return typeof id === 'string' && id !== '' ? (id as GroupId) : undefined
}

export function signatureGroupIndex(signature: Signature): number | undefined {
  const index = signature.options['group_index']
  return typeof index === 'number' ? index : undefined
}

/** How many tasks have replaced each other before it, under its id. */
export function signatureNesting(signature: Signature): number {
  const nesting = signature.options['replaced_task_nesting']
  return typeof nesting === 'number' ? nesting : 0
}

/** The chord body this signature reports to. */
export function signatureChord(signature: Signature): Signature | undefined {
  const chord = signature.options['chord']
  return chord === null || chord === undefined ? undefined : asSignature(chord)
}

/** `link_error`: one signature or a list. */
export function signatureErrbacks(signature: Signature): readonly Signature[] {
  const errbacks = signature.options['link_error']
  if (errbacks === null || errbacks === undefined) return []
  return (Array.isArray(errbacks) ? errbacks : [errbacks]).map(asSignature)
}

/** The names, in wire spelling, of options that the worker sets on what it publishes. */
export interface OptionChanges {
  readonly taskId?: TaskId
  readonly groupId?: GroupId
  readonly groupIndex?: number
  readonly chain?: readonly Signature[] | RawList
  readonly chord?: Signature
  readonly replacedTaskNesting?: number
  readonly replyTo?: string
}

/** Wire spelling of `OptionChanges`. */
export function wireOptions(changes: OptionChanges): Readonly<Record<string, unknown>> {
  return {
    ...(changes.taskId === undefined ? {} : { task_id: changes.taskId }),
    ...(changes.groupId === undefined ? {} : { group_id: changes.groupId }),
    ...(changes.groupIndex === undefined ? {} : { group_index: changes.groupIndex }),
    ...(changes.chain === undefined ? {} : { chain: changes.chain }),
    ...(changes.chord === undefined ? {} : { chord: changes.chord }),
    ...(changes.replyTo === undefined ? {} : { reply_to: changes.replyTo }),
    ...(changes.replacedTaskNesting === undefined ? {} : { replaced_task_nesting: changes.replacedTaskNesting }),
  }
}

/**
 * Stored options under incoming ones (wire names): null ones are dropped; `group_id`, `stamped_headers` and every
 * stamp never change once present. Source: celery/canvas.py Signature._merge.
 */
export function withOptions(signature: Signature, incoming: Readonly<Record<string, unknown>>): Signature {
  const stamped = signature.options['stamped_headers']
  const fixed = new Set<string>([
    'group_id',
    'stamped_headers',
    ...(Array.isArray(stamped) ? (stamped as string[]) : []),
  ])
  const options: Record<string, unknown> = { ...signature.options }
  for (const [name, value] of Object.entries(incoming)) {
    if (value === null || value === undefined) continue
    if (fixed.has(name) && options[name] !== null && options[name] !== undefined) continue
    options[name] = value
  }
  return { ...signature, options }
}

function asSignature(value: unknown): Signature {
  return isSignature(value) ? value : signatureFromDict(value)
}

function isSignature(value: unknown): value is Signature {
  return typeof value === 'object' && value !== null && 'subtaskType' in value
}

/**
 * The signature with more stamps: the names join those it has, a name that it has gets the new value, or, to `append`, a list
 * of both. Source: celery/canvas.py `Signature._stamp_headers`.
 */
export function withStamps(
  signature: Signature,
  stamps: Readonly<Record<string, unknown>>,
  { append = false }: { readonly append?: boolean } = {},
): Signature {
  const names = Object.keys(stamps)
  if (names.length === 0) return signature
  const known = signature.options['stamped_headers']
  const had: readonly string[] = Array.isArray(known) ? known : []
  const options: Record<string, unknown> = { ...signature.options }
  for (const name of names) {
    const both = append && had.includes(name)
    options[name] = both ? [...listOf(options[name]), ...listOf(stamps[name])] : stamps[name]
  }
  options['stamped_headers'] = [...new Set([...had, ...names])]
  return { ...signature, options }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value]
}
