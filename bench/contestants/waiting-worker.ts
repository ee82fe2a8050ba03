import { setTimeout as pause } from 'node:timers/promises'
import { App } from '../../src/app/app.js'
import { Worker } from '../../src/worker/worker.js'
import { SqlitePlace } from '../places.js'
import type { Contestant } from '../row.js'

export interface Waits {
  readonly count: number
  /** Each, ms. */
  readonly wait: number
  readonly concurrency: number
}

/** A worker whose tasks wait; from the first of them to the last. */
export function waitingWorker({ count, wait, concurrency }: Waits): Contestant {
  const place = new SqlitePlace('full')
  return {
    name: `lovage, ${place.name}, ${concurrency} at a time`,
    run: async () => {
      await place.empty()
      await using app = new App('bench', { ...place.settings, taskIgnoreResult: true, taskAcksLate: true })
      let [began, ended, over] = [0, 0, (_: number): void => undefined]
      const makespan = new Promise<number>(resolve => {
        over = resolve
      })
      const task = app.task('bench.wait', async () => {
        if (began === 0) began = performance.now()
        await pause(wait)
        if (++ended === count) over(performance.now() - began)
      })
      await app.publishMany(Array.from({ length: count }, () => task.s()))
      const worker = new Worker(app, { concurrency })
      await worker.start()
      const sample = { makespan: await makespan }
      await worker.stop('warm')
      return sample
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}
