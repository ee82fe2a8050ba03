import type { Ms } from '../../../src/lib/time.js'
import { type SimReport, type SimulateOptions, simulate } from '../../../src/testing/sim/simulate.js'
import { type Collects, type Played, played } from '../played.js'
import { DiskFolder } from './disk-folder.js'
import { type LabReport, lab } from './lab.js'
import type { Plan } from './plan.js'

/** Every plan is over long before its storm and so much more; what is not, waits for something that never comes. */
const AFTER: Ms = 10 * 3_600_000

/** Without text and contexts, for many seeds. */
export const FAST: SimulateOptions = Object.freeze({ trace: 'instants', contexts: false })

/** Handlers ask for their context before they wait, so contexts may stay out here, too: the run is the same, with its text. */
export const TRACED: SimulateOptions = Object.freeze({ keep: 1_000_000, contexts: false })

export async function play(plan: Plan, options: SimulateOptions = FAST): Promise<Played<LabReport>> {
  // Outlives the run: one that fails is left where it stands.
  let folder: DiskFolder | undefined
  const disk = (): DiskFolder => {
    folder ??= new DiskFolder()
    return folder
  }
  try {
    const limited = { limit: plan.config.storm + AFTER, ...options }
    const run = (collects: Collects): Promise<SimReport<LabReport>> =>
      simulate(plan.seed, world => lab(world, plan, disk, collects), limited)
    return await played(run, { stacks: options !== FAST })
  } finally {
    folder?.[Symbol.dispose]()
  }
}
