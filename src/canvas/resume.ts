import type { GroupId, TaskId } from '../protocol/ids.js'
import { renameSignature } from '../protocol/rename-signature.js'
import type { ResultMeta, ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import {
  signatureChord,
  signatureGroupId,
  signatureGroupIndex,
  signatureTaskId,
  wireOptions,
} from '../protocol/signature-options.js'
import { partOptions } from '../protocol/signature-place.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import { everyoneIn } from './ends.js'
import { bodyOf, headerOf, kindOf, membersOf } from './members.js'
import { planCanvas } from './plan.js'

/*
 * What it takes to go on with a workflow that stands still. What has succeeded stays. What has ended otherwise, an id that is
 * thereby used up, and everything that was told of it, gets new ids; what has not ended keeps its own. A chord that has ended in
 * an error is another chord from now on, of which the parts that have succeeded are counted at once.
 */

export interface ResumeFacts {
  /** The stored record. */
  meta(id: TaskId): ResultMeta | undefined
  /** Some worker has it, or it waits for its next attempt: it goes on by itself. */
  underWay(id: TaskId): boolean
  draw(): TaskId
}

type OpenChord = Extract<WorkflowStep, { readonly kind: 'open-chord' }>

export interface CountedPart {
  readonly chord: GroupId
  readonly index: number | undefined
  readonly meta: ResultMeta
}

export interface Resumption {
  /** The workflow as it is from now on. */
  readonly steps: readonly WorkflowStep[]
  /** Old id → new one. */
  readonly names: ReadonlyMap<string, string>
  /** First. */
  readonly chords: readonly OpenChord[]
  /** Then: parts of chords that begin anew. */
  readonly parts: readonly CountedPart[]
  /** Then. Complete signatures. */
  readonly sends: readonly Signature[]
  readonly underWay: readonly TaskId[]
}

/** Every task and group of a workflow, as far as it is known. */
export function everyoneOfSteps(steps: readonly WorkflowStep[]): readonly Signature[] {
  return steps.flatMap(step => everyoneIn(step.kind === 'publish' ? step.signature : step.body))
}

export function resume(steps: readonly WorkflowStep[], facts: ResumeFacts): Resumption {
  const names = newNames(steps, facts)
  const renamed = names.size === 0 ? steps : steps.map(step => renameStep(step, names))
  const walk = new Walk(facts, new Set(names.values()))
  walk.carryOn(renamed)
  return { steps: renamed, names, chords: walk.chords, parts: walk.parts, sends: walk.sends, underWay: walk.underWay }
}

function newNames(steps: readonly WorkflowStep[], facts: ResumeFacts): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const isLost = (one: Signature): boolean => {
    const id = signatureTaskId(one)
    const status = id === undefined ? undefined : facts.meta(id)?.status
    return status === 'FAILURE' || status === 'REVOKED'
  }
  for (const one of everyoneOfSteps(steps)) {
    const id = signatureTaskId(one)
    if (id !== undefined && isLost(one) && !names.has(id)) names.set(id, facts.draw())
  }
  for (const [chord, body] of chordsOf(steps)) {
    if (!names.has(chord) && everyoneIn(body).some(isLost)) names.set(chord, facts.draw())
  }
  return names
}

/** Those that were opened, and those that stand in what comes later. */
function chordsOf(steps: readonly WorkflowStep[]): readonly (readonly [id: string, body: Signature])[] {
  return steps.flatMap(step =>
    step.kind === 'publish' ? chordsIn(step.signature) : [[step.chord, step.body] as const, ...chordsIn(step.body)],
  )
}

function chordsIn(signature: Signature): readonly (readonly [id: string, body: Signature])[] {
  const later = partOptions(signature.options).chain.flatMap(chordsIn)
  switch (kindOf(signature)) {
    case 'chain':
    case 'group':
      return [...membersOf(signature).flatMap(chordsIn), ...later]
    case 'chord': {
      const id = signatureTaskId(headerOf(signature))
      const own = id === undefined ? [] : [[id, bodyOf(signature)] as const]
      return [...own, ...chordsIn(headerOf(signature)), ...chordsIn(bodyOf(signature)), ...later]
    }
    default:
      return later
  }
}

function renameStep(step: WorkflowStep, names: ReadonlyMap<string, string>): WorkflowStep {
  if (step.kind === 'publish') return { ...step, signature: renameSignature(step.signature, names) }
  const rename = <Id extends string>(id: Id): Id => (names.get(id) as Id | undefined) ?? id
  const renameTuple = ({ id, parent, members }: ResultTuple): ResultTuple => ({
    id: rename(id),
    parent: parent === undefined ? undefined : renameTuple(parent),
    members: members?.map(renameTuple),
  })
  return {
    ...step,
    chord: rename(step.chord),
    body: renameSignature(step.body, names),
    header: step.header.map(renameTuple),
    ends: step.ends.map(({ id, index }) => ({ id: rename(id), index })),
  }
}

/** Goes from what was sent first to wherever the workflow stands. */
class Walk {
  readonly chords: OpenChord[] = []
  readonly parts: CountedPart[] = []
  readonly sends: Signature[] = []
  readonly underWay: TaskId[] = []
  readonly #facts: ResumeFacts
  readonly #fresh: ReadonlySet<string>

  constructor(facts: ResumeFacts, fresh: ReadonlySet<string>) {
    this.#facts = facts
    this.#fresh = fresh
  }

  carryOn(steps: readonly WorkflowStep[]): void {
    for (const step of steps) {
      if (step.kind === 'publish') this.#task(step.signature)
      else this.#chord(step)
    }
  }

  #task(signature: Signature): void {
    const id = signatureTaskId(signature)
    // Whatever was sent has an id.
    if (id === undefined) return
    const meta = this.#facts.meta(id)
    if (meta?.status === 'SUCCESS') this.#after(signature, meta)
    else if (!this.#fresh.has(id) && this.#facts.underWay(id)) this.underWay.push(id)
    else this.sends.push(signature)
  }

  #after(signature: Signature, meta: ResultMeta): void {
    const chord = signatureGroupId(signature)
    if (chord !== undefined && this.#fresh.has(chord) && signatureChord(signature) !== undefined) {
      this.parts.push({ chord, index: signatureGroupIndex(signature), meta })
    }
    const { chain } = partOptions(signature.options)
    const next = chain.at(-1)
    if (next !== undefined) this.#plan(next, meta.result, chain.slice(0, -1))
  }

  #chord(step: OpenChord): void {
    const values = step.header.map(tuple => this.#value(tuple))
    if (values.every(value => value !== undefined)) {
      this.#plan(
        step.body,
        values.map(([value]) => value),
        [],
      )
    } else this.chords.push(step)
  }

  #plan(signature: Signature, value: unknown, rest: readonly Signature[]): void {
    const options = rest.length === 0 ? {} : wireOptions({ chain: rest })
    this.carryOn(planCanvas(signature, { args: [value], options, draw: () => this.#facts.draw() }).steps)
  }

  /** In a list, to be told from one that is not there. */
  #value({ id, members }: ResultTuple): readonly [unknown] | undefined {
    if (members === undefined) {
      // A tuple without members is a task's.
      const meta = this.#facts.meta(id as TaskId)
      return meta?.status === 'SUCCESS' ? [meta.result] : undefined
    }
    const values = members.map(member => this.#value(member))
    return values.every(value => value !== undefined) ? [values.map(([value]) => value)] : undefined
  }
}
