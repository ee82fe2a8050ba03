import { measured } from '../noop-app.js'
import { bullOptions, loadBullMq } from '../peers.js'
import type { Contestant, Row } from '../row.js'
import { CONCURRENCY, type Durability, drainSqlite } from './sqlite-drain.js'

const BULK = 1000

/** The same no-ops over SQLite and through BullMQ on Redis, which keeps no result of them. */
export function bullMqNoop(durability: Durability, tasks: number): Row {
  return {
    name: `bullmq-${durability}`,
    title: `SQLite, durability ${durability}, beside BullMQ on Redis: ${tasks} waiting no-ops, one worker, concurrency ${CONCURRENCY}`,
    needsRedis: true,
    figures: [
      { name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 1.3 } },
      // BullMQ's leaves out what Redis does for it.
      { name: 'cpu', unit: 'µs' },
    ],
    open: async () => ({
      ours: drainSqlite(durability, tasks),
      theirs: bullMq(tasks),
      async [Symbol.asyncDispose]() {},
    }),
  }
}

function bullMq(tasks: number): Contestant {
  return {
    name: 'BullMQ',
    run: async () => {
      const { Queue, Worker } = loadBullMq()
      const queue = new Queue('noop', bullOptions())
      for (let sent = 0; sent < tasks; sent += BULK) {
        await queue.addBulk(
          Array.from({ length: BULK }, (_, i) => ({ name: 'noop', data: [sent, i], opts: { removeOnComplete: true } })),
        )
      }
      let ran = 0
      let done: () => void
      const all = new Promise<void>(resolve => {
        done = resolve
      })
      const run = async (): Promise<void> => {
        if (++ran === tasks) done()
      }
      const worker = new Worker('noop', run, { ...bullOptions(), concurrency: CONCURRENCY })
      await worker.waitUntilReady()
      const { seconds, cpu } = await measured(() => all)
      await worker.close()
      await queue.obliterate({ force: true })
      await queue.close()
      return { rate: tasks / seconds, cpu: cpu / tasks }
    },
  }
}
