import type { Laboratory } from '../laboratory.js'
import { type ClockPlan, drawClockPlan } from './plan.js'
import { play, TRACED } from './play.js'
import { shrink } from './shrink.js'
import type { ClockReport } from './stage.js'

/** What many nights must come to at least once together: else they test nothing. */
const MUST: readonly string[] = Object.freeze([
  'a skipped time, shift',
  'a skipped time, skip',
  'a repeated time, once',
  'a repeated time, twice',
  'kill near the change',
  'freeze over the change',
  'outage over the change',
  'step of an hour over the change',
])
/** Fewer need not come to all of it. */
const MANY = 50

/** Beats in nights on which clocks are changed. */
export const laboratory: Laboratory<ClockPlan, ClockReport> = {
  command: 'npm run sim -- --clock-changes',
  traced: TRACED,
  draw: drawClockPlan,
  play,
  shrink,
  describe: ({ night, entries, troubles }) => [
    `${JSON.stringify(night)}, changed at ${new Date(night.change).toISOString()}`,
    ...entries.map(entry => `entry ${JSON.stringify(entry)}`),
    ...troubles.map(({ at, ...trouble }) => `${new Date(at).toISOString()} ${JSON.stringify(trouble)}`),
  ],
  concerns: () => line => /^ *[\d.]+ {2}beat\d+ +(kill|freeze|thaw|link|clock|start|log) /.test(line),
  count: ({ runs, troubles }) => ({ runs, troubles }),
  sum: (seeds, { runs, troubles }) => `${seeds}: ${runs} runs under ${troubles} troubles; each due time had its run.`,
  missed: (seen, seeds) => (seeds < MANY ? [] : MUST.filter(what => !seen.has(what))),
}
