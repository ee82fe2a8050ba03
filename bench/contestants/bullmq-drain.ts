import { Meter } from '../meter.js'
import { BULK } from '../noop-app.js'
import { bullOptions, loadBullMq } from '../peers/bullmq.js'
import type { Contestant } from '../row.js'
import type { Drain } from './drain.js'

/** BullMQ on Redis. With results it keeps each finished job with its value, as it does by default. */
export function bullMqDrain({ tasks, concurrency, results }: Drain): Contestant {
  return {
    name: 'BullMQ',
    run: async () => {
      const { Queue, Worker } = loadBullMq()
      const queue = new Queue('noop', bullOptions())
      const opts = { removeOnComplete: !results }
      for (let sent = 0; sent < tasks; sent += BULK) {
        await queue.addBulk(Array.from({ length: BULK }, (_, i) => ({ name: 'noop', data: [sent, i], opts })))
      }
      const meter = new Meter(tasks)
      const worker = new Worker('noop', async () => meter.ran(), { ...bullOptions(), concurrency })
      await worker.waitUntilReady()
      const sample = await meter.done
      await worker.close()
      await queue.obliterate({ force: true })
      await queue.close()
      return sample
    },
  }
}
