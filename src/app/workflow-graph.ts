import type { CanvasGraph, GraphEdge, GraphNode } from '../canvas/canvas-graph.js'
import type { ResultMeta } from '../protocol/result-meta.js'
import { AsyncResult } from './async-result.js'
import { DagResult } from './dag-result.js'
import type { AnyResult, ResultSource } from './result.js'

/*
 * A workflow that has been sent, as far as its results are known by now: each task with its state, and what came after what. What
 * leads to a result is its parents, what came of it its children; a record names the task that published it. Names are known with
 * `resultExtended`.
 */

/** More members of a group that published nothing are drawn as one. */
const MOST_ALIKE = 12

/** Everything that can be found from one result on, backwards and forwards. */
export async function workflowGraph(
  result: AnyResult | DagResult<object>,
  source: Pick<ResultSource, 'resultBackend'> & { result(id: string): AsyncResult<unknown> },
): Promise<CanvasGraph> {
  const drawing = new Drawing(source)
  if (result instanceof DagResult) await drawing.dag(result)
  else {
    await drawing.before(result)
    await drawing.part(result)
  }
  return { nodes: drawing.nodes, edges: drawing.edges }
}

interface Part {
  readonly starts: readonly string[]
  readonly ends: readonly string[]
}

class Drawing {
  readonly nodes: GraphNode[] = []
  readonly edges: GraphEdge[] = []
  /** Node by task. */
  readonly #known = new Map<string, string>()
  readonly #arrows = new Set<string>()
  readonly #source: Parameters<typeof workflowGraph>[1]

  constructor(source: Parameters<typeof workflowGraph>[1]) {
    this.#source = source
  }

  async dag({ nodes }: DagResult<object>): Promise<void> {
    const ids = new Map<string, string>()
    for (const { name, after, result } of nodes) {
      const { status } = await metaOf(result)
      ids.set(name, this.#node(name, status))
      for (const before of after) this.#connect([ids.get(before) as string], [ids.get(name) as string])
    }
  }

  /** Whoever published it, and who published that, with all that they published besides. */
  async before(result: AnyResult): Promise<void> {
    if (!(result instanceof AsyncResult)) return
    const way = [result.id as string]
    for (let meta = await metaOf(result); meta.parentId !== undefined && !way.includes(meta.parentId); ) {
      way.push(meta.parentId)
      meta = await metaOf(this.#source.result(meta.parentId))
    }
    const found: Part[] = []
    for (const id of way.toReversed()) {
      const part = await this.#task(this.#source.result(id))
      const before = found.at(-1)
      // An arrow is there already where what it published was told with its header.
      if (before !== undefined && !this.#isReached(part)) this.#connect(before.ends, part.starts)
      found.push(part)
    }
  }

  async part(result: AnyResult): Promise<Part> {
    const own = result instanceof AsyncResult ? await this.#task(result) : await this.#members(await result.children())
    if (result.parent === undefined) return own
    const before = await this.part(result.parent)
    if (own.starts.length === 0) return before
    this.#connect(before.ends, own.starts)
    return { starts: before.starts.length === 0 ? own.starts : before.starts, ends: own.ends }
  }

  async #task(result: AsyncResult<unknown>): Promise<Part> {
    const known = this.#known.get(result.id)
    if (known !== undefined) return { starts: [known], ends: [known] }
    const meta = await metaOf(result)
    const id = this.#node(labelOf(meta), meta.status)
    this.#known.set(result.id, id)
    for (const child of await result.children()) {
      // A retry is listed among its own children.
      if (child.id === result.id) continue
      this.#connect([id], (await this.part(child)).starts)
    }
    return { starts: [id], ends: [id] }
  }

  async #members(members: readonly AnyResult[]): Promise<Part> {
    const together = members.length > MOST_ALIKE ? await this.#together(members) : undefined
    if (together !== undefined) return together
    const parts: Part[] = []
    for (const member of members) parts.push(await this.part(member))
    return { starts: parts.flatMap(({ starts }) => starts), ends: parts.flatMap(({ ends }) => ends) }
  }

  /** Tasks that published nothing and come after nothing, as one node that says how many are in which state. */
  async #together(members: readonly AnyResult[]): Promise<Part | undefined> {
    if (members.some(member => member.kind === 'group' || member.parent !== undefined)) return undefined
    const known = members.map(({ id }) => this.#known.get(id))
    if (known[0] !== undefined && known.every(each => each === known[0]))
      return { starts: [known[0]], ends: [known[0]] }
    const metas = await Promise.all(members.map(metaOf))
    if (metas.some(({ children }) => (children ?? []).length > 0)) return undefined
    const states = new Map<string, number>()
    for (const { status } of metas) states.set(status, (states.get(status) ?? 0) + 1)
    const [[only] = []] = [...states.keys()].length === 1 ? [...states] : []
    const counts = [...states].map(([state, count]) => `${count} ${state}`).sort()
    const id = this.#node([`${members.length} tasks`, ...(only === undefined ? counts : [])].join('\n'), only)
    for (const member of members) this.#known.set(member.id, id)
    return { starts: [id], ends: [id] }
  }

  #isReached({ starts }: Part): boolean {
    return this.edges.some(({ to }) => starts.includes(to))
  }

  #connect(from: readonly string[], to: readonly string[]): void {
    if (from.length > 1 && to.length > 1) {
      const key = `${from.join()} → ${to.join()}`
      if (this.#arrows.has(key)) return
      this.#arrows.add(key)
      const id = `n${this.nodes.length}`
      this.nodes.push({ id, label: '', kind: 'gather' })
      this.#connect(from, [id])
      this.#connect([id], to)
      return
    }
    for (const one of from) for (const other of to) this.#arrow(one, other)
  }

  #arrow(from: string, to: string): void {
    const key = `${from} → ${to}`
    if (from === to || this.#arrows.has(key)) return
    this.#arrows.add(key)
    this.edges.push({ from, to, kind: 'next' })
  }

  #node(label: string, state: string | undefined): string {
    const id = `n${this.nodes.length}`
    this.nodes.push({ id, label, kind: 'task', ...(state === undefined ? {} : { state }) })
    return id
  }
}

/** A group has no record. */
async function metaOf(result: AnyResult): Promise<ResultMeta> {
  // What is no group is an `AsyncResult`.
  return (result as AsyncResult<unknown>).meta()
}

function labelOf({ taskId, extended }: ResultMeta): string {
  const { name } = extended ?? {}
  const short = taskId.slice(0, 8)
  return name === undefined ? short : `${name}\n${short}`
}
