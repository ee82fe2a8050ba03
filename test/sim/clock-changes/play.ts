import { type SimulateOptions, simulate } from '../../../src/testing/sim/simulate.js'
import { type Played, played } from '../played.js'
import type { ClockPlan } from './plan.js'
import { type ClockReport, playNight } from './stage.js'

/** Nothing happens until the night of the plan. */
const LIMITED: SimulateOptions = { limit: 365 * 86_400_000 }

export const FAST: SimulateOptions = Object.freeze({ ...LIMITED, trace: 'instants', contexts: false })

export const TRACED: SimulateOptions = Object.freeze({ ...LIMITED, keep: 1_000_000 })

export function play(plan: ClockPlan, options: SimulateOptions = FAST): Promise<Played<ClockReport>> {
  return played(() => simulate(plan.seed, world => playNight(world, plan), options), { stacks: options !== FAST })
}
