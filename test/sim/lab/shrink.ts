import type { Plan } from './plan.js'
import { play } from './play.js'

export interface Shrunk {
  readonly plan: Plan
  readonly tries: number
}

/**
 * The smallest plan found that still breaks the same invariant: faults are left out all at once, by kind, then one by one;
 * then calls by halves, quarters and so on (§13.11).
 */
export async function shrink(plan: Plan, invariant: string, most = 300): Promise<Shrunk> {
  let tries = 0
  let smallest = plan
  const accept = async (next: Plan): Promise<boolean> => {
    if (tries >= most) return false
    tries++
    const played = await play(next)
    if (played.kind !== 'failed' || played.invariant !== invariant) return false
    smallest = next
    return true
  }
  await accept({ ...plan, faults: [] })
  for (const kind of plan.config.kinds) {
    const faults = smallest.faults.filter(fault => fault.kind !== kind)
    if (faults.length < smallest.faults.length) await accept({ ...smallest, faults })
  }
  for (const fault of [...smallest.faults]) {
    await accept({ ...smallest, faults: smallest.faults.filter(other => other !== fault) })
  }
  for (let size = Math.ceil(smallest.calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.calls.length; ) {
      const calls = smallest.calls.toSpliced(at, size)
      if (!(await accept({ ...smallest, calls }))) at += size
    }
  }
  return { plan: smallest, tries }
}
