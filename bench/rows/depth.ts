import { rmSync } from 'node:fs'
import { App } from '../../src/app/app.js'
import { Worker } from '../../src/worker/worker.js'
import { newFolder, sqliteUrl } from '../noop-app.js'
import type { Contestant, Row } from '../row.js'

const SHALLOW = 10
const DEEP = 1_000_000
const RUNS = 10_000
const BULK = 1000

/** Each task sends the next one before it ends, so a queue stays as deep as it was filled. */
export function depth(): Row {
  return {
    name: 'depth',
    title: `SQLite (durability os): ${RUNS} tasks, each sending another, from a queue ${DEEP} deep beside one ${SHALLOW} deep`,
    needsRedis: false,
    figures: [{ name: 'rate', unit: 'tasks/s', aim: { kind: 'ratio-at-least', value: 0.8 } }],
    open: async () => {
      const [deep, shallow] = [await steady(DEEP), await steady(SHALLOW)]
      return {
        ours: deep,
        theirs: shallow,
        async [Symbol.asyncDispose]() {
          await deep[Symbol.asyncDispose]()
          await shallow[Symbol.asyncDispose]()
        },
      }
    },
  }
}

async function steady(messages: number): Promise<Contestant & AsyncDisposable> {
  const folder = newFolder()
  const app = new App('bench', {
    brokerUrl: sqliteUrl(folder),
    durability: 'os',
    taskIgnoreResult: true,
    taskAcksLate: true,
  })
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
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
