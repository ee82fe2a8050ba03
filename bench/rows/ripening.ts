import { Worker } from '../../src/worker/worker.js'
import { noopApp, publish } from '../noop-app.js'
import { SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'

const CONCURRENCY = 100
const TASKS = 10_000
/** Seconds until all of them are due, at one instant. */
const AHEAD = 3

/** Ten thousand tasks that come due at once, beside as many that never were delayed. */
export function ripening(): Row {
  return {
    name: 'ripening',
    title: `${TASKS} tasks delayed to one instant, run from then on, beside as many undelayed`,
    needs: [],
    figures: [{ name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 0.5 } }],
    ours: () => due(true),
    theirs: () => due(false),
  }
}

function due(delayed: boolean): Contestant {
  const place = new SqlitePlace('os')
  return {
    name: delayed ? 'delayed' : 'undelayed',
    run: async () => {
      await place.empty()
      const bench = noopApp({ ...place.settings, taskIgnoreResult: true })
      await using _app = bench.app
      const eta = new Date(Date.now() + AHEAD * 1000)
      if (delayed) {
        await Promise.all(Array.from({ length: TASKS }, (_, i) => bench.noop.applyAsync([0, i], { eta })))
      } else await publish(bench, TASKS)
      const all = bench.runs(TASKS)
      const worker = new Worker(bench.app, { concurrency: CONCURRENCY })
      await worker.start()
      const started = delayed ? eta.getTime() : Date.now()
      await all
      const seconds = (Date.now() - started) / 1000
      await worker.stop('warm')
      return { rate: TASKS / seconds }
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}
