import { SimFailure } from '../../../src/testing/sim/errors.js'
import { Violation } from '../../../src/testing/sim/evidence.js'
import type { SimReport } from '../../../src/testing/sim/simulate.js'

/** What became of a plan of a laboratory. */
export type Played<Report> =
  | { readonly kind: 'held'; readonly report: SimReport<Report> }
  | {
      readonly kind: 'failed'
      readonly failure: SimFailure
      readonly invariant: string
      readonly ids: readonly string[]
    }

/** Tells an invariant that was broken, and other ends of a simulation, from errors that are none. `stacks`: of errors that are part of the play. */
export async function played<Report>(
  run: () => Promise<SimReport<Report>>,
  { stacks }: { readonly stacks: boolean },
): Promise<Played<Report>> {
  const { stackTraceLimit } = Error
  // Nobody looks at them.
  if (!stacks) Error.stackTraceLimit = 0
  try {
    return { kind: 'held', report: await run() }
  } catch (failure) {
    if (!(failure instanceof SimFailure)) throw failure
    const { cause } = failure
    if (cause instanceof Violation) return { kind: 'failed', failure, invariant: cause.invariant, ids: cause.ids }
    return { kind: 'failed', failure, invariant: failure.code, ids: [] }
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
