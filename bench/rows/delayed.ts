import { Worker } from '../../src/worker/worker.js'
import { Child } from '../child.js'
import { noopApp, publish } from '../noop-app.js'
import { SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'

const CONCURRENCY = 100
const DELAYED = 10_000
/** Seconds: none of them comes due meanwhile. */
const COUNTDOWN = 3600

/** What tasks of the future cost those of today: no-ops beside 10,000 delayed ones, and without. */
export function delayed(tasks: number): Row {
  return {
    name: 'delayed',
    title: `${tasks} waiting no-ops beside ${DELAYED} delayed tasks, and without them`,
    needs: [],
    figures: [
      { name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 0.8 } },
      { name: 'rss', unit: 'MB', aim: { kind: 'ratio-at-most', value: 1.1 } },
    ],
    ours: () => beside(DELAYED, tasks),
    theirs: () => beside(0, tasks),
  }
}

function beside(count: number, tasks: number): Contestant {
  const place = new SqlitePlace('os')
  const settings = { ...place.settings, taskIgnoreResult: true }
  return {
    name: `${count} delayed`,
    run: async () => {
      await place.empty()
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
      const sample = await all
      await worker.stop('warm')
      return { ...sample, rss }
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

/** Of a worker that has nothing to do but to wait for them, in megabytes. */
async function workerMemory(settings: object): Promise<number> {
  await using child = await Child.start('lovage-worker', { ...settings, resultBackend: 'disabled' })
  return (await child.usage()).rss / 2 ** 20
}
