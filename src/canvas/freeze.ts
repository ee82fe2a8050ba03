import type { GroupId, TaskId } from '../protocol/ids.js'
import type { ResultTuple } from '../protocol/result-meta.js'
import type { Signature } from '../protocol/signature.js'
import { signatureTaskId } from '../protocol/signature-options.js'
import { inPlace, type Place, withoutLinks, withTaskId } from '../protocol/signature-place.js'
import { withOwnArguments } from './arguments.js'
import { chordSize } from './chord-size.js'
import { linkedBody } from './links.js'
import { chordOf, headerOf, kindOf, membersOf, withHeaderAndBody, withMembers } from './members.js'
import { isEmptyGroup, unchained, unrolled } from './pipe.js'
import { under } from './result-tuples.js'

/*
 * Fixing ids before anything is sent, so that whoever sends can wait for each part, and what is sent again is the same
 * (D43). Ids that are there stay. Source: celery/canvas.py `freeze` of each type, `_chain.prepare_steps`.
 */

export interface FreezerParts {
  draw(): TaskId
  /** Where answers by message go; on every task that has no such address yet. */
  readonly replyTo?: string | undefined
}

export interface Frozen {
  readonly signature: Signature
  readonly result: ResultTuple
}

export class Freezer {
  readonly #parts: FreezerParts

  constructor(parts: FreezerParts) {
    this.#parts = parts
  }

  draw(): TaskId {
    return this.#parts.draw()
  }

  freeze(signature: Signature, place: Place): Frozen {
    switch (kindOf(signature)) {
      case 'chain': {
        const { signatures, result } = this.chain(stepsOf(signature), place)
        const frozen = withMembers(signature, signatures)
        // Its errors are stored under the id of what ends it.
        return { signature: result.members === undefined ? withTaskId(frozen, result.id) : frozen, result }
      }
      case 'group':
        return this.#group(signature, place)
      case 'chord':
        return this.#chord(signature, place)
      default:
        return this.#task(signature, place)
    }
  }

  /** Steps in natural order; the last one takes the place of the chain. */
  chain(steps: readonly Signature[], place: Place): { readonly signatures: Signature[]; readonly result: ResultTuple } {
    const frozen: Frozen[] = []
    for (let at = steps.length - 1; at >= 0; at--) {
      const step = steps[at] as Signature
      const next = frozen.at(-1)
      if (kindOf(step) === 'group' && next !== undefined) {
        // Its body is frozen already, and keeps its ids.
        frozen[frozen.length - 1] = this.freeze(chordOf(step, next.signature), NOWHERE)
      } else frozen.push(this.freeze(step, at === steps.length - 1 ? place : NOWHERE))
    }
    frozen.reverse()
    const [first, ...others] = frozen.map(({ result }) => result) as [ResultTuple, ...ResultTuple[]]
    return {
      signatures: frozen.map(({ signature }) => signature),
      result: others.reduce((before, result) => under(result, before), first),
    }
  }

  /**
   * The members of a group, groups within it spread in their order. Every task that will count as one of them has an index
   * of its own, from `from` on: stores count by it (D70).
   */
  members(group: Signature, place: Pick<Place, 'groupId' | 'chord'>, from: number): readonly Frozen[] {
    let next = from
    return spread(group).map(member => {
      const groupIndex = next
      next += Math.max(1, chordSize(member))
      return this.freeze(member, { ...place, groupIndex })
    })
  }

  #task(task: Signature, place: Place): Frozen {
    const id = signatureTaskId(task) ?? place.taskId ?? this.draw()
    const signature = inPlace(task, { ...place, taskId: id }, this.#parts.replyTo)
    return { signature, result: { id, parent: undefined, members: undefined } }
  }

  #group(group: Signature, { taskId, groupId, groupIndex = 0, chord }: Place): Frozen {
    const id = (signatureTaskId(group) ?? taskId ?? this.draw()) as string as GroupId
    const members = this.members(withOwnArguments(group), { groupId, chord }, groupIndex)
    const signatures = members.map(({ signature }) => signature)
    return {
      signature: withTaskId(inPlace(withMembers(group, signatures), { groupId, chord }), id),
      result: { id, parent: undefined, members: members.map(({ result }) => result) },
    }
  }

  /** The body first: every member of the header carries it whole. */
  #chord(chord: Signature, place: Place): Frozen {
    const own = withOwnArguments(chord)
    const body = this.freeze(linkedBody(own), place)
    const header = this.#group(headerOf(own), { chord: body.signature })
    const frozen = withoutLinks(withHeaderAndBody(own, header.signature, body.signature))
    // Celery names a frozen chord after its header; its result is its body's.
    return { signature: withTaskId(frozen, header.result.id), result: under(body.result, header.result) }
  }
}

/**
 * The steps of a chain as they will run: chains within it spliced in, groups of one unrolled, empty groups left out unless
 * nothing else is there. What is linked to the chain itself is still there, not at its steps: a peer looks for it there.
 */
export function stepsOf(chain: Signature): readonly Signature[] {
  return full(splice(membersOf(withOwnArguments(chain))))
}

/** The same, with what is linked to the chain at its steps. */
export function linkedStepsOf(chain: Signature): readonly Signature[] {
  return full(splice(unchained(withOwnArguments(chain))))
}

function full(steps: readonly Signature[]): readonly Signature[] {
  const some = steps.filter(step => !isEmptyGroup(step))
  return some.length === 0 ? steps.slice(0, 1) : some
}

function splice(steps: readonly Signature[]): readonly Signature[] {
  return steps.flatMap(step => {
    const only = unrolled(step)
    return kindOf(only) === 'chain' ? splice(unchained(withOwnArguments(only))) : [only]
  })
}

function spread(group: Signature): readonly Signature[] {
  return membersOf(group).flatMap(member => (kindOf(member) === 'group' ? spread(member) : [member]))
}

const NOWHERE: Place = Object.freeze({})
