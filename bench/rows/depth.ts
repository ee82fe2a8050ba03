import { App } from '../../src/app/app.js'
import { Worker } from '../../src/worker/worker.js'
import { SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'

const SHALLOW = 10
const DEEP = 1_000_000
const RUNS = 10_000
const BULK = 1000

/** Each task sends the next one before it ends, so a queue stays as deep as it was filled. */
export function depth(): Row {
  return {
    name: 'depth',
    title: `${RUNS} tasks, each sending another, from a queue ${DEEP} deep beside one ${SHALLOW} deep`,
    needs: [],
    figures: [{ name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 0.8 } }],
    ours: () => steady(DEEP),
    theirs: () => steady(SHALLOW),
  }
}

async function steady(messages: number): Promise<Contestant> {
  const place = new SqlitePlace('os')
  const app = new App('bench', { ...place.settings, taskIgnoreResult: true, taskAcksLate: true })
  let left = 0
  let done: () => void = () => undefined
  const step = app.task('bench.step', async (round: number): Promise<void> => {
    await step.delay(round + 1)
    if (--left === 0) done()
  })
  for (let sent = 0; sent < messages; sent += BULK) {
    await app.publishMany(Array.from({ length: Math.min(BULK, messages - sent) }, () => step.s(0)))
  }
  return {
    name: `${messages} deep`,
    run: async () => {
      left = RUNS
      const all = new Promise<void>(resolve => {
        done = resolve
      })
      const worker = new Worker(app, { concurrency: SHALLOW })
      await worker.start()
      const started = performance.now()
      await all
      const seconds = (performance.now() - started) / 1000
      await worker.stop('warm')
      return { rate: RUNS / seconds }
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await place[Symbol.asyncDispose]()
    },
  }
}
