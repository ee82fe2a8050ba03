import type { GroupId, TaskId } from '../protocol/ids.js'
import type { Limits } from '../protocol/limits.js'
import type { ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { canvasProblem } from '../protocol/signature-dict.js'
import { wireOptions, withOptions } from '../protocol/signature-options.js'
import { embeddedIn, type Place } from '../protocol/signature-place.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import type { Dag, DagStep } from './dag.js'
import { endsOf } from './ends.js'
import { CanvasError } from './errors.js'
import { Freezer, type FreezerParts } from './freeze.js'
import { accumulate, chordOf, groupOf, kindOf } from './members.js'
import { pipe, unrolled } from './pipe.js'
import { planCanvas } from './plan.js'

/*
 * A graph as messages that any of Celery's workers can carry on. What a node has behind it travels in its message:
 *
 * - one follower is the next step of its chain, several are a group at the chain's end;
 * - a node that gathers several values is the body of a chord, of which what it comes after are the parts;
 * - a task can be a part of one chord only. For every further one a relay stands in its chain: `celery.accumulate`, which
 *   every worker of either language knows, hands the value on and is the part;
 * - nodes that gather the same values begin with one chord; where they, and only they, are gathered again, that is a chord in
 *   the body of the first one, so that graphs made of stages grow by their nodes and not by their paths.
 *
 * As a later step of a chain everything is told when something before it fails.
 */

export interface DagPlan {
  readonly steps: readonly WorkflowStep[]
  /** By name: what the node ends with. */
  readonly results: ReadonlyMap<string, ResultTuple>
}

export interface DagParts extends FreezerParts {
  readonly limits: Limits
  /** The signature with options that send it to where another goes. */
  beside(signature: Signature, other: Signature): Signature
}

/** Throws `CanvasError` when the way through a node is too long or wide for one message (L07). */
export function planDag(dag: Dag, parts: DagParts): DagPlan {
  return new DagPlanner(dag, parts).plan()
}

/** Nodes that are given the same values, in the same order. */
interface Join {
  readonly id: GroupId
  readonly parts: readonly string[]
  readonly targets: DagStep[]
}

class DagPlanner {
  readonly #dag: Dag
  readonly #parts: DagParts
  readonly #freezer: Freezer
  /** By the names of their parts. */
  readonly #joins = new Map<string, Join>()
  readonly #joinsOf = new Map<string, Join[]>()
  readonly #followersOf = new Map<string, DagStep[]>()
  readonly #results = new Map<string, ResultTuple>()
  readonly #placed = new Map<string, Signature>()
  readonly #later = new Map<string, readonly Signature[]>()
  readonly #bodies = new Map<GroupId, Signature>()
  /** Chords within the body of another: opened by whoever starts them. */
  readonly #inner = new Set<GroupId>()

  constructor(dag: Dag, parts: DagParts) {
    this.#dag = dag
    this.#parts = parts
    this.#freezer = new Freezer(parts)
    for (const step of dag.nodes) this.#connect(step)
    const starts = [...this.#joins.values()].map(({ targets }) => targets)
    for (const targets of [...starts, ...this.#followersOf.values()]) {
      const stage = this.#stageOf(targets)
      if (stage !== undefined) this.#inner.add(stage.id)
    }
  }

  plan(): DagPlan {
    // The last ones first: what stands behind a node is made before the node, however long the way is.
    for (const step of this.#dag.nodes.toReversed()) {
      this.#node(step)
      this.#laterOf(step)
    }
    const steps: WorkflowStep[] = []
    for (const join of this.#joins.values()) if (!this.#inner.has(join.id)) steps.push(this.#opening(join))
    for (const step of this.#dag.nodes) {
      if (step.after.length > 0) continue
      const source = withLater(this.#node(step), this.#laterOf(step))
      this.#checkSize(step, source)
      steps.push(...planCanvas(source, this.#parts).steps)
    }
    return { steps, results: this.#results }
  }

  #connect(step: DagStep): void {
    if (!step.gathers) {
      for (const before of step.after) push(this.#followersOf, before, step)
      return
    }
    const key = JSON.stringify(step.after)
    const known = this.#joins.get(key)
    if (known !== undefined) known.targets.push(step)
    else {
      const join = { id: this.#freezer.draw() as string as GroupId, parts: step.after, targets: [step] }
      this.#joins.set(key, join)
      for (const part of step.after) push(this.#joinsOf, part, join)
    }
  }

  #checkSize({ name }: DagStep, source: Signature): void {
    const problem = canvasProblem(embeddedIn(source), this.#parts.limits)
    if (problem === undefined) return
    throw new CanvasError(
      `dag.${name}`,
      `in the message that carries what is behind it, ${problem} (L07): there are too many ways from here; let one node gather the values in between`,
    )
  }

  #opening(join: Join): WorkflowStep {
    const header = join.parts.map(name => ({
      id: this.#results.get(name)?.id as TaskId,
      parent: undefined,
      members: undefined,
    }))
    // Values of the others come by relays.
    const ends = join.parts.flatMap((name, index) => {
      const id = this.#results.get(name)?.id as TaskId | undefined
      return id === undefined || this.#joinsOf.get(name)?.[0] !== join ? [] : [{ id, index }]
    })
    return { kind: 'open-chord', chord: join.id, parts: join.parts.length, body: this.#body(join), header, ends }
  }

  /** The node under its id, a part of the first of its chords. */
  #node(step: DagStep): Signature {
    const known = this.#placed.get(step.name)
    if (known !== undefined) return known
    const [first] = this.#joinsOf.get(step.name) ?? []
    const place = first === undefined ? {} : this.#partOf(first, step.name)
    const { signature, result } = this.#freezer.freeze(gathered(step.run), place)
    this.#results.set(step.name, result)
    this.#placed.set(step.name, signature)
    return signature
  }

  #partOf(join: Join, name: string): Place {
    if (this.#inner.has(join.id)) return {}
    return { groupId: join.id, groupIndex: join.parts.indexOf(name), chord: this.#body(join) }
  }

  /** What follows a node, in order. */
  #laterOf(step: DagStep): readonly Signature[] {
    const known = this.#later.get(step.name)
    if (known !== undefined) return known
    const [, ...others] = this.#joinsOf.get(step.name) ?? []
    const relays = others.map(join => this.#relay(join, step))
    const later = [...relays, ...this.#starting(this.#followersOf.get(step.name) ?? [])]
    this.#later.set(step.name, later)
    return later
  }

  #relay(join: Join, step: DagStep): Signature {
    const [end = step.run] = endsOf(this.#node(step))
    return this.#freezer.freeze(this.#parts.beside(accumulate, end), this.#partOf(join, step.name)).signature
  }

  /** What runs with the values that a chord has gathered. */
  #body(join: Join): Signature {
    const known = this.#bodies.get(join.id)
    if (known !== undefined) return known
    const [first, ...later] = this.#starting(join.targets)
    // A join has a target, or it would not be there.
    const body = withLater(first as Signature, later)
    this.#bodies.set(join.id, body)
    return body
  }

  /** Nodes that start with one value, as steps of a chain. */
  #starting(targets: readonly DagStep[]): readonly Signature[] {
    const [only, another] = targets
    if (only === undefined) return []
    if (another === undefined) return [this.#node(only), ...this.#laterOf(only)]
    const stage = this.#stageOf(targets)
    if (stage !== undefined) {
      const header = stage.parts.map(name => this.#node(this.#stepCalled(name, targets)))
      return [chordOf(named(groupOf(header), stage.id), this.#body(stage))]
    }
    const members = targets.map(step => withLater(this.#node(step), this.#laterOf(step)))
    return [named(groupOf(members), this.#freezer.draw())]
  }

  /** The chord that gathers all of them and nobody else, while nothing else comes after them: it stands there whole. */
  #stageOf(targets: readonly DagStep[]): Join | undefined {
    const [first, another] = targets
    if (first === undefined || another === undefined) return undefined
    const [join] = this.#joinsOf.get(first.name) ?? []
    if (join?.parts.length !== targets.length) return undefined
    const isIn = ({ name }: DagStep): boolean => {
      const [own, more] = this.#joinsOf.get(name) ?? []
      return own === join && more === undefined && !this.#followersOf.has(name)
    }
    return targets.every(isIn) ? join : undefined
  }

  #stepCalled(name: string, steps: readonly DagStep[]): DagStep {
    // Of a stage: its parts are those steps.
    return steps.find(step => step.name === name) as DagStep
  }
}

/** A group gives the list of its values: what comes after it waits for all of them. */
function gathered(run: Signature): Signature {
  const only = unrolled(run)
  return endsOf(only).some(end => kindOf(end) === 'group') ? pipe(only, accumulate) : only
}

/** With what runs after it. */
function withLater(signature: Signature, later: readonly Signature[]): Signature {
  return later.length === 0 ? signature : withOptions(signature, wireOptions({ chain: later.toReversed() }))
}

function named(group: Signature, id: TaskId | GroupId): Signature {
  return withOptions(group, wireOptions({ taskId: id as TaskId }))
}

function push<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
