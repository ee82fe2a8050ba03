import { register } from 'node:module'
import { parseArgs } from 'node:util'
import { MUTANTS } from './mutants.js'

// One mutant in a process of its own: node hunt.js NAME [--seeds N] [--from N]; prints what found it, exits 3 when nothing did.
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' } },
})
const mutant = MUTANTS.find(({ name }) => name === positionals[0])
if (mutant === undefined) throw new Error(`There is no mutant '${positionals[0]}'.`)
register('./mutant-loader.js', import.meta.url, { data: mutant })

// Loaded only now, through the hooks.
const { drawPlan } = await import('./lab/plan.js')
const { play } = await import('./lab/play.js')
const first = Number(values.from)
let found = false
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const played = await play(drawPlan(seed))
  if (played.kind === 'held') continue
  console.log(`${mutant.name}: seed ${seed}, ${played.failure.message.replace(/^.*events: /, '')}`)
  found = true
  break
}
if (!found) {
  console.log(`${mutant.name} SURVIVED ${values.seeds} seeds`)
  process.exitCode = 3
}
