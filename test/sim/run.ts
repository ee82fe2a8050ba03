import { parseArgs } from 'node:util'
import { SimFailure } from '../../src/testing/sim/errors.js'
import { simulate } from '../../src/testing/sim/simulate.js'
import { storm } from './storm.js'

// npm run sim [-- --seeds N] [-- --from N]; LOVAGE_SEED=… npm run sim replays one seed and prints its trace.
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '2000' }, from: { type: 'string', default: '1' } },
})
const only = process.env['LOVAGE_SEED']
const first = Number(values.from)
const count = Number(values.seeds)
const started = performance.now()
let kills = 0
let runs = 0

try {
  if (only !== undefined) {
    const report = await simulate(only, storm, { keep: 1_000_000 })
    console.log(
      `${report.trace.join('\n')}\nseed ${only}: ${report.hash}, ${report.steps} events, ${(report.elapsed / 1000).toFixed(1)} virtual seconds`,
    )
  } else {
    for (let seed = first; seed < first + count; seed++) {
      const { value } = await simulate(seed, storm)
      kills += value.kills
      runs += value.runs
      if ((seed - first + 1) % 1000 === 0) console.log(`${seed - first + 1} seeds …`)
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(
      `${count} seeds from ${first}: ${runs} executions, ${kills} kills, nothing lost, every end quiet (${seconds} s)`,
    )
  }
} catch (error) {
  if (!(error instanceof SimFailure)) throw error
  console.error(`${error.trace.join('\n')}\n${error.message}\nReplay: LOVAGE_SEED=${error.seed} npm run sim`)
  process.exitCode = 1
}
