import { failureReport, type Telling } from './failure-report.js'
import { drawLongPlan } from './long-plan.js'
import { drawPlan, type Plan } from './plan.js'
import { play, TRACED } from './play.js'
import { missed } from './sometimes.js'

export interface Batch {
  /** Long runs of so many virtual hours, instead of the laboratory's. */
  readonly hours?: number | undefined
  readonly from: number
  readonly count: number
  say(line: string): void
}

/** What many seeds have shown together. */
export interface Tally {
  readonly executions: number
  readonly faults: number
  readonly steps: number
  /** Virtual. */
  readonly minutes: number
  readonly seen: ReadonlyMap<string, number>
}

/** Plays seeds one after another. Stops at the first that fails and hands back what is to be told of it. */
export async function playBatch({ from, count, hours, say }: Batch): Promise<Tally | string> {
  const seen = new Map<string, number>()
  const sum = { executions: 0, faults: 0, steps: 0, minutes: 0 }
  for (let seed = from; seed < from + count; seed++) {
    const plan = draw(seed, hours)
    const played = await play(plan)
    if (played.kind === 'failed') return failureReport(plan, played.invariant, telling(hours))
    const { value, steps, elapsed } = played.report
    sum.executions += value.executions
    sum.faults += value.faults
    sum.steps += steps
    sum.minutes += elapsed / 60_000
    for (const [what, times] of value.sightings) seen.set(what, (seen.get(what) ?? 0) + times)
    if ((seed - from + 1) % 1000 === 0) say(`${seed - from + 1} seeds …`)
  }
  return { ...sum, seen }
}

/** Prints progress and a summary; resolves to an exit code. */
export async function runBatch(batch: Batch): Promise<number> {
  const { from, count, say } = batch
  const started = performance.now()
  const tally = await playBatch(batch)
  if (typeof tally === 'string') {
    say(tally)
    return 1
  }
  const seconds = (performance.now() - started) / 1000
  const { executions, faults, minutes, seen } = tally
  say(`${count} seeds from ${from}: ${executions} executions under ${faults} faults; every invariant held.`)
  say(`${(minutes / count).toFixed(1)} virtual minutes and ${((1000 * seconds) / count).toFixed(1)} ms per seed.`)
  for (const [what, times] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`  ${String(times).padStart(8)}  ${what}`)
  const blind = batch.hours === undefined ? missed(seen, count) : []
  for (const what of blind) say(`Never reached: ${what}`)
  return blind.length === 0 ? 0 : 1
}

/** One seed: its whole trace when it holds; shrunk, with the story of the tasks involved, when it does not. */
export async function runSeed(seed: string, { hours, say }: Pick<Batch, 'hours' | 'say'>): Promise<number> {
  const plan = draw(seed, hours)
  const played = await play(plan, TRACED)
  if (played.kind === 'failed') {
    say(await failureReport(plan, played.invariant, telling(hours)))
    return 1
  }
  const { trace, hash, steps, elapsed } = played.report
  say(trace.join('\n'))
  say(`seed ${seed}: ${hash}, ${steps} events, ${(elapsed / 1000).toFixed(1)} virtual seconds`)
  return 0
}

function draw(seed: number | string, hours: number | undefined): Plan {
  return hours === undefined ? drawPlan(seed) : drawLongPlan(seed, hours)
}

/** A long run is not played three hundred times. */
function telling(hours: number | undefined): Telling {
  return hours === undefined ? { command: 'npm run sim' } : { command: `npm run sim -- --hours ${hours}`, most: 20 }
}
