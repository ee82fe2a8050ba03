import { register } from 'node:module'
import { parseArgs } from 'node:util'
import { CANVAS_MUTANTS } from './canvases/mutants.js'
import { CLOCK_MUTANTS } from './clock-changes/mutants.js'
import { MUTANTS } from './mutants.js'

const mutants = [...MUTANTS, ...CANVAS_MUTANTS, ...CLOCK_MUTANTS]

const USAGE = `npm run sim                          2,000 seeds of the laboratory
  -- --seeds 200000 --from N         others
  -- --hours 24 --seeds 10          long runs: so many virtual hours of a cluster, for each seed
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
    profile: { type: 'string' },
    acks: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

if (values.mutant !== undefined) {
  const mutant = mutants.find(({ name }) => name === values.mutant)
  if (mutant === undefined) throw new Error(`There is no mutant '${values.mutant}'; there are ${names()}.`)
  register('./mutant-loader.js', import.meta.url, { data: mutant })
}

// Loaded only now: a mutant's hooks must be there first.
const { runBatch, runSeed } = await import('./lab/batch.js')
const { runCanvas, runCanvases } = await import('./canvases/batch.js')
const { runClockChange, runClockChanges } = await import('./clock-changes/batch.js')
const { crashPairs } = await import('./crash-points.js')
const only = process.env['LOVAGE_SEED']
const say = (line: string): void => console.log(line)
const hours = values.hours === undefined ? undefined : Number(values.hours)
const count = Number(values.seeds ?? (hours === undefined ? 2000 : 1))

if (values['crash-pairs']) process.exitCode = await crashPairs({ profile: values.profile, acks: values.acks, say })
else if (values.canvases) process.exitCode = await playCanvases()
else if (values['clock-changes']) process.exitCode = await playClockChanges()
else if (only !== undefined) process.exitCode = await runSeed(only, { hours, say })
else process.exitCode = await runBatch({ from: Number(values.from), count, hours, say })

function playCanvases(): Promise<number> {
  if (only !== undefined) return runCanvas(only, say)
  return runCanvases({ from: Number(values.from), count, say })
}

function playClockChanges(): Promise<number> {
  if (only !== undefined) return runClockChange(only, say)
  return runClockChanges({ from: Number(values.from), count, say })
}

function names(): string {
  return mutants.map(({ name }) => name).join(', ')
}
