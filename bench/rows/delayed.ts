import { Worker } from '../../src/worker/worker.js'
import { Child } from '../child.js'
import { inFolder, noopApp, publish, sqliteUrl } from '../noop-app.js'
import type { Contestant, Row } from '../row.js'
import { CONCURRENCY } from './sqlite-drain.js'

const DELAYED = 10_000
/** Seconds: none of them comes due meanwhile. */
const COUNTDOWN = 3600

/** What tasks of the future cost those of today: no-ops beside 10,000 delayed ones, and without. */
export function delayed(tasks: number): Row {
  return {
    name: 'delayed',
    title: `SQLite (durability os): ${tasks} waiting no-ops beside ${DELAYED} delayed tasks, and without them`,
    needsRedis: false,
    figures: [
      { name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 0.8 } },
      { name: 'rss', unit: 'MB', aim: { kind: 'ratio-at-most', value: 1.1 } },
    ],
    open: async () => ({
      ours: beside(DELAYED, tasks),
      theirs: beside(0, tasks),
      async [Symbol.asyncDispose]() {},
    }),
  }
}

function beside(count: number, tasks: number): Contestant {
  return {
    name: `${count} delayed`,
    run: () =>
      inFolder(async folder => {
        const settings = { brokerUrl: sqliteUrl(folder), durability: 'os', taskIgnoreResult: true } as const
        const bench = noopApp(settings)
        await using _app = bench.app
        await Promise.all(
          Array.from({ length: count }, (_, i) => bench.noop.applyAsync([0, i], { countdown: COUNTDOWN })),
        )
        const rss = await workerMemory(settings)
        await publish(bench, tasks)
        const all = bench.runs(tasks)
        const worker = new Worker(bench.app, { concurrency: CONCURRENCY })
        await worker.start()
        const started = performance.now()
        await all
        const seconds = (performance.now() - started) / 1000
        await worker.stop('warm')
        return { rate: tasks / seconds, rss }
      }),
  }
}

/** Of a worker that has nothing to do but to wait for them, in megabytes. */
async function workerMemory(settings: object): Promise<number> {
  await using child = await Child.start('lovage-worker', { ...settings, resultBackend: 'disabled' })
  return (await child.usage()).rss / 2 ** 20
}
