import type { Laboratory, Sighted } from './laboratory.js'

export interface Batch {
  readonly from: number
  readonly count: number
  /** After a seed that fails, too. */
  readonly goesOn?: boolean
  say(line: string): void
}

/** Plays seeds one after another, up to the first that fails, with a summary. Resolves to an exit code. */
export async function runBatch<Plan, Report extends Sighted>(
  laboratory: Laboratory<Plan, Report>,
  { from, count, goesOn = false, say }: Batch,
): Promise<number> {
  const seen = new Map<string, number>()
  const sums: Record<string, number> = {}
  const failed: number[] = []
  const started = process.cpuUsage()
  for (let seed = from; seed < from + count; seed++) {
    const played = await laboratory.play(laboratory.draw(seed))
    if (played.kind === 'failed') {
      failed.push(seed)
      say(await failureReport(laboratory, seed, played.invariant))
      if (!goesOn) return 1
    } else {
      const { value } = played.report
      for (const [what, times] of Object.entries(laboratory.count(value))) sums[what] = (sums[what] ?? 0) + times
      for (const [what, times] of value.sightings) seen.set(what, (seen.get(what) ?? 0) + times)
    }
    if ((seed - from + 1) % 1000 === 0) say(`${seed - from + 1} seeds …`)
  }
  const { user, system } = process.cpuUsage(started)
  if (failed.length > 0) say(`Of ${count} seeds from ${from} these failed: ${failed.join(', ')}`)
  else say(laboratory.sum(`${count} seeds from ${from}`, sums))
  say(`${((user + system) / 1000 / count).toFixed(1)} ms of processor time per seed.`)
  for (const [what, times] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`  ${String(times).padStart(8)}  ${what}`)
  const blind = laboratory.missed(seen, count)
  for (const what of blind) say(`Never reached: ${what}`)
  return failed.length > 0 || blind.length > 0 ? 1 : 0
}

/** One seed: its whole trace when it holds; made small, with the story of the tasks involved, when it does not. */
export async function runSeed<Plan, Report extends Sighted>(
  laboratory: Laboratory<Plan, Report>,
  seed: string,
  say: (line: string) => void,
): Promise<number> {
  const played = await laboratory.play(laboratory.draw(seed), laboratory.traced)
  if (played.kind === 'failed') {
    say(await failureReport(laboratory, seed, played.invariant))
    return 1
  }
  const { trace, hash, steps, elapsed } = played.report
  say(trace.join('\n'))
  say(`seed ${seed}: ${hash}, ${steps} events, ${(elapsed / 1000).toFixed(1)} virtual seconds`)
  return 0
}

/** Lines of a trace that are told at the most. */
const TOLD = 400

/** Everything to be told of a seed that failed: what broke, what it takes to break it, and the story of the tasks involved. */
async function failureReport<Plan, Report extends Sighted>(
  laboratory: Laboratory<Plan, Report>,
  seed: number | string,
  invariant: string,
): Promise<string> {
  const { plan, tries } = await laboratory.shrink(laboratory.draw(seed), invariant)
  const played = await laboratory.play(plan, laboratory.traced)
  if (played.kind === 'held') return `seed ${seed}: the smallest plan holds when traced; tell ${JSON.stringify(plan)}`
  const { failure, ids, chronicle } = played
  const [summary, ...parts] = laboratory.describe(plan)
  return [
    failure.message,
    '',
    `Smallest plan that breaks ${played.invariant} (${tries} tries): ${summary}`,
    ...parts.map(part => `  ${part}`),
    '',
    ...failure.trace.filter(laboratory.concerns(ids)).slice(-TOLD),
    '',
    ...(chronicle.length === 0 ? [] : ['What broker, handlers and backend know of it:', ...chronicle, '']),
    `Replay: LOVAGE_SEED=${seed} ${laboratory.command}`,
  ].join('\n')
}
