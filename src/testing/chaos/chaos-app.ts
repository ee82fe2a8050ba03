import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../app/app.js'
import { currentTask } from '../../app/current-task.js'
import type { SettingsInput } from '../../app/settings.js'
import { openBroker } from '../../app/transports.js'
import { nodeRuntime } from '../../lib/node-runtime.js'
import type { Runtime } from '../../lib/runtime.js'
import { standStill } from '../../lib/stand-still.js'
import type { ChaosSettings } from './chaos-settings.js'
import { Journal } from './journal.js'
import type { PlannedTask } from './plan.js'
import { WitnessBroker } from './witness-broker.js'

export const QUEUE = 'chaos'
/** Takes as long, and ends so, as the plan says. */
export const PLANNED_TASK = 'chaos.planned'
/** Keeps its event loop for so many ms. */
export const BLOCKING_TASK = 'chaos.blocking'
/** Kills its worker. */
export const POISON_TASK = 'chaos.poison'

type ClientSettings = Pick<ChaosSettings, 'brokerUrl' | 'resultBackend' | 'acks' | 'settings'>

/** The app of a client: it publishes, and looks at results. */
export function clientApp(settings: ClientSettings, runtime: Runtime = nodeRuntime()): App {
  return new App('chaos', appSettings(settings), { runtime, environment: {} })
}

/** The app of a worker: its tasks, and its broker's verdicts, go into the journal. */
export async function workerApp(settings: ChaosSettings, runtime: Runtime = nodeRuntime()): Promise<App> {
  const journal = new Journal(settings.journal)
  const plain = clientApp(settings, runtime)
  const broker = await openBroker(settings.brokerUrl, { runtime, settings: plain.settings })
  const witness = new WitnessBroker(broker, journal)
  const app = new App('chaos', appSettings(settings), { broker: witness, runtime, environment: {} })
  app.task(PLANNED_TASK, (planned: PlannedTask) => attempt(journal, () => sleep(planned.ms), planned.kind))
  app.task(BLOCKING_TASK, (ms: number) => attempt(journal, async () => standStill(ms)))
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

function appSettings({ brokerUrl, resultBackend, acks, settings }: ClientSettings): SettingsInput {
  return { taskDefaultQueue: QUEUE, taskAcksLate: acks === 'late', ...settings, brokerUrl, resultBackend }
}
