import { CanvasError } from '../canvas/errors.js'
import type { AsyncResult } from './async-result.js'
import { TaskError } from './errors.js'
import type { GroupResult } from './group-result.js'
import type { AnyResult, GetOptions } from './result.js'

export interface DagResultNode {
  readonly name: string
  readonly after: readonly string[]
  readonly result: AnyResult
}

/** What becomes of a `dag`: the results of its nodes, by name. `Values` are what they give. */
export class DagResult<Values extends object> {
  /** All nodes as a group, each behind what it comes after: to save, to revoke, to ask whether they are ready. */
  readonly group: GroupResult<readonly unknown[]>
  readonly #nodes: ReadonlyMap<string, DagResultNode>

  constructor(nodes: readonly DagResultNode[], group: GroupResult<readonly unknown[]>) {
    this.group = group
    this.#nodes = new Map(nodes.map(node => [node.name, node]))
  }

  /** Of one node. A canvas as a node is known by what it ends with. */
  node<Name extends keyof Values & string>(name: Name): AsyncResult<Values[Name]> {
    // `dag` has given each name a node, and made each node end in one task.
    return this.#node(name).result as AsyncResult<Values[Name]>
  }

  /** Nodes with the names of those that they come after, in an order in which they can run. */
  get nodes(): readonly DagResultNode[] {
    return [...this.#nodes.values()]
  }

  /**
   * Waits until every node has ended, or never will since one before it has failed; the values by name. Throws the error of
   * the first node, in the order of `nodes`, that failed itself.
   */
  async get(options: Omit<GetOptions, 'propagate'> = {}): Promise<Values> {
    const stop = new AbortController()
    const ends = new Map<string, Promise<unknown>>()
    // Nodes stand behind those that they come after.
    for (const node of this.#nodes.values()) ends.set(node.name, this.#endOf(node, ends, options, stop.signal))
    try {
      const values = await Promise.all([...ends].map(async ([name, end]) => [name, await end] as const))
      const failed = values.find(([, value]) => value instanceof TaskError)
      if (failed !== undefined) throw failed[1]
      return Object.fromEntries(values) as Values
    } finally {
      // Nobody waits any more for what will never come.
      stop.abort()
    }
  }

  /** Its value or error; where one that it comes after has failed, that error, whether or not a worker has told. */
  async #endOf(
    { result, after }: DagResultNode,
    ends: ReadonlyMap<string, Promise<unknown>>,
    options: Omit<GetOptions, 'propagate'>,
    stopped: AbortSignal,
  ): Promise<unknown> {
    const stop = new AbortController()
    const given = options.signal === undefined ? [stopped, stop.signal] : [stopped, stop.signal, options.signal]
    const own = result.get({ ...options, signal: AbortSignal.any(given), propagate: false })
    const never = after.map(async name => {
      const end = await ends.get(name)
      return end instanceof TaskError ? end : new Promise<never>(() => undefined)
    })
    try {
      return await Promise.race([own, ...never])
    } finally {
      own.catch(() => undefined)
      stop.abort()
    }
  }

  #node(name: string): DagResultNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new CanvasError(`dag.${name}`, 'there is no node of this name')
    return node
  }
}
