import type { Ms } from '../../../src/lib/time.js'
import type { Evidence } from '../../../src/testing/sim/evidence.js'
import { type SimReport, type SimulateOptions, simulate } from '../../../src/testing/sim/simulate.js'
import { chronicle } from './chronicle.js'
import { DiskFolder } from './disk-folder.js'
import { type LabReport, lab } from './lab.js'
import type { Plan } from './plan.js'
import { type Played, played } from './played.js'

/** Every plan is over long before its storm and so much more; what is not, waits for something that never comes. */
const AFTER: Ms = 10 * 3_600_000

/** Without text and contexts, for many seeds. */
export const FAST: SimulateOptions = Object.freeze({ trace: 'instants', contexts: false })

/** Handlers ask for their context before they wait, so contexts may stay out here, too: the run is the same, with its text. */
export const TRACED: SimulateOptions = Object.freeze({ keep: 1_000_000, contexts: false })

/** What became of a plan of this laboratory. */
export type LabPlayed = Played<LabReport> & {
  /** Of a plan that failed: what is known of the tasks involved. */
  readonly chronicle?: readonly string[]
}

export async function play(plan: Plan, options: SimulateOptions = FAST): Promise<LabPlayed> {
  // Outlives the run: one that fails is left where it stands.
  let folder: DiskFolder | undefined
  let evidence: Evidence | undefined
  const collects = (given: Evidence): void => {
    evidence = given
  }
  const disk = (): DiskFolder => {
    folder ??= new DiskFolder()
    return folder
  }
  try {
    const limited = { limit: plan.config.storm + AFTER, ...options }
    const run = (): Promise<SimReport<LabReport>> =>
      simulate(plan.seed, world => lab(world, plan, disk, collects), limited)
    const how = await played(run, { stacks: options !== FAST })
    if (how.kind === 'held' || evidence === undefined) return how
    return { ...how, chronicle: chronicle(evidence, how.ids) }
  } finally {
    folder?.[Symbol.dispose]()
  }
}
