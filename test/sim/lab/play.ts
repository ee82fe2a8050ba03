import { SimFailure } from '../../../src/testing/sim/errors.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import { type SimReport, type SimulateOptions, simulate } from '../../../src/testing/sim/simulate.js'
import { type LabReport, lab } from './lab.js'
import type { Plan } from './plan.js'

export type Played =
  | { readonly kind: 'held'; readonly report: SimReport<LabReport> }
  | {
      readonly kind: 'failed'
      readonly failure: SimFailure
      readonly invariant: string
      readonly ids: readonly string[]
    }

/** Every plan is over long before; what is not, waits for something that never comes. */
const LIMITED: SimulateOptions = { limit: 10 * 3_600_000 }

/** Without text and contexts, for many seeds. */
export const FAST: SimulateOptions = Object.freeze({ ...LIMITED, trace: 'instants', contexts: false })

/** Handlers ask for their context before they wait, so contexts may stay out here, too: the run is the same, with its text. */
export const TRACED: SimulateOptions = Object.freeze({ ...LIMITED, keep: 1_000_000, contexts: false })

export async function play(plan: Plan, options: SimulateOptions = FAST): Promise<Played> {
  try {
    return { kind: 'held', report: await simulate(plan.seed, world => lab(world, plan), options) }
  } catch (failure) {
    if (!(failure instanceof SimFailure)) throw failure
    const { cause } = failure
    if (cause instanceof Violation) return { kind: 'failed', failure, invariant: cause.invariant, ids: cause.ids }
    return { kind: 'failed', failure, invariant: failure.code, ids: [] }
  }
}
