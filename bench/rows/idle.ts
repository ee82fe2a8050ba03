import { setTimeout as pause } from 'node:timers/promises'
import { Child } from '../child.js'
import { SqlitePlace } from '../places.js'
import type { Contestant, Row } from '../row.js'

/** Until start-up has been digested, then as long as it is watched, ms. */
const SETTLE = 2000
const WATCH = 4000

/** A worker with nothing to do: what it holds and what it burns. */
export function idle(): Row {
  return {
    name: 'idle',
    title: 'An idle worker over SQLite, broker and results in one file, beside an idle BullMQ worker',
    needs: ['Redis'],
    figures: [
      { name: 'rss', unit: 'MB', aim: { kind: 'ratio-at-most', value: 1.3 } },
      { name: 'cpu', unit: '% of a core', aim: { kind: 'at-most', value: 1 } },
    ],
    ours: () => {
      const place = new SqlitePlace('full')
      return watched('lovage-worker', { ...place.settings, ...place.results }, place)
    },
    theirs: () => watched('bullmq-worker', { queue: 'idle' }),
  }
}

function watched(program: 'lovage-worker' | 'bullmq-worker', options: object, place?: AsyncDisposable): Contestant {
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
    async [Symbol.asyncDispose]() {
      await place?.[Symbol.asyncDispose]()
    },
  }
}
