import { rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Child } from '../child.js'
import { newFolder, sqliteUrl } from '../noop-app.js'
import type { Contestant, Row } from '../row.js'

/** Until start-up has been digested, then as long as it is watched, ms. */
const SETTLE = 2000
const WATCH = 4000

/** A worker with nothing to do: what it holds and what it burns. */
export function idle(): Row {
  return {
    name: 'idle',
    title: 'An idle worker over SQLite, broker and results in one file, beside an idle BullMQ worker',
    needsRedis: true,
    figures: [
      { name: 'rss', unit: 'MB', aim: { kind: 'ratio-at-most', value: 1.3 } },
      { name: 'cpu', unit: '% of a core', aim: { kind: 'at-most', value: 1 } },
    ],
    open: async () => {
      const folder = newFolder()
      const settings = { brokerUrl: sqliteUrl(folder), resultBackend: `db+${sqliteUrl(folder)}` }
      return {
        ours: watched('lovage-worker', settings),
        theirs: watched('bullmq-worker', { queue: 'idle' }),
        async [Symbol.asyncDispose]() {
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
  }
}

function watched(program: 'lovage-worker' | 'bullmq-worker', options: object): Contestant {
  return {
    name: program,
    run: async () => {
      await using child = await Child.start(program, options)
      await pause(SETTLE)
      const before = await child.usage()
      await pause(WATCH)
      const after = await child.usage()
      return { rss: after.rss / 2 ** 20, cpu: ((after.cpu - before.cpu) / 1000 / WATCH) * 100 }
    },
  }
}
