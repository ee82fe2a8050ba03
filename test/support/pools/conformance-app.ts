import { App } from '../../../src/app/app.js'
import { definePoolTasks } from '../../../src/testing/conformance/pool-tasks.js'

/** The app of the pools under test, here and in their children. */
export const app: App = new App('conformance', {
  brokerUrl: 'memory://',
  limitMessageBytes: 64 * 1024 * 1024,
  workerProcAliveTimeout: 60,
})
definePoolTasks(app)
