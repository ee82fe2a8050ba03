import type { Dict } from './dict.js'
import { rawItems } from './json.js'
import { RawList } from './raw-list.js'
import type { Signature } from './signature.js'
import { lenientSignature } from './signature-dict.js'

/** The steps of a chain that follow a task, in the wire's reverse order: the last one comes next. */
export type ChainSteps = readonly Signature[] | KeptSteps

/** Steps of which only the next one has been read. */
export class KeptSteps {
  readonly next: Signature
  readonly later: RawList

  constructor(next: Signature, later: RawList) {
    this.next = next
    this.later = later
  }

  get length(): number {
    return this.later.length + 1
  }
}

export function nextStep(steps: ChainSteps): Signature | undefined {
  return steps instanceof KeptSteps ? steps.next : steps.at(-1)
}

/** What the next step carries. */
export function laterSteps(steps: ChainSteps): readonly Signature[] | RawList {
  return steps instanceof KeptSteps ? steps.later : steps.slice(0, -1)
}

/** All of them, read. */
export function allSteps(steps: ChainSteps | RawList): readonly Signature[] {
  if (steps instanceof KeptSteps) return [...allSteps(steps.later), steps.next]
  // Every element begins as an object: `cutChain` has looked.
  return steps instanceof RawList ? (rawItems(steps) as readonly Dict[]).map(lenientSignature) : steps
}
