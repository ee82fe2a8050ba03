import { obey } from './obey.js'

/* A worker as a user's own program would have it: `[settings]`, and URLs of the two front doors, on the command line. */

interface Options {
  readonly doors: { readonly index: string; readonly worker: string }
  readonly concurrency?: number
}

const { doors, concurrency = 100, ...settings } = JSON.parse(process.argv[2] ?? '{}') as Options
const [{ App }, { Worker }] = await Promise.all([
  import(doors.index) as Promise<typeof import('../../src/index.js')>,
  import(doors.worker) as Promise<typeof import('../../src/worker.js')>,
])
const app = new App('bench', settings)
app.task('bench.noop', (a: number, _b: number) => a)
app.task('bench.count', (values: readonly unknown[]) => values.length)
const worker = new Worker(app, { concurrency })
await worker.start()
obey(() => worker.stop('warm'))
