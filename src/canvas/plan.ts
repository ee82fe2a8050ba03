import type { GroupId } from '../protocol/ids.js'
import type { ResultTuple } from '../protocol/result-meta.js'
import type { Kwargs, Signature } from '../protocol/signature.js'
import { signatureTaskId, withOptions } from '../protocol/signature-options.js'
import { partOptions } from '../protocol/signature-place.js'
import type { WorkflowStep } from '../protocol/workflow-record.js'
import { withArguments, withOwnArguments } from './arguments.js'
import { chordEnds } from './chord-ends.js'
import { chordSize } from './chord-size.js'
import { displaced } from './displace.js'
import { Freezer, type FreezerParts, type Frozen, linkedStepsOf } from './freeze.js'
import { linkedBody } from './links.js'
import { chordOf, headerOf, kindOf } from './members.js'
import { under } from './result-tuples.js'

/*
 * Turns a canvas into what is to be published now, in order; what comes later is embedded in those messages. Pure: ids are
 * drawn by whoever asks, at random by a client, derived from the parent by a worker, so that a repetition makes the very
 * same messages (D43). Source: celery/canvas.py `apply_async` and `run` of each type.
 */

export interface Plan {
  readonly steps: readonly WorkflowStep[]
  /** What stands for the canvas: the last task of a chain, the body of a chord, the members of a group. */
  readonly result: ResultTuple
}

/** Options in their wire names, over those of the signature. */
export type GivenOptions = Readonly<Record<string, unknown>>

export interface PlanParts extends FreezerParts {
  /** Put before the arguments of what runs first. */
  readonly args?: readonly unknown[]
  readonly kwargs?: Kwargs
  readonly options?: GivenOptions
}

/** What to publish for a signature of any kind. It has passed `checkCanvas`. */
export function planCanvas(signature: Signature, { args = [], kwargs, options = {}, ...parts }: PlanParts): Plan {
  const planner = new Planner(parts)
  const result = planner.apply(withArguments(signature, args, kwargs), options)
  return { steps: planner.steps, result }
}

class Planner {
  readonly steps: WorkflowStep[] = []
  readonly #freezer: Freezer

  constructor(parts: FreezerParts) {
    this.#freezer = new Freezer(parts)
  }

  apply(signature: Signature, options: GivenOptions): ResultTuple {
    switch (kindOf(signature)) {
      case 'chain':
        return this.#chain(signature, options)
      case 'group':
        return this.#group(signature, options)
      case 'chord':
        return this.#chord(signature, options)
      default:
        return this.#task(signature, options)
    }
  }

  #task(task: Signature, options: GivenOptions): ResultTuple {
    const { signature, result } = this.#freezer.freeze(withOptions(task, options), {})
    this.steps.push({ kind: 'publish', signature })
    return result
  }

  /** The first step is published and carries the others, which are frozen: a client can wait for the last one at once. */
  #chain(chain: Signature, options: GivenOptions): ResultTuple {
    const merged = withOptions(chain, options)
    const { place, chain: later, rest } = partOptions(merged.options)
    const { signatures, result } = this.#freezer.chain(linkedStepsOf(merged), place)
    const [first, ...following] = signatures
    if (first === undefined) return { id: this.#freezer.draw(), parent: undefined, members: [] }
    const own = this.apply(first, carrying([...later, ...following.reverse()], rest))
    return following.length === 0 ? own : result
  }

  #group(group: Signature, options: GivenOptions): ResultTuple {
    const merged = withOptions(group, options)
    const { place, chain, rest } = partOptions(merged.options)
    const next = chain.at(-1)
    // What follows a group follows all of it, and has the place that the group had.
    if (next !== undefined) return this.#chord(chordOf(displaced(group), next), carrying(chain.slice(0, -1), rest))
    const id = (place.taskId ?? this.#freezer.draw()) as string as GroupId
    const own = withOwnArguments(group)
    const members = this.#freezer.members(own, { groupId: place.groupId ?? id, chord: place.chord }, 0)
    return this.#publish(id, members, rest)
  }

  #chord(chord: Signature, options: GivenOptions): ResultTuple {
    const merged = withOwnArguments(withOptions(chord, options))
    const { place, chain, rest } = partOptions(merged.options)
    const header = headerOf(merged)
    const id = (signatureTaskId(header) ?? this.#freezer.draw()) as string as GroupId
    const body = this.#freezer.freeze(withOptions(linkedBody(merged), carrying(chain, rest)), {
      ...place,
      groupId: place.groupId ?? id,
    })
    const members = this.#freezer.members(header, { groupId: id, chord: body.signature }, 0)
    const results = members.map(({ result }) => result)
    if (members.length === 0) this.apply(withArguments(body.signature, [[]]), {})
    else {
      const parts = members.reduce((sum, { signature }) => sum + chordSize(signature), 0)
      const ends = members.flatMap(({ signature }) => chordEnds(signature))
      this.steps.push({ kind: 'open-chord', chord: id, parts, body: body.signature, header: results, ends })
      this.#publish(id, members, rest)
    }
    return under(body.result, { id, parent: undefined, members: results })
  }

  #publish(id: GroupId, members: readonly Frozen[], options: GivenOptions): ResultTuple {
    const results = members.map(({ signature }) => this.apply(signature, options))
    const [only, another] = results
    // A group of one chain that ends in a group stands for that group.
    if (only?.members !== undefined && another === undefined) return only
    return { id, parent: undefined, members: results }
  }
}

function carrying(chain: readonly Signature[], options: GivenOptions): GivenOptions {
  return chain.length === 0 ? options : { ...options, chain }
}
