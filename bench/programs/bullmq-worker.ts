import { bullOptions, loadBullMq } from '../peers.js'
import { obey } from './obey.js'

/* The same in BullMQ: the queue's name on the command line. */

const { queue } = JSON.parse(process.argv[2] ?? '{}') as { readonly queue: string }
const { Worker } = loadBullMq()
const worker = new Worker(queue, async ({ data }) => (data as number[])[0], { ...bullOptions(), concurrency: 100 })
await worker.waitUntilReady()
obey(() => worker.close())
