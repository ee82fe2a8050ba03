import { Worker } from '../../src/worker/worker.js'
import { noopApp, publish } from '../noop-app.js'
import type { Place } from '../places.js'
import type { Contestant } from '../row.js'
import type { Drain } from './drain.js'

export function lovageDrain(place: Place, { tasks, concurrency, results, events = false }: Drain): Contestant {
  return {
    name: `lovage, ${place.name}${events ? ', events on' : ''}`,
    run: async () => {
      await place.empty()
      const kept = results ? place.results : { taskIgnoreResult: true }
      const bench = noopApp({ ...place.settings, ...kept, workerSendTaskEvents: events })
      await using _app = bench.app
      await publish(bench, tasks)
      const all = bench.runs(tasks)
      const worker = new Worker(bench.app, { concurrency })
      await worker.start()
      const sample = await all
      await worker.stop('warm')
      return sample
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}
