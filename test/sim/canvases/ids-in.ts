import type { TaskId } from '../../../src/protocol/ids.js'
import type { ResultTuple } from '../../../src/protocol/result-meta.js'

/** All tasks that a result leads to, those before it included. */
export function idsIn({ id, parent, members }: ResultTuple): readonly TaskId[] {
  const before = parent === undefined ? [] : idsIn(parent)
  // A tuple without members has the id of a task.
  return [...before, ...(members === undefined ? [id as TaskId] : members.flatMap(idsIn))]
}
