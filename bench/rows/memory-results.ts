import { Worker } from '../../src/worker/worker.js'
import { BULK, noopApp, timed } from '../noop-app.js'
import { bullOptions, loadBullMq } from '../peers/bullmq.js'
import type { Contestant, Row } from '../row.js'

const CONCURRENCY = 100

/** Everything in one process: send in bulk, run, store the result, hear of it. */
export function memoryResults(tasks: number): Row {
  return {
    name: 'memory-results',
    title: `${tasks} tasks, ${BULK} at a time, sent, run and their results read`,
    needs: ['Redis'],
    figures: [{ name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 3 } }],
    ours: () => lovage(tasks),
    theirs: () => bullMq(tasks),
  }
}

function lovage(tasks: number): Contestant {
  return {
    name: 'lovage, memory',
    run: async () => {
      const { app, noop } = noopApp({ brokerUrl: 'memory://', resultBackend: 'cache+memory://' })
      await using _app = app
      await using worker = new Worker(app, { concurrency: CONCURRENCY })
      await worker.start()
      const seconds = await timed(async () => {
        for (let sent = 0; sent < tasks; sent += BULK) {
          const results = await app.publishMany(Array.from({ length: BULK }, (_, i) => noop.s(sent, i)))
          await Promise.all(results.map(result => result.get()))
        }
      })
      return { rate: tasks / seconds }
    },
  }
}

function bullMq(tasks: number): Contestant {
  return {
    name: 'BullMQ',
    run: async () => {
      const { Queue, QueueEvents, Worker } = loadBullMq()
      const queue = new Queue('results', bullOptions())
      const events = new QueueEvents('results', bullOptions())
      // Both are listened to once per awaited job.
      queue.setMaxListeners(0)
      events.setMaxListeners(0)
      const worker = new Worker('results', async () => null, { ...bullOptions(), concurrency: CONCURRENCY })
      await Promise.all([events.waitUntilReady(), worker.waitUntilReady()])
      const seconds = await timed(async () => {
        for (let sent = 0; sent < tasks; sent += BULK) {
          const jobs = await queue.addBulk(Array.from({ length: BULK }, (_, i) => ({ name: 'noop', data: [sent, i] })))
          await Promise.all(jobs.map(job => job.waitUntilFinished(events)))
        }
      })
      await worker.close()
      await events.close()
      await queue.obliterate({ force: true })
      await queue.close()
      return { rate: tasks / seconds }
    },
  }
}
