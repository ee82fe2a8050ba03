import { bullOptions, bullPostgresOptions, loadBullMq } from '../peers/bullmq.js'
import { obey } from './obey.js'

/* The same in BullMQ: the queue's name, and where it lies, on the command line. */

const { queue, store = 'redis' } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly queue: string
  readonly store?: 'redis' | 'postgres'
}
const { Worker, createPostgresBackend } = loadBullMq()
const run = async ({ data }: { readonly data: unknown }): Promise<unknown> => (data as number[])[0]
const worker =
  store === 'redis'
    ? new Worker(queue, run, { ...bullOptions(), concurrency: 100 })
    : new Worker(queue, run, { ...bullPostgresOptions(), concurrency: 100 }, createPostgresBackend)
await worker.waitUntilReady()
obey(() => worker.close())
