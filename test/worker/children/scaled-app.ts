import { setTimeout as sleep } from 'node:timers/promises'
import { App } from '../../../src/index.js'

/** Loaded by the test and by each child of its pool. */
export const app = new App(
  'scaled',
  { brokerUrl: 'memory://', resultBackend: 'cache+memory://', workerAutoscaleKeepalive: 2, taskAcksLate: true },
  { environment: {} },
)

/** Computes for nobody; tells which process it was. */
export const work = app.task('work', async (ms: number) => {
  await sleep(ms)
  return process.pid
})
