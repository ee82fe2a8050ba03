import { rmSync } from 'node:fs'
import { newFolder, noopApp, publish, sqliteUrl, timed } from '../noop-app.js'
import { bullOptions, loadBullMq } from '../peers.js'
import type { Row, Sample } from '../row.js'
import type { Durability } from './sqlite-drain.js'

const BULK = 1000
/** Told, not judged: the aims for publishing are about brokers that Lovage does not have yet. */
const FIGURES = [{ name: 'rate', unit: 'tasks/s' }] as const

/** A thousand calls at a time. */
export function enqueueBulk(durability: Durability, tasks: number): Row {
  return enqueue({
    name: `publish-many-${durability}`,
    title: `Publishing ${tasks} tasks, ${BULK} at a time, over SQLite (durability ${durability}) beside BullMQ's addBulk`,
    durability,
    tasks,
    ours: bench => publish(bench, tasks),
    theirs: async queue => {
      for (let sent = 0; sent < tasks; sent += BULK) {
        await queue.addBulk(Array.from({ length: BULK }, (_, i) => ({ name: 'noop', data: [sent, i] })))
      }
    },
  })
}

/** Each awaited before the next. */
export function enqueueOne(durability: Durability, tasks: number): Row {
  return enqueue({
    name: `publish-one-${durability}`,
    title: `Publishing ${tasks} tasks one at a time, over SQLite (durability ${durability}) beside BullMQ`,
    durability,
    tasks,
    ours: async ({ noop }) => {
      for (let i = 0; i < tasks; i++) await noop.delay(1, i)
    },
    theirs: async queue => {
      for (let i = 0; i < tasks; i++) await queue.add('noop', [1, i])
    },
  })
}

function enqueue(way: {
  readonly name: string
  readonly title: string
  readonly durability: Durability
  readonly tasks: number
  ours(bench: ReturnType<typeof noopApp>): Promise<void>
  theirs(queue: InstanceType<ReturnType<typeof loadBullMq>['Queue']>): Promise<void>
}): Row {
  const { name, title, durability, tasks } = way
  const rate = async (act: () => Promise<void>): Promise<Sample> => ({ rate: tasks / (await timed(act)) })
  return {
    name,
    title,
    needsRedis: true,
    figures: FIGURES,
    open: async () => {
      const folder = newFolder()
      const bench = noopApp({ brokerUrl: sqliteUrl(folder), durability, taskIgnoreResult: true })
      const queue = new (loadBullMq().Queue)('enqueue', bullOptions())
      await queue.waitUntilReady()
      return {
        ours: { name: 'lovage', run: () => rate(() => way.ours(bench)) },
        theirs: { name: 'BullMQ', run: () => rate(() => way.theirs(queue)) },
        async [Symbol.asyncDispose]() {
          await bench.app[Symbol.asyncDispose]()
          await queue.obliterate({ force: true })
          await queue.close()
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
  }
}
