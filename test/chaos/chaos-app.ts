import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { currentTask } from '../../src/app/current-task.js'
import type { Broker } from '../../src/brokers/broker.js'
import { createSqliteBroker } from '../../src/brokers/sqlite/sqlite-broker.js'
import { nodeRuntime } from '../../src/lib/node-runtime.js'
import type { Runtime } from '../../src/lib/runtime.js'
import { Journal } from './journal.js'
import type { PlannedTask } from './plan.js'
import type { ChaosSettings } from './settings.js'
import { WitnessBroker } from './witness-broker.js'

export const QUEUE = 'chaos'
export const PLANNED_TASK = 'chaos.planned'
export const BLOCKING_TASK = 'chaos.blocking'
export const POISON_TASK = 'chaos.poison'

/** The app of a client: it publishes, and looks at results. */
export function clientApp(settings: Omit<ChaosSettings, 'journal' | 'name'>, runtime: Runtime = nodeRuntime()): App {
  return createApp(settings, sqliteBroker(settings, runtime), runtime)
}

/** The app of a worker: its tasks, and its broker's verdicts, go into the journal. */
export function workerApp(settings: ChaosSettings, runtime: Runtime = nodeRuntime()): App {
  const journal = new Journal(settings.journal)
  const app = createApp(settings, new WitnessBroker(sqliteBroker(settings, runtime), journal), runtime)
  app.task(PLANNED_TASK, (planned: PlannedTask) => attempt(journal, () => sleep(planned.ms), planned.kind))
  app.task(BLOCKING_TASK, (ms: number) => attempt(journal, async () => block(ms)))
  app.task(POISON_TASK, () => attempt(journal, async () => process.kill(process.pid, 'SIGKILL')))
  return app
}

/** Runs between its two lines of the journal. The value tells which execution returned it. */
async function attempt(journal: Journal, work: () => Promise<unknown>, kind = 'work'): Promise<string> {
  const { id, retries, fence } = currentTask()
  journal.write({ kind: 'start', id, retries })
  await work()
  const value = `${id} ${retries} ${process.pid} ${fence?.claim}`
  journal.write({ kind: 'end', id, retries, value })
  if (kind === 'fail') throw new RangeError(value)
  if (kind === 'retry' && retries === 0) throw currentTask().retry({ countdown: '50ms' })
  return value
}

/** Keeps the event loop for so long, without taking a processor from the others. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function createApp(settings: Omit<ChaosSettings, 'journal' | 'name'>, broker: Broker, runtime: Runtime): App {
  return new App(
    'chaos',
    {
      brokerUrl: `sqlite:///${settings.database}`,
      resultBackend: `db+sqlite:///${settings.database}`,
      durability: settings.durability,
      taskDefaultQueue: QUEUE,
      taskAcksLate: settings.acks === 'late',
      taskMaxDeliveries: settings.maxDeliveries,
      workerPrefetchMultiplier: settings.prefetchMultiplier,
    },
    { broker, runtime, environment: {} },
  )
}

function sqliteBroker(settings: Omit<ChaosSettings, 'journal' | 'name'>, runtime: Runtime): Broker {
  return createSqliteBroker({
    url: `sqlite:///${settings.database}`,
    path: settings.database,
    runtime,
    durability: settings.durability,
    leaseMs: settings.leaseTime * 1000,
    renewMs: settings.leaseRenewInterval * 1000,
  })
}
