import type { Ms } from '../../../src/lib/time.js'
import { SimRandom } from '../../../src/testing/sim/sim-random.js'
import { drawCalls, drawConfig, drawFaults, PLAIN, type Plan, type Profile } from './plan.js'

/** The clusters of the long runs: what a file would cost is real, and would be hours. */
const PROFILES: readonly (readonly [Profile, number])[] = [
  ['lease-like', 1],
  ['amqp-like', 1],
]
const HOUR: Ms = 3_600_000
/** So that a day is 20,000 tasks (reliability §13.12). */
const TASKS_PER_HOUR = 834
const FAULTS_PER_HOUR = 20
/** What was sent in the last moment is due before all must have come to rest. */
const REACH: Ms = HOUR / 4

/** Hours in the life of a cluster: its times are those of real ones, and what befalls it is spread over the hours. */
export function drawLongPlan(seed: number | string, hours: number): Plan {
  const random = new SimRandom(`${seed}/long`)
  const drawn = drawConfig(random.split('config'), PROFILES)
  const leases = { leaseMs: 20_000, renewMs: 5000, latency: { min: 0.2, max: 2 }, syncMs: 5 }
  const config = { ...drawn, ...PLAIN, ...leases, storm: hours * HOUR }
  return {
    seed: String(seed),
    config,
    calls: drawCalls(config, random.split('calls'), { tasks: Math.round(TASKS_PER_HOUR * hours), reach: REACH }),
    faults: drawFaults(config, random.split('faults'), Math.round(FAULTS_PER_HOUR * hours)),
  }
}
