import { type Dict, isAbsent, isDict } from './dict.js'
import { EncodeError, ProtocolError } from './errors.js'
import type { TaskName } from './ids.js'
import { nameProblem } from './ids.js'
import { DEFAULT_LIMITS, type Limits } from './limits.js'
import type { RawList } from './raw-list.js'
import type { Kwargs, Signature } from './signature.js'
import { ExactNumber } from './values.js'

/*
 * Signatures on the wire: `{task, args, kwargs, options, subtask_type, immutable}`.
 * Source: celery/canvas.py Signature.__init__ and from_dict.
 *
 * Composite types hold further signatures in their kwargs, and every type may in its options. On the way in those stay
 * dicts, so that what is passed on is equal to what came; on the way out either form is welcome.
 */

/** Options whose value is a signature or a list of them. */
const NESTED_OPTIONS = ['link', 'link_error', 'chain', 'chord'] as const

/** Members of `kwargs` that hold signatures, by the pseudo task's name. */
const NESTED_KWARGS: ReadonlyMap<string, readonly string[]> = new Map([
  ['celery.chain', ['tasks']],
  ['celery.group', ['tasks']],
  ['celery.chord', ['header', 'body']],
  ['celery.map', ['task']],
  ['celery.starmap', ['task']],
  ['celery.chunks', ['task']],
])

/** Arguments are taken as they are. Throws `EncodeError` beyond L07, which also ends a signature that contains itself. */
export function signatureToDict(signature: Signature, limits: Limits = DEFAULT_LIMITS): Dict {
  return new SignatureWriter(limits).write(signature)
}

/** `signatureToDict` for all signatures of one message, which L07 counts together. */
export class SignatureWriter {
  readonly #count: Count

  constructor(limits: Limits) {
    this.#count = { nodes: 0, limits }
  }

  write(signature: Signature): Dict {
    return toDict(signature, this.#count, 1)
  }

  /** Whether a list may go as the text that it is, which holds at most as many signatures as objects. Counts it, if so. */
  admits({ objects }: RawList): boolean {
    const nodes = this.#count.nodes + objects
    if (nodes > this.#count.limits.canvasNodes) return false
    this.#count.nodes = nodes
    return true
  }
}

/**
 * Tolerates missing and null members other than `task`, and keeps options that it does not know. Throws `ProtocolError`
 * (malformed) for what is no signature and beyond L07.
 */
export function signatureFromDict(dict: unknown, limits: Limits = DEFAULT_LIMITS): Signature {
  const tooMuch = canvasProblem([dict], limits)
  if (tooMuch !== undefined) throw new ProtocolError('malformed', tooMuch)
  const problem = signatureProblem(dict)
  if (problem !== undefined) throw new ProtocolError('malformed', `a signature ${problem}`)
  return read(dict as Dict)
}

/**
 * As `signatureFromDict`, for signatures that may never be needed (M29): one that is malformed is returned with an
 * empty task name, which no encoder accepts, and its options: whoever waits for its id can be told. The caller has checked
 * `canvasProblem`.
 */
export function lenientSignature(dict: Dict): Signature {
  if (signatureProblem(dict) === undefined) return read(dict)
  const options = isDict(dict['options']) ? computable(dict['options']) : {}
  return { task: '' as TaskName, args: [], kwargs: {}, options, subtaskType: null, immutable: false }
}

/** Why signatures found in one message are beyond L07, or undefined. Iterative, and never looks further than the limit. */
export function canvasProblem(roots: readonly unknown[], limits: Limits): string | undefined {
  let nodes = 0
  let level: unknown[] = [...roots]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.canvasDepth) return `signatures are nested more than ${limits.canvasDepth} deep`
    const below: unknown[] = []
    for (const value of level) {
      if (!isDict(value)) continue
      if (++nodes > limits.canvasNodes) return `there are more than ${limits.canvasNodes} signatures`
      for (const [, container, names] of nestedIn(value)) {
        for (const name of names) collect(container[name], below, limits.canvasNodes)
      }
    }
    level = below
  }
  return undefined
}

/** Where a dict may hold further signatures: which of its members, and which members of those. */
function nestedIn(dict: Dict): readonly (readonly ['options' | 'kwargs', Dict, readonly string[]])[] {
  const { options, kwargs, task } = dict
  const names = typeof task === 'string' && isDict(kwargs) ? NESTED_KWARGS.get(task) : undefined
  const found: (readonly ['options' | 'kwargs', Dict, readonly string[]])[] = []
  if (isDict(options)) found.push(['options', options, NESTED_OPTIONS])
  if (names !== undefined) found.push(['kwargs', kwargs as Dict, names])
  return found
}

/** What is no signature begins no further level. */
function collect(value: unknown, into: unknown[], limit: number): void {
  if (isDict(value)) into.push(value)
  else if (!Array.isArray(value)) return
  else for (let i = 0; i < value.length && into.length <= limit; i++) into.push(value[i])
}

function signatureProblem(value: unknown): string | undefined {
  if (!isDict(value))
    return `is ${Array.isArray(value) ? 'a list' : value === null ? 'null' : typeof value}, not an object`
  const name = nameProblem(value['task'])
  if (name !== undefined) return `has a task that ${name}`
  if (!isAbsent(value['args']) && !Array.isArray(value['args'])) return 'has args that are not a list'
  if (!isAbsent(value['kwargs']) && !isDict(value['kwargs'])) return 'has kwargs that are not an object'
  if (!isAbsent(value['options']) && !isDict(value['options'])) return 'has options that are not an object'
  if (!isAbsent(value['subtask_type']) && typeof value['subtask_type'] !== 'string')
    return 'has a subtask_type that is not text'
  return undefined
}

function read(dict: Dict): Signature {
  const size = dict['chord_size']
  return {
    task: dict['task'] as TaskName,
    args: (dict['args'] ?? []) as readonly unknown[],
    kwargs: (dict['kwargs'] ?? {}) as Kwargs,
    options: computable((dict['options'] ?? {}) as Dict),
    subtaskType: (dict['subtask_type'] ?? null) as string | null,
    immutable: dict['immutable'] === true,
    ...(typeof size === 'number' ? { chordSize: size } : {}),
  }
}

/** Options that are computed with before the signature is published: those must be numbers, however they were written. */
const COMPUTED_OPTIONS = [
  'countdown',
  'expires',
  'time_limit',
  'soft_time_limit',
  'priority',
  'retries',
  'group_index',
  'replaced_task_nesting',
] as const

function computable(options: Dict): Dict {
  let changed: Record<string, unknown> | undefined
  for (const name of COMPUTED_OPTIONS) {
    const value = options[name]
    if (!(value instanceof ExactNumber)) continue
    changed ??= { ...options }
    changed[name] = value.valueOf()
  }
  return changed ?? options
}

interface Count {
  nodes: number
  readonly limits: Limits
}

function toDict(signature: Signature, count: Count, depth: number): Dict {
  enter(count, depth)
  const problem = nameProblem(signature.task)
  if (problem !== undefined) throw new EncodeError('', `a signature has a task name that ${problem}`)
  const names = NESTED_KWARGS.get(signature.task)
  return {
    task: signature.task,
    args: signature.args,
    kwargs: names === undefined ? signature.kwargs : withDicts(signature.kwargs, names, count, depth),
    options: withDicts(signature.options, NESTED_OPTIONS, count, depth),
    subtask_type: signature.subtaskType,
    immutable: signature.immutable,
  }
}

function enter(count: Count, depth: number): void {
  const { canvasNodes, canvasDepth } = count.limits
  if (depth > canvasDepth) throw new EncodeError('', `signatures are nested more than ${canvasDepth} deep (L07)`)
  if (++count.nodes > canvasNodes)
    throw new EncodeError('', `there are more than ${canvasNodes} signatures in one message (L07)`)
}

/** The same members in the same order, those named turned into dicts; the same object when it has none of them. */
function withDicts(values: Dict, names: readonly string[], count: Count, depth: number): Dict {
  let changed: Record<string, unknown> | undefined
  for (const name of names) {
    const value = values[name]
    if (typeof value !== 'object' || value === null) continue
    changed ??= { ...values }
    changed[name] = Array.isArray(value)
      ? value.map(item => nested(item, count, depth + 1))
      : nested(value, count, depth + 1)
  }
  return changed ?? values
}

function nested(value: unknown, count: Count, depth: number): unknown {
  if (!isDict(value)) return value
  if ('subtaskType' in value) return toDict(value as unknown as Signature, count, depth)
  enter(count, depth)
  let changed: Record<string, unknown> | undefined
  for (const [member, container, names] of nestedIn(value)) {
    changed ??= { ...value }
    changed[member] = withDicts(container, names, count, depth)
  }
  return changed ?? value
}
