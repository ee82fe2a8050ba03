import { isAbsent } from './dict.js'
import { ResultDecodeError } from './errors.js'
import { type GroupId, nameProblem, type TaskId } from './ids.js'
import type { GroupMeta, ResultTuple } from './result-meta.js'

/*
 * Results as data: `[[id, parent], null]` for one task, `[[id, parent], [member, …]]` for a group, a parent being such a
 * tuple or null. Read as well, with the id not wrapped: `[id, null]`, `[id, members]`.
 * Source: celery/result.py `AsyncResult.as_tuple`, `GroupResult.as_tuple`, `result_from_tuple`.
 */

/** Parents and members within each other. A tuple takes two levels of the 512 that a body may have (L04). */
const MAX_DEPTH = 256

/** Throws `ResultDecodeError` for a tuple that contains itself. */
export function resultTupleToWire(tuple: ResultTuple): readonly unknown[] {
  return toWire(tuple, 1)
}

/** Throws `ResultDecodeError` for what is no result tuple. */
export function resultTupleFromWire(value: unknown): ResultTuple {
  return fromWire(value, 1)
}

/** A saved group: `{"result": <its tuple>}`. Source: celery/backends/base.py `_save_group`. */
export function groupMetaToDict(group: GroupMeta): Readonly<Record<string, unknown>> {
  return { result: resultTupleToWire(group) }
}

/** Throws `ResultDecodeError`. */
export function groupMetaFromDict(dict: unknown): GroupMeta {
  if (typeof dict !== 'object' || dict === null) throw new ResultDecodeError('a saved group is not an object')
  const { id, parent, members } = resultTupleFromWire((dict as { readonly result?: unknown }).result)
  if (members === undefined) throw new ResultDecodeError(`the saved group ${id} has no members`)
  return { id: id as GroupId, parent, members }
}

function toWire(tuple: ResultTuple, depth: number): readonly unknown[] {
  checkDepth(depth)
  const parent = tuple.parent === undefined ? null : toWire(tuple.parent, depth + 1)
  return [
    [tuple.id, parent],
    tuple.members === undefined ? null : tuple.members.map(member => toWire(member, depth + 1)),
  ]
}

function fromWire(value: unknown, depth: number): ResultTuple {
  checkDepth(depth)
  if (!Array.isArray(value) || value.length !== 2)
    throw new ResultDecodeError('a result is not a pair [[id, parent], members]')
  const [head, members] = value as readonly unknown[]
  const [id, parent] = Array.isArray(head) ? (head as readonly unknown[]) : [head, null]
  const problem = nameProblem(id)
  if (problem !== undefined) throw new ResultDecodeError(`the id of a result ${problem}`)
  if (!isAbsent(members) && !Array.isArray(members))
    throw new ResultDecodeError('the members of a group are not a list')
  return {
    id: id as TaskId,
    parent: isAbsent(parent) ? undefined : fromWire(parent, depth + 1),
    members: isAbsent(members) ? undefined : (members as readonly unknown[]).map(member => fromWire(member, depth + 1)),
  }
}

function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw new ResultDecodeError(`results are nested more than ${MAX_DEPTH} deep`)
}
