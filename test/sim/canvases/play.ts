import { type SimulateOptions, simulate } from '../../../src/testing/sim/simulate.js'
import { type Played, played } from '../played.js'
import type { CanvasPlan } from './plan.js'
import { type CanvasReport, playCanvas } from './stage.js'

const LIMITED: SimulateOptions = { limit: 10 * 3_600_000 }

/** Contexts are followed: a task that calls another for each of many items is asked for its own after each. */
export const FAST: SimulateOptions = Object.freeze({ ...LIMITED, trace: 'instants' })

export const TRACED: SimulateOptions = Object.freeze({ ...LIMITED, keep: 1_000_000 })

export function play(plan: CanvasPlan, options: SimulateOptions = FAST): Promise<Played<CanvasReport>> {
  return played(collects => simulate(plan.seed, world => playCanvas(world, plan, collects), options), {
    stacks: options !== FAST,
  })
}
