import { Worker } from '../../src/worker/worker.js'
import { inFolder, measured, noopApp, publish, sqliteUrl } from '../noop-app.js'
import type { Contestant } from '../row.js'

export const CONCURRENCY = 100

export type Durability = 'os' | 'full'

/** Lovage's side of the rows that empty a full queue: tasks per second, and CPU per task, from the start to the last run. */
export function drainSqlite(durability: Durability, tasks: number): Contestant {
  return {
    name: `lovage worker, ${durability}`,
    run: () =>
      inFolder(async folder => {
        const bench = noopApp({ brokerUrl: sqliteUrl(folder), durability, taskIgnoreResult: true })
        await using _app = bench.app
        await publish(bench, tasks)
        const all = bench.runs(tasks)
        const worker = new Worker(bench.app, { concurrency: CONCURRENCY })
        await worker.start()
        const { seconds, cpu } = await measured(() => all)
        await worker.stop('warm')
        return { rate: tasks / seconds, cpu: cpu / tasks }
      }),
  }
}
