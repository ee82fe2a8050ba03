import { leavesOf } from '../canvas/result-tuples.js'
import type { GroupId, TaskId } from '../protocol/ids.js'
import type { GroupMeta, ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import { BackendError } from './errors.js'

/**
 * A chord whose header holds groups: Celery saves the header's group then, and the body gets the values of its members, a
 * list for each group within. Source: celery/backends/redis.py `on_chord_part_return`, celery/result.py `GroupResult.join`.
 */
export class ChordTree {
  readonly #group: GroupMeta
  readonly #fetch: (ids: readonly TaskId[]) => Promise<readonly (ResultMeta | undefined)[]>

  constructor(group: GroupMeta, fetch: (ids: readonly TaskId[]) => Promise<readonly (ResultMeta | undefined)[]>) {
    this.#group = group
    this.#fetch = fetch
  }

  async parts(): Promise<readonly ResultMeta[]> {
    const ids = [...new Set(this.#group.members.flatMap(leavesOf))]
    const found = await this.#fetch(ids)
    const byId = new Map(ids.map((id, at) => [id, found[at]]))
    return this.#group.members.map(member => partOf(member, byId))
  }
}

/**
 * The parts of a complete chord as its body gets them: as they are, or in the tree of the header where one was saved; then those
 * follow that its tasks have added. `fetch`: where values are kept besides. Default: they are those of the parts.
 */
export async function partsInTree(
  parts: readonly ResultMeta[],
  saved: GroupMeta | undefined,
  fetch?: (ids: readonly TaskId[]) => Promise<readonly (ResultMeta | undefined)[]>,
): Promise<readonly ResultMeta[]> {
  if (saved === undefined) return parts
  const byId = new Map(parts.map(part => [part.taskId, part]))
  const inTree = await new ChordTree(saved, fetch ?? (async ids => ids.map(id => byId.get(id)))).parts()
  const known = new Set(saved.members.flatMap(leavesOf))
  return [...inTree, ...parts.filter(part => !known.has(part.taskId))]
}

function partOf(tuple: ResultTuple, byId: ReadonlyMap<TaskId, ResultMeta | undefined>): ResultMeta {
  if (tuple.members === undefined) {
    const meta = byId.get(tuple.id as TaskId)
    if (meta !== undefined) return meta
    const message = `The result of task ${tuple.id}, a part of a chord, is not there any more; its time to live is over, or it was forgotten.`
    throw new BackendError('LVG_CHORD_PART_MISSING', message, { transient: true })
  }
  const parts = tuple.members.map(member => partOf(member, byId))
  const failed = parts.find(part => part.status !== 'SUCCESS')
  if (failed !== undefined) return failed
  return groupPart(tuple.id as GroupId, parts)
}

/** A group within the header stands for the list of its values. */
function groupPart(id: GroupId, parts: readonly ResultMeta[]): ResultMeta {
  return {
    // What has an id of its own in the tuple needs none that is a task's.
    taskId: id as string as TaskId,
    status: 'SUCCESS',
    result: parts.map(part => part.result),
    error: undefined,
    traceback: undefined,
    children: undefined,
    dateDone: undefined,
  }
}
