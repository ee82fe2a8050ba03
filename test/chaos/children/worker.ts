import { createLog } from '../../../src/lib/log.js'
import { nodeRuntime } from '../../../src/lib/node-runtime.js'
import { Worker } from '../../../src/worker/worker.js'
import { workerApp } from '../chaos-app.js'
import { settingsOfProcess } from '../settings.js'

/* A worker without a command line around it: it starts sooner, and a sweep starts a thousand. TERM stops it warm. */

const settings = settingsOfProcess()
const log = createLog({ write: (level, message) => console.error(`${level}: ${message}`) }, 'warning')
const app = workerApp(settings, nodeRuntime({ log }))
const worker = new Worker(app, { name: settings.name, concurrency: settings.concurrency })
process.on('SIGTERM', () => void worker.stop('warm'))
// Whoever started it is gone: so is its reason to be.
process.on('disconnect', () => process.exit(1))
await worker.start()
process.send?.('ready')
const end = await worker.closed
await app[Symbol.asyncDispose]()
process.exit(end.kind === 'stopped' ? 0 : 1)
