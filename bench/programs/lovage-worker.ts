import { App } from '../../src/index.js'
import { Worker } from '../../src/worker.js'
import { obey } from './obey.js'

/* A worker as a user's own program would have it: `[settings]` on the command line. */

const { concurrency = 100, ...settings } = JSON.parse(process.argv[2] ?? '{}') as { readonly concurrency?: number }
const app = new App('bench', settings)
app.task('bench.noop', (a: number, _b: number) => a)
const worker = new Worker(app, { concurrency })
await worker.start()
obey(() => worker.stop('warm'))
