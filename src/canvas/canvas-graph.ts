import type { Signature } from '../protocol/signature.js'
import { asSignature, linksOf } from '../protocol/signature-place.js'
import { checkCanvas } from './check-canvas.js'
import { type Dag, isDag } from './dag.js'
import { bodyOf, headerOf, kindOf, membersOf } from './members.js'

/* A canvas as nodes and arrows, for whoever looks at it. `draw-graph.ts` writes them down. */

export interface CanvasGraph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

export interface GraphNode {
  /** `n0`, `n1`, … */
  readonly id: string
  /** Lines of text. */
  readonly label: string
  /** `gather`: no task, but a place where all that comes before is waited for. */
  readonly kind: 'task' | 'gather'
  /** Of a task that has been sent. */
  readonly state?: string
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** `next`: with the value; `link`: a callback; `error`: an errback. */
  readonly kind: 'next' | 'link' | 'error'
}

/** More members of a group that are the same task are drawn as one. */
const MOST_ALIKE = 12

/** What a canvas consists of, and what comes after what. Throws `CanvasError` for what can never run. */
export function canvasGraph(canvas: Signature | Dag): CanvasGraph {
  const drawing = new Drawing()
  if (isDag(canvas)) drawing.dag(canvas)
  else {
    checkCanvas(canvas)
    drawing.part(canvas)
  }
  return { nodes: drawing.nodes, edges: drawing.edges }
}

/** Where a part begins and where it ends. */
interface Part {
  readonly starts: readonly string[]
  readonly ends: readonly string[]
}

const NO_PART: Part = { starts: [], ends: [] }

class Drawing {
  readonly nodes: GraphNode[] = []
  readonly edges: GraphEdge[] = []

  dag({ nodes }: Dag): void {
    const parts = new Map<string, Part>()
    for (const { name, run, after } of nodes) {
      const part = this.part(run, name)
      parts.set(name, part)
      for (const before of after) this.#connect(parts.get(before)?.ends ?? [], part.starts)
    }
  }

  part(signature: Signature, name?: string): Part {
    const part = this.#own(signature, name)
    for (const callback of linksOf(signature, 'link')) this.#connect(part.ends, this.part(callback).starts, 'link')
    for (const errback of linksOf(signature, 'linkError')) this.#connect(part.ends, this.part(errback).starts, 'error')
    return part
  }

  #own(signature: Signature, name: string | undefined): Part {
    switch (kindOf(signature)) {
      case 'chain':
        return this.#inARow(membersOf(signature), name)
      case 'group':
        return this.#besides(membersOf(signature), name)
      case 'chord':
        return this.#after(this.#besides(membersOf(headerOf(signature)), name), () => this.part(bodyOf(signature)))
      default:
        return this.#task(labelOf(signature), name)
    }
  }

  #inARow(steps: readonly Signature[], name: string | undefined): Part {
    return steps.reduce((before, step) => this.#after(before, () => this.part(step, name)), NO_PART)
  }

  #after(before: Part, draw: () => Part): Part {
    const next = draw()
    if (next.starts.length === 0) return before
    if (before.ends.length === 0) return next
    this.#connect(before.ends, next.starts)
    return { starts: before.starts, ends: next.ends }
  }

  #besides(members: readonly Signature[], name: string | undefined): Part {
    const alike = members.length > MOST_ALIKE ? nameOfAll(members) : undefined
    if (alike !== undefined) return this.#task(`${alike} × ${members.length}`, name)
    const parts = members.map(member => this.part(member, name))
    return { starts: parts.flatMap(({ starts }) => starts), ends: parts.flatMap(({ ends }) => ends) }
  }

  #task(label: string, name: string | undefined): Part {
    const id = this.#node(name === undefined ? label : `${name}\n${label}`, 'task')
    return { starts: [id], ends: [id] }
  }

  /** Many to many go through one place, or there would be an arrow for every pair. */
  #connect(from: readonly string[], to: readonly string[], kind: GraphEdge['kind'] = 'next'): void {
    if (from.length > 1 && to.length > 1) {
      const gather = this.#node('', 'gather')
      this.#connect(from, [gather], kind)
      this.#connect([gather], to, kind)
    } else for (const one of from) for (const other of to) this.edges.push({ from: one, to: other, kind })
  }

  #node(label: string, kind: GraphNode['kind']): string {
    const id = `n${this.nodes.length}`
    this.nodes.push({ id, label, kind })
    return id
  }
}

/** The one task that all of them are, with nothing linked to it. */
function nameOfAll(members: readonly Signature[]): string | undefined {
  const [first] = members
  if (first === undefined) return undefined
  const label = labelOf(first)
  const isAlike = (member: Signature): boolean =>
    kindOf(member) === 'task' &&
    labelOf(member) === label &&
    linksOf(member, 'link').length === 0 &&
    linksOf(member, 'linkError').length === 0
  return members.every(isAlike) ? label : undefined
}

/** `shop.price`, and `map of shop.price, 3 items` for what calls another task. */
function labelOf({ task, kwargs }: Signature): string {
  const { task: called, it } = kwargs
  if (!/^celery\.(map|starmap|chunks)$/.test(task) || called === undefined) return task
  const items = Array.isArray(it) ? `, ${it.length} ${it.length === 1 ? 'item' : 'items'}` : ''
  return `${task.slice('celery.'.length)} of ${asSignature(called).task}${items}`
}
