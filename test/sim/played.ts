import { SimFailure } from '../../src/testing/sim/errors.js'
import { type Evidence, Violation } from '../../src/testing/sim/evidence.js'
import type { SimReport } from '../../src/testing/sim/simulate.js'
import { chronicle } from './chronicle.js'

/** What became of a plan of a laboratory. */
export type Played<Report> =
  | { readonly kind: 'held'; readonly report: SimReport<Report> }
  | {
      readonly kind: 'failed'
      readonly failure: SimFailure
      readonly invariant: string
      readonly ids: readonly string[]
      /** What is known of these tasks. */
      readonly chronicle: readonly string[]
    }

/** Is given what the evidence of a run gathers in. */
export type Collects = (evidence: Evidence) => void

/** Tells an invariant that was broken, and other ends of a simulation, from errors that are none. `stacks`: of errors that are part of the play. */
export async function played<Report>(
  run: (collects: Collects) => Promise<SimReport<Report>>,
  { stacks }: { readonly stacks: boolean },
): Promise<Played<Report>> {
  const { stackTraceLimit } = Error
  // Nobody looks at them.
  if (!stacks) Error.stackTraceLimit = 0
  let evidence: Evidence | undefined
  const collects: Collects = given => {
    evidence = given
  }
  try {
    return { kind: 'held', report: await run(collects) }
  } catch (failure) {
    if (!(failure instanceof SimFailure)) throw failure
    const { cause } = failure
    const broken = cause instanceof Violation ? cause : { invariant: failure.code, ids: [] }
    const { invariant, ids } = broken
    return {
      kind: 'failed',
      failure,
      invariant,
      ids,
      chronicle: evidence === undefined ? [] : chronicle(evidence, ids),
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
