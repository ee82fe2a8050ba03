import { register } from 'node:module'
import { parseArgs } from 'node:util'
import { CANVAS_MUTANTS } from './canvases/mutants.js'
import { CLOCK_MUTANTS } from './clock-changes/mutants.js'
import type { Played } from './lab/played.js'
import { MUTANTS } from './mutants.js'

// One mutant in a process of its own: node hunt.js NAME [--seeds N] [--from N]; prints what found it, exits 3 when nothing did.
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' } },
})
const byName = ({ name }: { readonly name: string }): boolean => name === positionals[0]
const mutant = [...MUTANTS, ...CANVAS_MUTANTS, ...CLOCK_MUTANTS].find(byName)
if (mutant === undefined) throw new Error(`There is no mutant '${positionals[0]}'.`)
register('./mutant-loader.js', import.meta.url, { data: mutant })

// Loaded only now, through the hooks.
const playSeed = await player()
const first = Number(values.from)
const range = Array.from({ length: Number(values.seeds) }, (_, i) => first + i)
let found = false
// The one that found it before comes first: nearly always it does again, and the search is short.
for (const seed of mutant.foundBy === undefined ? range : [mutant.foundBy, ...range]) {
  const played = await playSeed(seed)
  if (played.kind === 'held') continue
  console.log(`${mutant.name}: seed ${seed}, ${played.failure.message.replace(/^.*events: /, '')}`)
  found = true
  break
}
if (!found) {
  console.log(`${mutant.name} SURVIVED ${values.seeds} seeds`)
  process.exitCode = 3
}

/** Of the laboratory that the mutant is for. */
async function player(): Promise<(seed: number) => Promise<Played<unknown>>> {
  if (CANVAS_MUTANTS.some(byName)) {
    const { drawCanvasPlan } = await import('./canvases/plan.js')
    const { play } = await import('./canvases/play.js')
    return seed => play(drawCanvasPlan(seed))
  }
  if (CLOCK_MUTANTS.some(byName)) {
    const { drawClockPlan } = await import('./clock-changes/plan.js')
    const { play } = await import('./clock-changes/play.js')
    return seed => play(drawClockPlan(seed))
  }
  const { drawPlan } = await import('./lab/plan.js')
  const { play } = await import('./lab/play.js')
  return seed => play(drawPlan(seed))
}
