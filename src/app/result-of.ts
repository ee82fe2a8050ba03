import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import { AsyncResult } from './async-result.js'
import { GroupResult } from './group-result.js'
import type { AnyResult, ResultLineage, ResultSource } from './result.js'

/**
 * The results that a tuple stands for, its parents included. `rootId`: of their workflow, where it is known. `ends`: those that are
 * known already, because the tasks ran in the caller.
 */
export function resultOf(
  tuple: ResultTuple,
  source: ResultSource,
  rootId?: TaskId,
  ends?: ReadonlyMap<TaskId, ResultMeta>,
): AnyResult {
  // A chain may have ten thousand steps: too many to go back through by calling oneself.
  const steps: ResultTuple[] = []
  for (let step: ResultTuple | undefined = tuple; step !== undefined; step = step.parent) steps.push(step)
  const [first, ...later] = steps.reverse() as [ResultTuple, ...ResultTuple[]]
  const begin = oneResult(first, source, { parent: undefined, rootId }, ends)
  return later.reduce((parent, step) => oneResult(step, source, { parent, rootId }, ends), begin)
}

function oneResult(
  { id, members }: ResultTuple,
  source: ResultSource,
  lineage: ResultLineage,
  ends: ReadonlyMap<TaskId, ResultMeta> | undefined,
): AnyResult {
  // A tuple with members has the id of a group, any other that of a task.
  if (members === undefined) return new AsyncResult(id as TaskId, source, { ...lineage, meta: ends?.get(id as TaskId) })
  const results = members.map(member => resultOf(member, source, lineage.rootId, ends))
  return new GroupResult(id as GroupId, results, source, lineage)
}

/** A result and all below it, each with its value or error, breadth first; waits for each. Source: celery/result.py collect. */
export async function* collect(root: AnyResult): AsyncGenerator<readonly [AnyResult, unknown], void, undefined> {
  const queue: AnyResult[] = [root]
  for (let result = queue.shift(); result !== undefined; result = queue.shift()) {
    const value = await result.get({ propagate: false })
    queue.push(...(await result.children()))
    yield [result, value]
  }
}

/** Who is below whom, as far as it is known by now. Source: celery/result.py build_graph. */
export interface ResultGraph {
  readonly nodes: readonly AnyResult[]
  /** Ids. */
  readonly edges: readonly (readonly [parent: string, child: string])[]
}

export async function resultGraph(root: AnyResult): Promise<ResultGraph> {
  const nodes = new Map<string, AnyResult>()
  const edges: (readonly [string, string])[] = []
  const queue: AnyResult[] = [root]
  for (let result = queue.shift(); result !== undefined; result = queue.shift()) {
    if (nodes.has(result.id)) continue
    nodes.set(result.id, result)
    for (const child of await result.children()) {
      edges.push([result.id, child.id])
      queue.push(child)
    }
  }
  return { nodes: [...nodes.values()], edges }
}
