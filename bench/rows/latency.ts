import { rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Child } from '../child.js'
import { newFolder, noopApp, sqliteUrl } from '../noop-app.js'
import { bullOptions, loadBullMq } from '../peers.js'
import { type Contest, quantile, type Row, type Sample } from '../row.js'

const SENDS = 200
/** Between two sends, ms: everybody has gone to sleep again. */
const GAP = 15

/** From the send to the result in the sender's hand; worker and sender are two processes, nothing else is to do. */
export function latency(): Row {
  return {
    name: 'latency',
    title: `Idle system, two processes over SQLite (durability full) beside BullMQ: send to result, ${SENDS} sends a round`,
    needsRedis: true,
    figures: [
      { name: 'p50', unit: 'ms', aim: { kind: 'at-most', value: 5 } },
      { name: 'p99', unit: 'ms', aim: { kind: 'at-most', value: 20 } },
    ],
    open,
  }
}

async function open(): Promise<Contest> {
  const folder = newFolder()
  const settings = { brokerUrl: sqliteUrl(folder), resultBackend: `db+${sqliteUrl(folder)}` }
  const ourWorker = await Child.start('lovage-worker', settings)
  const theirWorker = await Child.start('bullmq-worker', { queue: 'latency' })
  const { app, noop } = noopApp(settings)
  const { Queue, QueueEvents } = loadBullMq()
  const queue = new Queue('latency', bullOptions())
  const events = new QueueEvents('latency', bullOptions())
  await events.waitUntilReady()
  return {
    ours: { name: 'lovage, SQLite', run: () => sends(async () => (await noop.delay(1, 2)).get()) },
    theirs: {
      name: 'BullMQ, Redis',
      run: () => sends(async () => (await queue.add('noop', [1, 2])).waitUntilFinished(events)),
    },
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await Promise.all([ourWorker[Symbol.asyncDispose](), theirWorker[Symbol.asyncDispose]()])
      await events.close()
      await queue.obliterate({ force: true })
      await queue.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function sends(act: () => Promise<unknown>): Promise<Sample> {
  const times: number[] = []
  for (let i = 0; i < SENDS; i++) {
    await pause(GAP)
    const started = performance.now()
    await act()
    times.push(performance.now() - started)
  }
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}
