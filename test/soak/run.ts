import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type SoakBroker, soak } from './soak.js'
import { measureStalls } from './stalls.js'

/*
 * npm run soak -- [--tasks 1000000] [--broker sqlite|memory] [--warm-up 100000] [--early] [--stalls] [--json]
 *
 * Exit code 1 when memory after the last task exceeds that after the warm-up by more than 16 MiB (resident) or 5 % and
 * 1 MiB (heap), or when handles differ (S-1). `--stalls` measures instead how long one step of a worker blocks.
 */
const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    broker: { type: 'string', default: 'memory' },
    'warm-up': { type: 'string', default: '100000' },
    early: { type: 'boolean', default: false },
    stalls: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const MIB = 1024 * 1024

// Garbage collection on demand is a flag of the process.
if (globalThis.gc === undefined) {
  const args = ['--expose-gc', '--enable-source-maps', fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
} else if (values.stalls) {
  for (const { name, longestMs, totalMs } of await measureStalls()) {
    console.log(
      `${name.padEnd(40)} longest step ${longestMs.toFixed(0)} ms, from publish to done ${totalMs.toFixed(0)} ms`,
    )
  }
} else {
  if (values.broker !== 'memory' && values.broker !== 'sqlite') throw new Error('--broker is memory or sqlite')
  await run(values.broker)
}

async function run(broker: SoakBroker): Promise<void> {
  const report = await soak({
    broker,
    tasks: Number(values.tasks),
    warmUp: Number(values['warm-up']),
    acksLate: !values.early,
  })
  const { warm, end, seconds } = report
  if (values.json) console.log(JSON.stringify(report))
  else {
    console.log(`${broker}: ${end.tasks.toLocaleString('en')} tasks in ${seconds.toFixed(0)} s`)
    for (const { tasks, heap, resident, handles } of [warm, end]) {
      console.log(
        `  after ${tasks.toLocaleString('en')}: heap ${(heap / MIB).toFixed(1)} MiB, resident ${(resident / MIB).toFixed(1)} MiB, handles ${JSON.stringify(handles)}`,
      )
    }
  }
  const isSteady =
    end.resident - warm.resident <= 16 * MIB &&
    end.heap - warm.heap <= Math.max(MIB, warm.heap * 0.05) &&
    JSON.stringify(end.handles) === JSON.stringify(warm.handles)
  process.exitCode = isSteady ? 0 : 1
}
