import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { grownHandles, type SoakBroker, type SoakPool, soak } from './soak.js'
import { measureStalls } from './stalls.js'

/*
 * npm run soak -- [--tasks 1000000] [--broker memory|sqlite|redis] [--pool inline|threads|prefork] [--warm-up 100000] [--early] [--failing] [--stalls] [--json]
 *
 * Exit code 1 when memory after the last task exceeds that after the warm-up by more than 16 MiB (resident, children included) or 5 % and
 * 1 MiB (heap), or when there are more handles (S-1). `--stalls` measures instead how long one step of a worker blocks.
 */
const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    broker: { type: 'string', default: 'memory' },
    pool: { type: 'string', default: 'inline' },
    'warm-up': { type: 'string', default: '100000' },
    early: { type: 'boolean', default: false },
    failing: { type: 'boolean', default: false },
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
  for (const { name, longestMs, longestWallMs, totalMs } of await measureStalls(embedded(values.broker))) {
    const longest = `${longestMs.toFixed(0)} ms (${longestWallMs.toFixed(0)} by the clock)`
    console.log(`${name.padEnd(40)} longest step ${longest}, from publish to done ${totalMs.toFixed(0)} ms`)
  }
} else {
  await run(brokerOf(values.broker))
}

function brokerOf(name: string): SoakBroker {
  if (name !== 'memory' && name !== 'sqlite' && name !== 'redis') throw new Error('--broker is memory, sqlite or redis')
  return name
}

function embedded(name: string): Exclude<SoakBroker, 'redis'> {
  const broker = brokerOf(name)
  if (broker === 'redis') throw new Error('--stalls is measured on memory or sqlite')
  return broker
}

function poolOf(name: string): SoakPool {
  if (name !== 'inline' && name !== 'threads' && name !== 'prefork')
    throw new Error('--pool is inline, threads or prefork')
  return name
}

async function run(broker: SoakBroker): Promise<void> {
  const report = await soak({
    broker,
    pool: poolOf(values.pool),
    tasks: Number(values.tasks),
    warmUp: Number(values['warm-up']),
    acksLate: !values.early,
    failing: values.failing,
  })
  const { warm, end, seconds } = report
  if (values.json) console.log(JSON.stringify(report))
  else {
    console.log(`${broker}, ${values.pool}: ${end.tasks.toLocaleString('en')} tasks in ${seconds.toFixed(0)} s`)
    for (const { tasks, heap, resident, handles } of [warm, end]) {
      console.log(
        `  after ${tasks.toLocaleString('en')}: heap ${(heap / MIB).toFixed(1)} MiB, resident ${(resident / MIB).toFixed(1)} MiB, handles ${JSON.stringify(handles)}`,
      )
    }
  }
  const isSteady =
    end.resident - warm.resident <= 16 * MIB &&
    end.heap - warm.heap <= Math.max(MIB, warm.heap * 0.05) &&
    grownHandles(warm, end).length === 0
  process.exitCode = isSteady ? 0 : 1
}
