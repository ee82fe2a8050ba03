import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../../src/app/app.js'
import { currentTask } from '../../../src/app/current-task.js'
import { setOptions } from '../../../src/app/set-options.js'
import { chain, chord, group } from '../../../src/canvas/canvas.js'
import { until } from '../../../src/testing/chaos/waiting.js'
import { Worker } from '../../../src/worker/worker.js'
import { redisDatabase, redisMissing } from '../../support/services/redis.js'

/* Chords over Redis to which their own parts add, and whose parts run under other ids. */

const missing = await redisMissing()
const skip = missing === undefined ? {} : { skip: missing }
const PATIENCE = { timeout: 30 }

function shop(url: string) {
  const settings = { brokerUrl: url, resultBackend: url, trackWorkflows: true, taskCreateMissingQueues: true }
  const app = new App('shop', settings, { environment: {} })
  const value = app.task('value', (name: string): string => name)
  const sorted = app.task('sorted', (all: readonly unknown[]): readonly unknown[] => all.map(String).toSorted())
  return { app, value, sorted }
}

async function serving(app: App, queue: string): Promise<AsyncDisposable> {
  const worker = new Worker(app, { name: `${queue}@test`, queues: [queue] })
  await worker.start()
  return worker
}

test('D70 what was added is replaced by what ends in a group, and counts once', skip, async () => {
  await using database = await redisDatabase()
  const { app, value, sorted } = shop(database.url)
  await using _app = app
  const many = app.task('many', (name: string): readonly string[] => {
    throw currentTask().replace(chain(value.s(name), group(value.s(), value.s())))
  })
  const adder = app.task('adder', async (): Promise<string> => {
    await currentTask().addToChord(many.s('x'))
    return 'a'
  })
  await using _early = await serving(app, 'celery')
  const last = setOptions(value.s('b'), { queue: 'later' })
  const result = await app.apply(chord([adder.s(), last], sorted.s()))
  // All else is there when the last part comes.
  const parts = `celery-taskset-meta-${result.parent?.id}.j`
  await until('two parts', async () => (await database.client.zcard(parts)) === 2)
  await using _later = await serving(app, 'later')
  assert.deepEqual(await result.get(PATIENCE), ['a', 'b', 'x,x'])
})

test(
  'D70 a part that failed, and is sent again under another id, counts once beside what was added',
  skip,
  async () => {
    await using database = await redisDatabase()
    const { app, value, sorted } = shop(database.url)
    await using _app = app
    let attempts = 0
    const flaky = app.task('flaky', (): string => {
      if (attempts++ === 0) throw new RangeError('not yet')
      return 'b'
    })
    const adder = app.task('adder', async (): Promise<string> => {
      await currentTask().addToChord(value.s('x'))
      return 'a'
    })
    await using _early = await serving(app, 'celery')
    const last = setOptions(value.s('c'), { queue: 'later' })
    const result = await app.apply(chord([adder.s(), flaky.s(), last], sorted.s()))
    const parts = `celery-taskset-meta-${result.parent?.id}.j`
    await until('three parts', async () => (await database.client.zcard(parts)) === 3)
    const { sent } = await app.workflows.resume(result.rootId as string, { failedOnly: true })
    assert.equal(sent.length, 1)
    assert.equal(await app.result(sent[0] as string).get(PATIENCE), 'b')
    await using _later = await serving(app, 'later')
    assert.deepEqual(await result.get(PATIENCE), ['a', 'b', 'c', 'x'])
  },
)
