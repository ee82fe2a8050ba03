import { drawCanvasPlan } from './plan.js'
import { play, TRACED } from './play.js'
import { shrink } from './shrink.js'

export interface CanvasBatch {
  readonly from: number
  readonly count: number
  say(line: string): void
}

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
])

/** Plays seeds one after another, up to the first that fails, with a summary. Resolves to an exit code. */
export async function runCanvases({ from, count, say }: CanvasBatch): Promise<number> {
  const seen = new Map<string, number>()
  const sum = { executions: 0, faults: 0 }
  const started = performance.now()
  for (let seed = from; seed < from + count; seed++) {
    const played = await play(drawCanvasPlan(seed))
    if (played.kind === 'failed') {
      say(await failureReport(seed, played.invariant))
      return 1
    }
    const { executions, faults, sightings } = played.report.value
    sum.executions += executions
    sum.faults += faults
    for (const [what, times] of sightings) seen.set(what, (seen.get(what) ?? 0) + times)
    if ((seed - from + 1) % 1000 === 0) say(`${seed - from + 1} canvases …`)
  }
  const each = (performance.now() - started) / count
  say(
    `${count} canvases from ${from}: ${sum.executions} executions under ${sum.faults} faults; each came out as it should.`,
  )
  say(`${each.toFixed(1)} ms per canvas.`)
  for (const [what, times] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`  ${String(times).padStart(8)}  ${what}`)
  const blind = count < 500 ? [] : MUST.filter(what => !seen.has(what))
  for (const what of blind) say(`Never reached: ${what}`)
  return blind.length === 0 ? 0 : 1
}

/** One seed: its whole trace when it holds; made small, with the story of the tasks involved, when it does not. */
export async function runCanvas(seed: string, say: (line: string) => void): Promise<number> {
  const played = await play(drawCanvasPlan(seed), TRACED)
  if (played.kind === 'failed') {
    say(await failureReport(seed, played.invariant))
    return 1
  }
  say(played.report.trace.join('\n'))
  return 0
}

async function failureReport(seed: number | string, invariant: string): Promise<string> {
  const { plan, tries } = await shrink(drawCanvasPlan(seed), invariant)
  const played = await play(plan, TRACED)
  if (played.kind === 'held') return `seed ${seed}: the smallest plan holds when traced; tell ${JSON.stringify(plan)}`
  const { failure, ids } = played
  const about = new RegExp(ids.length === 0 ? '.' : ids.map(id => id.replaceAll('.', '\\.')).join('|'))
  const told = failure.trace.filter(
    line => about.test(line) || / {2}(note|kill|freeze|thaw|link|clock|fate|start) /.test(line),
  )
  return [
    failure.message,
    '',
    `Smallest plan that breaks ${played.invariant} (${tries} tries): ${plan.config.profile}, ${plan.faults.length} faults`,
    `  canvas ${JSON.stringify(plan.tree)}`,
    `  ${plan.named ? 'named' : 'unnamed'}, ${plan.late ? 'late' : 'early'} acks, configuration ${JSON.stringify(plan.config)}`,
    ...plan.faults.map(fault => `  fault ${JSON.stringify(fault)}`),
    ...plan.revokes.map(revoke => `  revoke ${JSON.stringify(revoke)}`),
    '',
    ...told.slice(-400),
    '',
    `Replay: LOVAGE_SEED=${seed} npm run sim -- --canvases`,
  ].join('\n')
}
