import type { TaskId } from '../protocol/ids.js'
import type { ResultTuple } from '../protocol/result-meta.js'

/** The result with this parent at its root: a chain's last result leads through all its steps to what came before them. */
export function under(result: ResultTuple, parent: ResultTuple | undefined): ResultTuple {
  if (parent === undefined) return result
  return { ...result, parent: result.parent === undefined ? parent : under(result.parent, parent) }
}

/** Does a result hold groups, so that its value is a list of lists? */
export function isNested(members: readonly ResultTuple[]): boolean {
  return members.some(member => member.members !== undefined)
}

/** The tasks that a result waits for. */
export function leavesOf({ id, members }: ResultTuple): readonly TaskId[] {
  // A tuple without members is a task's.
  return members === undefined ? [id as TaskId] : members.flatMap(leavesOf)
}
