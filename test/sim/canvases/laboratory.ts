import type { Laboratory } from '../laboratory.js'
import { type CanvasPlan, drawCanvasPlan } from './plan.js'
import { play, TRACED } from './play.js'
import { shrink } from './shrink.js'
import type { CanvasReport } from './stage.js'

/** What many canvases must come to at least once together: else the laboratory has gone blind. */
const MUST: readonly string[] = Object.freeze([
  'the canvas succeeded',
  'the canvas failed',
  'nothing befell it',
  'a task was revoked',
  'a worker started again after its death',
  'an early-acked task was lost with its worker',
  'a publish was tried again after doubt',
  'effect close-chord',
  'a child was killed',
  'a child was frozen',
  'a child retired',
])
/** Fewer need not come to all of it. */
const MANY = 500
const RARE: readonly string[] = Object.freeze([
  'a task was lost with its child',
  'a task stood still and kept its message',
])
/** Fewer need not come to these. */
const VERY_MANY = 2000

/** Random canvases in trouble. */
export const laboratory: Laboratory<CanvasPlan, CanvasReport> = {
  command: 'npm run sim -- --canvases',
  traced: TRACED,
  draw: drawCanvasPlan,
  play,
  shrink,
  describe: ({ config, faults, tree, named, late, revokes }) => [
    `${config.profile}, ${faults.length} faults`,
    `canvas ${JSON.stringify(tree)}`,
    `${named ? 'named' : 'unnamed'}, ${late ? 'late' : 'early'} acks, configuration ${JSON.stringify(config)}`,
    ...faults.map(fault => `fault ${JSON.stringify(fault)}`),
    ...revokes.map(revoke => `revoke ${JSON.stringify(revoke)}`),
  ],
  concerns: ids => {
    const about = new RegExp(ids.length === 0 ? '.' : ids.map(id => id.replaceAll('.', '\\.')).join('|'))
    return line => about.test(line) || / {2}(note|kill|freeze|thaw|link|clock|fate|start) /.test(line)
  },
  count: ({ executions, faults }) => ({ executions, faults }),
  sum: (seeds, { executions, faults }) =>
    `${seeds}: ${executions} executions under ${faults} faults; each canvas came out as it should.`,
  missed: (seen, seeds) =>
    [...(seeds < MANY ? [] : MUST), ...(seeds < VERY_MANY ? [] : RARE)].filter(what => !seen.has(what)),
}
