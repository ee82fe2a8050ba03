import { type Shrunk, Smallest } from '../smallest.js'
import type { Plan } from './plan.js'
import { play } from './play.js'
import { simplerPools } from './simpler-pools.js'

/**
 * The smallest plan found that still breaks the same invariant: faults are left out all at once, then children, quirks one by one,
 * faults by kind, then one by one;
 * then calls by halves, quarters and so on (§13.11).
 */
export async function shrink(plan: Plan, invariant: string, most = 300): Promise<Shrunk<Plan>> {
  const smallest = new Smallest(plan, { play, invariant, most })
  const accept = (next: Plan): Promise<boolean> => smallest.accept(next)
  await accept({ ...plan, faults: [] })
  for (const config of simplerPools(smallest.plan.config)) {
    if (await accept({ ...smallest.plan, config })) break
  }
  for (const quirk of plan.config.quirks) {
    const { config } = smallest.plan
    await accept({ ...smallest.plan, config: { ...config, quirks: config.quirks.filter(other => other !== quirk) } })
  }
  for (const kind of plan.config.kinds) {
    const faults = smallest.plan.faults.filter(fault => fault.kind !== kind)
    if (faults.length < smallest.plan.faults.length) await accept({ ...smallest.plan, faults })
  }
  for (const fault of [...smallest.plan.faults]) {
    await accept({ ...smallest.plan, faults: smallest.plan.faults.filter(other => other !== fault) })
  }
  for (let size = Math.ceil(smallest.plan.calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.plan.calls.length; ) {
      const calls = smallest.plan.calls.toSpliced(at, size)
      if (!(await accept({ ...smallest.plan, calls }))) at += size
    }
  }
  return smallest
}
