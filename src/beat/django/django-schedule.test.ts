import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '../../lib/deferred.js'
import { nodeRuntime } from '../../lib/node-runtime.js'
import type { DjangoDatabase, DjangoRun } from './django-database.js'
import { DjangoSchedule } from './django-schedule.js'

test('a run that is being told while the entry runs again is counted once', async () => {
  const told: DjangoRun[] = []
  const answer = deferred<void>()
  const database: DjangoDatabase = {
    url: 'here',
    lastUpdate: async () => undefined,
    tables: async () => ({ tasks: [], intervals: [], crontabs: [], solars: [], clocked: [] }),
    record: async runs => {
      told.push(...runs)
      await answer.promise
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const schedule = new DjangoSchedule(nodeRuntime(), database, JSON.parse)
  schedule.ran({ name: 'x', at: 1, count: 1, off: false })
  const look = schedule.look()
  await new Promise(setImmediate)
  schedule.ran({ name: 'x', at: 2, count: 1, off: false })
  const end = schedule.end()
  answer.resolve()
  await Promise.all([look, end])
  assert.deepEqual(
    told.map(({ at, count }) => [at, count]),
    [
      [1, 1],
      [2, 1],
    ],
  )
})
