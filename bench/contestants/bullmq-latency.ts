import { Child } from '../child.js'
import { bullOptions, bullPostgresOptions, dropBullMqOnPostgres, loadBullMq } from '../peers/bullmq.js'
import type { Contestant } from '../row.js'
import { sends } from './sends.js'

/** A worker in another process, results by `QueueEvents`. */
export async function bullMqLatency(store: 'redis' | 'postgres'): Promise<Contestant> {
  const redis = store === 'redis'
  if (!redis) await dropBullMqOnPostgres()
  const worker = await Child.start('bullmq-worker', { queue: 'latency', store })
  const { Queue, QueueEvents, createPostgresBackend } = loadBullMq()
  const options = redis ? bullOptions() : bullPostgresOptions()
  const backend = redis ? undefined : createPostgresBackend
  const queue = new Queue('latency', options, backend)
  const events = new QueueEvents('latency', options, backend)
  await events.waitUntilReady()
  return {
    name: `BullMQ, ${redis ? 'Redis' : 'PostgreSQL'}`,
    run: () => sends(async () => (await queue.add('noop', [1, 2])).waitUntilFinished(events)),
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]()
      await events.close()
      await queue.obliterate({ force: true })
      await queue.close()
      if (!redis) await dropBullMqOnPostgres()
    },
  }
}
