import type { Ms } from '../../../src/lib/time.js'
import { SimRandom } from '../../../src/testing/sim/sim-random.js'
import { drawTree, type Tree } from '../../canvas/model.js'
import { AT_WORK } from '../lab/brood.js'
import { drawFreezes, drawKills, withChildren } from '../lab/draw-children.js'
import type { Fault } from '../lab/faults.js'
import { type Config, drawConfig, drawFaults, drawQuirks, inTime, type Profile } from '../lab/plan.js'

/* What a seed of the canvas laboratory means, as data: one canvas, the world that it runs in, and what befalls that. */

export interface CanvasPlan {
  readonly seed: string
  readonly config: Config
  readonly faults: readonly Fault[]
  readonly tree: Tree
  /** Tasks have their labels for ids, so that they can be revoked; otherwise ids are drawn and derived. */
  readonly named: boolean
  /** Every task is acked after its end. */
  readonly late: boolean
  /** Longest run of a slow task. */
  readonly longest: Ms
  readonly revokes: readonly Revoke[]
}

export interface Revoke {
  readonly label: string
  readonly at: Ms
}

/** No canvas survives a disk that loses what it has confirmed. */
const PROFILES: readonly (readonly [Profile, number])[] = [
  ['lease-like', 6],
  ['amqp-like', 4],
]

export function drawCanvasPlan(seed: number | string): CanvasPlan {
  const random = new SimRandom(`${seed}/canvas`)
  const drawn = drawConfig(random.split('config'), PROFILES)
  const storm = random.pick([1000, 4000, 15_000])
  const calm = random.chance(0.2)
  const maxDeliveries = random.pick([3, 50, 50])
  // Drawn apart: they came later, and seeds shall mean what they meant.
  const quirks = drawQuirks(random.split('quirks'))
  const config: Config = withChildren({ ...drawn, storm, maxDeliveries, quirks }, random.split('children'))
  const kills = drawKills(config, undefined, random.split('child faults'))
  const freezes = drawFreezes(config, random.split('freezes')).faults
  const faults = calm
    ? []
    : inTime([...drawFaults(config, random.split('faults')), ...[...kills, ...freezes].map(soon)])
  const named = random.chance(0.6)
  const tree = drawTree(random.split('tree'), 4)
  return {
    ...{ seed: String(seed), config, faults, tree, named },
    late: random.chance(0.85),
    longest: random.pick([0, 100, storm / 3]),
    revokes: named && !faults.some(mayDouble) && random.chance(0.35) ? drawRevokes(tree, storm, random) : [],
  }
}

/** While there is something left of most canvases; and not when calls are ahead of their turn, which they hardly ever are. */
function soon(fault: Fault): Fault {
  return { ...fault, at: fault.at / 4, amount: fault.amount > 8 ? AT_WORK : fault.amount }
}

/** Of two copies of a message one may run and the other be revoked: then anything may come of it. */
function mayDouble({ kind }: Fault): boolean {
  return kind === 'duplicate'
}

function drawRevokes(tree: Tree, storm: Ms, random: SimRandom): readonly Revoke[] {
  const labels = labelsIn(tree)
  return Array.from({ length: random.int(1, 2) }, () => {
    return { label: random.pick(labels), at: random.between(0, random.pick([50, storm / 4])) }
  })
}

export function labelsIn(tree: Tree): readonly string[] {
  switch (tree.kind) {
    case 'chain':
      return tree.steps.flatMap(labelsIn)
    case 'group':
      return tree.members.flatMap(labelsIn)
    case 'chord':
      return [...tree.header, tree.body].flatMap(labelsIn)
    default:
      return [tree.label]
  }
}
