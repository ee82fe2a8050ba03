import { suggest } from '../lib/suggest.js'
import type { Signature } from '../protocol/signature.js'
import { isSignature } from '../protocol/signature-place.js'
import type { AnySignature, DoesNotFit, TakesOf } from './canvas.js'
import { CanvasError } from './errors.js'
import type { ResultOf, TypedSignature } from './typed-signature.js'

/*
 * Tasks that depend on each other in any way without a cycle. Chains, groups and chords are what can be drawn with brackets; here
 * every node names what comes before it. `plan-dag.ts` makes messages of it that Celery's canvas can carry.
 */

/** A task, or a canvas, that runs after others. */
export interface DagNode<Run extends AnySignature = AnySignature> {
  readonly run: Run
  /** One name: its value is put in front of the arguments. A list of names: the list of their values is. */
  readonly after: string | readonly string[]
}

/** What `dag` is given: a signature runs at once. */
export type DagNodes = Readonly<Record<string, AnySignature | DagNode>>

/** A checked graph, as frozen data. `Values` are those of its nodes, by name. */
export interface Dag<Values extends object = object> {
  readonly kind: 'dag'
  /** Each after all that it depends on. */
  readonly nodes: readonly DagStep[]
  /** Never present. */
  readonly __values?: Values
}

export interface DagStep {
  readonly name: string
  readonly run: Signature
  /** In the order of its arguments. */
  readonly after: readonly string[]
  /** It is given the list of the values, rather than the one value itself. */
  readonly gathers: boolean
}

type RunOf<Node> = Node extends { readonly run: infer Run } ? Run : Node

type ValueOf<Nodes, Name> = Name extends keyof Nodes ? ResultOf<RunOf<Nodes[Name]>> : unknown

/** What a node is given for what stands in its `after`. */
type GivenBy<Nodes, After> = After extends readonly unknown[]
  ? { -readonly [I in keyof After]: ValueOf<Nodes, After[I]> }
  : ValueOf<Nodes, After>

/** What the compiler shows for a name in `after` that no node has. */
export interface NoSuchNode<Name> {
  readonly 'there is no node': Name
}

type NamedNode<Nodes, Name> = Name extends keyof Nodes ? Name : NoSuchNode<Name>

type NamedNodes<Nodes, After> = After extends readonly unknown[]
  ? { readonly [I in keyof After]: NamedNode<Nodes, After[I]> }
  : NamedNode<Nodes, After>

/** Each node where it fits what it depends on, otherwise the reason why not. */
export type FittingNodes<Nodes> = {
  readonly [Name in keyof Nodes]: Nodes[Name] extends { readonly run: infer Run; readonly after: infer After }
    ? { readonly run: FittingRun<GivenBy<Nodes, After>, Run>; readonly after: NamedNodes<Nodes, After> }
    : Nodes[Name] extends TypedSignature<readonly [], unknown>
      ? Nodes[Name]
      : DoesNotFit<never, TakesOf<Nodes[Name]>>
}

type FittingRun<Given, Run> =
  Run extends TypedSignature<readonly [Given], unknown> ? Run : DoesNotFit<Given, TakesOf<Run>>

/** The values of all nodes. */
export type DagValues<Nodes> = { readonly [Name in keyof Nodes]: ResultOf<RunOf<Nodes[Name]>> }

/**
 * A graph of tasks: each node is a signature, or `{ run, after }`, and runs as soon as all that it comes after have succeeded.
 * Throws `CanvasError` for a name that no node has, a cycle, a node that is no signature, and where there are no nodes.
 */
export function dag<const Nodes extends DagNodes>(nodes: Nodes & FittingNodes<Nodes>): Dag<DagValues<Nodes>> {
  const steps = new Map(Object.entries(nodes as DagNodes).map(([name, node]) => [name, stepOf(name, node)]))
  if (steps.size === 0) throw new CanvasError('dag', 'it has no nodes')
  for (const step of steps.values()) checkNames(step, steps)
  return Object.freeze({ kind: 'dag', nodes: Object.freeze(inOrder(steps)) })
}

export function isDag(value: unknown): value is Dag {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'dag'
}

function stepOf(name: string, node: unknown): DagStep {
  const path = `dag.${name}`
  if (isSignature(node)) return Object.freeze({ name, run: node, after: NOTHING, gathers: false })
  if (typeof node !== 'object' || node === null || !('run' in node)) throw noSignature(path, node)
  const { run, after = NOTHING } = node as { readonly run: unknown; readonly after?: unknown }
  if (!isSignature(run)) throw noSignature(`${path}.run`, run)
  if (typeof after === 'string') return Object.freeze({ name, run, after: Object.freeze([after]), gathers: false })
  if (!Array.isArray(after) || !after.every(each => typeof each === 'string'))
    throw new CanvasError(`${path}.after`, 'it must be the name of a node, or a list of names')
  return Object.freeze({ name, run, after: Object.freeze([...after]), gathers: after.length > 0 })
}

function noSignature(path: string, value: unknown): CanvasError {
  const hint = typeof value === 'function' ? '; call its s() for one' : ''
  return new CanvasError(path, `it is no signature but ${value === null ? 'null' : typeof value}${hint}`)
}

function checkNames({ name, after, gathers }: DagStep, steps: ReadonlyMap<string, DagStep>): void {
  after.forEach((before, at) => {
    const path = `dag.${name}.after${gathers ? `[${at}]` : ''}`
    if (!steps.has(before)) {
      const meant = suggest(before, [...steps.keys()])
      const hint = meant === undefined ? '' : `; did you mean '${meant}'?`
      throw new CanvasError(path, `there is no node called '${before}'${hint}`)
    }
    if (after.indexOf(before) !== at) throw new CanvasError(path, `'${before}' is there already`)
  })
}

/** Each behind all that it depends on, otherwise in the order in which they were given. Throws for a cycle. */
function inOrder(steps: ReadonlyMap<string, DagStep>): readonly DagStep[] {
  const open = new Map([...steps].map(([name, { after }]) => [name, after.length]))
  const followers = new Map<string, string[]>([...steps.keys()].map(name => [name, []]))
  for (const { name, after } of steps.values()) for (const before of after) followers.get(before)?.push(name)
  const order = [...steps.values()].filter(({ after }) => after.length === 0)
  for (let at = 0; at < order.length; at++) {
    for (const name of followers.get((order[at] as DagStep).name) ?? []) {
      const left = (open.get(name) ?? 0) - 1
      open.set(name, left)
      if (left === 0) order.push(steps.get(name) as DagStep)
    }
  }
  if (order.length < steps.size) throw cycleIn(steps, new Set(order.map(({ name }) => name)))
  return order
}

/** Every node that is left depends on one that is left, so whoever follows them comes round. */
function cycleIn(steps: ReadonlyMap<string, DagStep>, ordered: ReadonlySet<string>): CanvasError {
  const isLeft = (name: string): boolean => !ordered.has(name)
  const way: string[] = []
  let name = [...steps.keys()].find(isLeft) as string
  while (!way.includes(name)) {
    way.push(name)
    name = steps.get(name)?.after.find(isLeft) as string
  }
  const round = [...way.slice(way.indexOf(name)), name].toReversed()
  return new CanvasError(`dag.${name}`, `it comes after itself: ${round.join(' → ')}`)
}

const NOTHING: readonly string[] = Object.freeze([])
