import { parseArgs } from 'node:util'
import { calibrate } from './calibrate.js'
import type { CampaignReport } from './campaign.js'
import { allTargets } from './targets.js'
import { runWatched } from './watched.js'

/*
 * npm run fuzz -- [--inputs N] [--decoder NAME] [--seed N] [--from N] [--corpus]
 *
 * `--inputs` are shared by the decoders; without a seed the time gives one. `--from` begins at another input, so that
 * `--decoder X --seed S --from I --inputs 1` is the one that a report names.
 */
const { values } = parseArgs({
  options: {
    inputs: { type: 'string' },
    decoder: { type: 'string', multiple: true },
    seed: { type: 'string' },
    from: { type: 'string', default: '0' },
  },
})

const chosen = allTargets().filter(({ name }) => values.decoder === undefined || values.decoder.includes(name))
if (chosen.length === 0)
  throw new Error(
    `there is no such decoder; there are ${allTargets()
      .map(t => t.name)
      .join(', ')}`,
  )
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed)
const total = values.inputs === undefined ? undefined : Number(values.inputs)
const asked = chosen.reduce((sum, target) => sum + target.inputs, 0)
const slowest = calibrate()
console.log(
  `seed ${seed}; slow is more than ${slowest.ms.toFixed(0)} ms + ${(slowest.msPerByte * 1e6).toFixed(0)} ns per byte`,
)

let finds = 0
let inputs = 0
// A slow decoder gets fewer of them, as in the tests.
const runs = chosen.map(({ name, inputs: share }) => ({
  target: name,
  count: total === undefined ? share : Math.max(1, Math.ceil((total * share) / asked)),
}))
await runWatched({ runs, seed, from: Number(values.from), slowest, patience: 60_000 }, print)
console.log(`${inputs.toLocaleString('en')} inputs, ${finds} finds`)
process.exitCode = finds === 0 ? 0 : 1

function print({ target, count, outcomes, finds: found, ms }: CampaignReport): void {
  inputs += count
  finds += found.length
  const shares = Object.entries(outcomes).map(
    ([outcome, times]) => `${outcome} ${((100 * times) / count).toFixed(1)} %`,
  )
  console.log(`${target.padEnd(16)} ${String(count).padStart(9)} in ${(ms / 1000).toFixed(1)} s: ${shares.join(', ')}`)
  for (const { index, problem, input } of found) {
    console.log(`  FOUND: npm run fuzz -- --decoder ${target} --seed ${seed} --from ${index} --inputs 1\n  ${problem}`)
    console.log(`  input: ${JSON.stringify(input)?.slice(0, 3000)}`)
  }
}
