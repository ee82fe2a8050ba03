import { appendFileSync } from 'node:fs'
import { App } from '../../../src/app/app.js'
import { currentTask } from '../../../src/app/current-task.js'
import { definePoolTasks } from '../../../src/testing/conformance/pool-tasks.js'

/** The app of the pools under test, here and in their children. */
export const app: App = new App('conformance', {
  brokerUrl: 'memory://',
  limitMessageBytes: 64 * 1024 * 1024,
  workerProcAliveTimeout: 60,
})
definePoolTasks(app)

/** Leaves a line in the file, then does as it is told. */
app.task('test.mark', async (file: string, number: number, what: 'quick' | 'spin' | 'wait' | 'exit') => {
  const { clock } = currentTask()
  appendFileSync(file, `${number}\n`)
  if (what === 'exit') process.exit(3)
  if (what === 'wait') await clock.sleep(40)
  const began = clock.steady()
  while (what === 'spin' && clock.steady() - began < 40);
  return number
})
