import { type Shrunk, Smallest } from '../smallest.js'
import type { ClockPlan } from './plan.js'
import { play } from './play.js'

/** The smallest night found that breaks the same: troubles, then entries, are left out one by one. */
export async function shrink(plan: ClockPlan, invariant: string, most = 50): Promise<Shrunk<ClockPlan>> {
  const smallest = new Smallest<ClockPlan>(plan, { play, invariant, most })
  for (const part of ['troubles', 'entries'] as const) {
    for (const one of smallest.plan[part]) {
      const { plan: small } = smallest
      await smallest.accept({ ...small, [part]: small[part].filter((other: unknown) => other !== one) })
    }
  }
  return smallest
}
