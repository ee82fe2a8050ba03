import { register } from 'node:module'
import { parseArgs } from 'node:util'
import { findLaboratory } from './find-laboratory.js'
import { findMutant } from './find-mutant.js'

// One mutant in a process of its own: node hunt.js NAME [--seeds N] [--from N]; prints what found it, exits 3 when nothing did.
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' } },
})
const { mutant, laboratory: name } = findMutant(positionals[0])
register('./mutant-loader.js', import.meta.url, { data: mutant })

// Loaded only now, through the hooks.
const laboratory = await findLaboratory(name)
const first = Number(values.from)
const range = Array.from({ length: Number(values.seeds) }, (_, i) => first + i)
let found = false
// The one that found it before comes first: nearly always it does again, and the search is short.
for (const seed of mutant.foundBy === undefined ? range : [mutant.foundBy, ...range]) {
  const played = await laboratory.play(laboratory.draw(seed))
  if (played.kind === 'held') continue
  console.log(`${mutant.name}: seed ${seed}, ${played.failure.message.replace(/^.*events: /, '')}`)
  found = true
  break
}
if (!found) {
  console.log(`${mutant.name} SURVIVED ${values.seeds} seeds`)
  process.exitCode = 3
}
