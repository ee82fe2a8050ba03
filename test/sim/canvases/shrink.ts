import type { Leaf, Tree } from '../../canvas/model.js'
import { simplerPools } from '../lab/simpler-pools.js'
import { type Shrunk, Smallest } from '../smallest.js'
import type { CanvasPlan } from './plan.js'
import { play } from './play.js'

/** The smallest plan found that breaks the same: without faults, revokes and quirks one by one, then with less and less of a canvas. */
export async function shrink(plan: CanvasPlan, invariant: string, most = 300): Promise<Shrunk<CanvasPlan>> {
  const smallest = new Smallest(plan, { play, invariant, most })
  const accept = (next: CanvasPlan): Promise<boolean> => smallest.accept(next)
  await accept({ ...plan, faults: [], revokes: [] })
  for (const config of simplerPools(smallest.plan.config)) {
    if (await accept({ ...smallest.plan, config })) break
  }
  for (const fault of smallest.plan.faults)
    await accept({ ...smallest.plan, faults: smallest.plan.faults.filter(other => other !== fault) })
  for (const revoke of smallest.plan.revokes)
    await accept({ ...smallest.plan, revokes: smallest.plan.revokes.filter(other => other !== revoke) })
  for (const quirk of plan.config.quirks) {
    const { config } = smallest.plan
    await accept({ ...smallest.plan, config: { ...config, quirks: config.quirks.filter(other => other !== quirk) } })
  }
  for (let smaller = true; smaller; ) {
    smaller = false
    for (const tree of simpler(smallest.plan.tree)) {
      if (!(await accept({ ...smallest.plan, tree }))) continue
      smaller = true
      break
    }
  }
  return smallest
}

/** Every tree that is one step simpler, the simplest first. */
function simpler(tree: Tree): readonly Tree[] {
  switch (tree.kind) {
    case 'task':
      return simplerLeaves(tree)
    case 'map':
    case 'starmap':
    case 'chunks':
      return []
    case 'chain':
      return [...tree.steps, ...fewer(tree.steps, 1).map((steps): Tree => ({ kind: 'chain', steps }))]
    case 'group':
      return [...tree.members, ...fewer(tree.members, 2).map((members): Tree => ({ kind: 'group', members }))]
    case 'chord':
      return [
        ...tree.header,
        tree.body,
        ...fewer(tree.header, 2).map((header): Tree => ({ ...tree, header })),
        ...simpler(tree.body).map((body): Tree => ({ ...tree, body })),
      ]
    default:
      return tree satisfies never
  }
}

/** One of them left out, as long as `least` stay; or one of them simpler. */
function fewer(parts: readonly Tree[], least: number): readonly (readonly Tree[])[] {
  const without = parts.length > least ? parts.map((_, at) => parts.toSpliced(at, 1)) : []
  return [...without, ...parts.flatMap((part, at) => simpler(part).map(one => parts.with(at, one)))]
}

function simplerLeaves(leaf: Leaf): readonly Leaf[] {
  return [
    ...(leaf.fate.kind === 'ok' ? [] : [{ ...leaf, fate: { kind: 'ok' } as const }]),
    ...(leaf.link ? [{ ...leaf, link: false }] : []),
    ...(leaf.errback ? [{ ...leaf, errback: false }] : []),
  ]
}
