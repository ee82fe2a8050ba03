import type { Laboratory } from '../laboratory.js'
import type { LabReport } from './lab.js'
import { drawLongPlan } from './long-plan.js'
import { drawPlan, type Plan } from './plan.js'
import { play, TRACED } from './play.js'
import { shrink } from './shrink.js'
import { missed } from './sometimes.js'

/** Clusters in a storm. */
export const laboratory: Laboratory<Plan, LabReport> = {
  command: 'npm run sim',
  traced: TRACED,
  draw: drawPlan,
  play,
  shrink,
  describe: ({ config, faults, calls }) => [
    `${config.profile}, ${calls.length} calls, ${faults.length} faults`,
    `configuration ${JSON.stringify(config)}`,
    ...faults.map(fault => `fault ${JSON.stringify(fault)}`),
    ...calls.map(call => `call  ${JSON.stringify(call)}`),
  ],
  concerns: ids => {
    const about = new RegExp(
      ids.length === 0 ? '.' : `(${ids.map(id => id.replaceAll('.', '\\.')).join('|')})(?![\\w.])`,
    )
    return line => about.test(line) || / {2}(note|quirk|kill|freeze|thaw|link|clock|fate|start) /.test(line)
  },
  count: ({ executions, faults }) => ({ executions, faults }),
  sum: (seeds, { executions, faults }) =>
    `${seeds}: ${executions} executions under ${faults} faults; every invariant held.`,
  missed,
}

/** The same, for so many virtual hours. */
export function longLaboratory(hours: number): Laboratory<Plan, LabReport> {
  return {
    ...laboratory,
    command: `npm run sim -- --hours ${hours}`,
    draw: seed => drawLongPlan(seed, hours),
    // A long run is not played three hundred times.
    shrink: (plan, invariant) => shrink(plan, invariant, 20),
    missed: () => [],
  }
}
