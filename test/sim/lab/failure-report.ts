import type { Plan } from './plan.js'
import { play, TRACED } from './play.js'
import { shrink } from './shrink.js'

export interface Telling {
  /** What it is replayed with, behind its seed. */
  readonly command: string
  /** How many smaller plans are tried; default: as many as `shrink` likes. */
  readonly most?: number | undefined
}

/** Everything to be told of a plan that failed: what broke, what it takes to break it, and the story of the tasks involved. */
export async function failureReport(failed: Plan, invariant: string, { command, most }: Telling): Promise<string> {
  const { seed } = failed
  const { plan, tries } = await shrink(failed, invariant, most)
  const played = await play(plan, TRACED)
  if (played.kind === 'held') return `seed ${seed}: the smallest plan holds when traced; tell ${JSON.stringify(plan)}`
  const { failure, ids } = played
  return [
    failure.message,
    '',
    `Smallest plan that breaks ${played.invariant} (${tries} tries): ${summary(plan)}`,
    `  configuration ${JSON.stringify(plan.config)}`,
    ...plan.faults.map(fault => `  fault ${JSON.stringify(fault)}`),
    ...plan.calls.map(call => `  call  ${JSON.stringify(call)}`),
    '',
    ...story(failure.trace, ids),
    '',
    'What broker, handlers and backend know of it:',
    ...(played.chronicle ?? []),
    '',
    `Replay: LOVAGE_SEED=${seed} ${command}`,
  ].join('\n')
}

function summary({ faults, calls, config }: Plan): string {
  return `${config.profile}, ${calls.length} calls, ${faults.length} faults`
}

/** Lines that name the tasks, and what struck the world meanwhile. */
function story(trace: readonly string[], ids: readonly string[]): readonly string[] {
  const about = new RegExp(ids.length === 0 ? '.' : `(${ids.map(id => id.replaceAll('.', '\\.')).join('|')})(?![\\w.])`)
  return trace
    .filter(line => about.test(line) || / {2}(note|quirk|kill|freeze|thaw|link|clock|fate|start) /.test(line))
    .slice(-400)
}
