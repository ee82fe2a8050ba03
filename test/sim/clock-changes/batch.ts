import { Smallest } from '../lab/smallest.js'
import { type ClockPlan, drawClockPlan } from './plan.js'
import { play, TRACED } from './play.js'

export interface ClockBatch {
  readonly from: number
  readonly count: number
  say(line: string): void
}

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

/** Plays seeds one after another, up to the first that fails, with a summary. Resolves to an exit code. */
export async function runClockChanges({ from, count, say }: ClockBatch): Promise<number> {
  const seen = new Map<string, number>()
  const sum = { runs: 0, troubles: 0 }
  const started = performance.now()
  for (let seed = from; seed < from + count; seed++) {
    const played = await play(drawClockPlan(seed))
    if (played.kind === 'failed') {
      say(await failureReport(seed, played.invariant))
      return 1
    }
    const { runs, troubles, sightings } = played.report.value
    sum.runs += runs
    sum.troubles += troubles
    for (const [what, times] of sightings) seen.set(what, (seen.get(what) ?? 0) + times)
  }
  const each = (performance.now() - started) / count
  say(`${count} nights from ${from}: ${sum.runs} runs under ${sum.troubles} troubles; each due time had its run.`)
  say(`${each.toFixed(0)} ms per night.`)
  for (const [what, times] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`  ${String(times).padStart(8)}  ${what}`)
  const blind = count < MANY ? [] : MUST.filter(what => !seen.has(what))
  for (const what of blind) say(`Never reached: ${what}`)
  return blind.length === 0 ? 0 : 1
}

/** One seed: its whole trace when it holds; made small when it does not. */
export async function runClockChange(seed: string, say: (line: string) => void): Promise<number> {
  const played = await play(drawClockPlan(seed), TRACED)
  if (played.kind === 'failed') {
    say(await failureReport(seed, played.invariant))
    return 1
  }
  say(played.report.trace.join('\n'))
  return 0
}

async function failureReport(seed: number | string, invariant: string): Promise<string> {
  const smallest = new Smallest<ClockPlan>(drawClockPlan(seed), { play, invariant, most: 50 })
  for (const part of ['troubles', 'entries'] as const) {
    for (const one of smallest.plan[part]) {
      const { plan } = smallest
      await smallest.accept({ ...plan, [part]: plan[part].filter((other: unknown) => other !== one) })
    }
  }
  const { plan, tries } = smallest
  const played = await play(plan, TRACED)
  if (played.kind === 'held') return `seed ${seed}: the smallest plan holds when traced; tell ${JSON.stringify(plan)}`
  const told = played.failure.trace.filter(line =>
    /^ *[\d.]+ {2}beat\d+ +(kill|freeze|thaw|link|clock|start|log) /.test(line),
  )
  return [
    played.failure.message,
    '',
    `Smallest plan that breaks ${played.invariant} (${tries} tries): ${JSON.stringify(plan.night)}, changed at ${new Date(plan.night.change).toISOString()}`,
    ...plan.entries.map(entry => `  entry ${JSON.stringify(entry)}`),
    ...plan.troubles.map(({ at, ...trouble }) => `  ${new Date(at).toISOString()} ${JSON.stringify(trouble)}`),
    '',
    ...told.slice(-200),
    '',
    `Replay: LOVAGE_SEED=${seed} npm run sim -- --clock-changes`,
  ].join('\n')
}
