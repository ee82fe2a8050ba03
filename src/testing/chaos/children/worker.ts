import { createLog } from '../../../lib/log.js'
import { nodeRuntime } from '../../../lib/node-runtime.js'
import { Worker } from '../../../worker/worker.js'
import { workerApp } from '../chaos-app.js'
import { settingsOfProcess } from '../chaos-settings.js'

/* A worker without a command line around it: it starts sooner, and a sweep starts a thousand. TERM stops it warm. */

async function main(): Promise<void> {
  const settings = settingsOfProcess()
  const log = createLog({ write: (level, message) => console.error(`${level}: ${message}`) }, 'warning')
  const app = await workerApp(settings, nodeRuntime({ log }))
  const worker = new Worker(app, { name: settings.name, concurrency: settings.concurrency })
  process.on('SIGTERM', () => void worker.stop('warm'))
  // Whoever started it is gone: so is its reason to be.
  process.on('disconnect', () => process.exit(1))
  // Told to stop while it starts, it does not come to be ready, and how it ended is told below.
  await worker.start().then(
    () => process.send?.('ready'),
    (error: unknown) => console.error(String(error)),
  )
  const end = await worker.closed
  await app[Symbol.asyncDispose]()
  process.exit(end.kind === 'stopped' ? 0 : 1)
}

await main()
