import { register } from 'node:module'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runBatch, runSeed } from './batch.js'
import { findLaboratory } from './find-laboratory.js'
import { findMutant } from './find-mutant.js'
import type { Laboratory } from './laboratory.js'

const USAGE = `npm run sim                          2,000 seeds of the laboratory
  -- --seeds 200000 --from N         others
  -- --keep-going                    after a seed that fails, too
  -- --hours 24 --seeds 10           long runs: so many virtual hours of a cluster, for each seed
  -- --mutant NAME                   with a deliberate bug (test/sim/mutants.ts)
  -- --crash-pairs                   every pair of crash points of the short scenarios
     [--profile NAME] [--acks KIND]  on one kind of broker, with early or late acks
  -- --canvases --seeds 20000        random canvases, one for each seed, instead
  -- --clock-changes --seeds 200     beats in a night on which clocks are changed, one for each seed, instead
LOVAGE_SEED=4711 npm run sim         one seed: shrunk when it fails, with its whole trace when it holds`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    hours: { type: 'string' },
    mutant: { type: 'string' },
    canvases: { type: 'boolean', default: false },
    'clock-changes': { type: 'boolean', default: false },
    'crash-pairs': { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
    profile: { type: 'string' },
    acks: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

if (values.mutant !== undefined)
  register('./mutant-loader.js', import.meta.url, { data: findMutant(values.mutant).mutant })

// Before anything is loaded that it is for; child.ts says why.
setFlagsFromString('--no-lazy-feedback-allocation')

const say = (line: string): void => console.log(line)
process.exitCode = await play()

/** Everything is loaded only now: a mutant's hooks must be there first. */
async function play(): Promise<number> {
  if (values['crash-pairs']) {
    const { crashPairs } = await import('./crash-points.js')
    return crashPairs({ profile: values.profile, acks: values.acks, say })
  }
  const laboratory = await meant()
  const only = process.env['LOVAGE_SEED']
  if (only !== undefined) return runSeed(laboratory, only, say)
  const count = Number(values.seeds ?? (values.hours === undefined ? 2000 : 1))
  return runBatch(laboratory, { from: Number(values.from), count, goesOn: values['keep-going'], say })
}

async function meant(): Promise<Laboratory> {
  if (values.canvases) return findLaboratory('canvases')
  if (values['clock-changes']) return findLaboratory('clock-changes')
  if (values.hours === undefined) return findLaboratory('lab')
  const { longLaboratory } = await import('./lab/laboratory.js')
  return longLaboratory(Number(values.hours))
}
