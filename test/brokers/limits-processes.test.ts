import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { App } from '../../src/index.js'
import { Worker } from '../../src/worker.js'
import { needsPostgres, ScratchDatabase } from '../support/services/postgres.js'
import { openRabbitMq } from '../support/services/rabbitmq.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'

/* Limits over the cluster between worker processes on real stores; one of them is killed in the middle. */

interface Place {
  readonly brokerUrl: string
  readonly resultBackend: string
}

const missing = await redisMissing()
const rabbit = await openRabbitMq('limits')
after(() => rabbit[Symbol.asyncDispose]())

const PATIENCE = 90
const MAX = 2
const RATE = { max: 6, ms: 1000 }
/** From the store's grant to the handler, on a machine that is busy. */
const JITTER = 400

const source = (name: string): string => new URL(`../../src/${name}.js`, import.meta.url).href

function program({ brokerUrl, resultBackend }: Place, name: string): string {
  return `
    import { App } from '${source('index')}'
    import { Worker } from '${source('worker')}'
    const app = new App('limits', { brokerUrl: '${brokerUrl}', resultBackend: '${resultBackend}', leaseTime: 4, leaseRenewInterval: 1 })
    app.task('turn', async () => {
      const from = Date.now()
      await new Promise(resolve => setTimeout(resolve, 150))
      return { by: '${name}', from, until: Date.now() }
    }, { acksLate: true, maxConcurrent: ${MAX}, rateLimit: { limit: '${RATE.max}/s', scope: 'cluster' } })
    await new Worker(app, { name: '${name}@limits', concurrency: 4 }).start()
    console.log('ready')
  `
}

async function startWorker(place: Place, name: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program(place, name)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const first = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => ['exit'])])
  assert.match(String(first[0]), /ready/)
  return child
}

interface Turn {
  readonly by: string
  readonly from: number
  readonly until: number
}

async function play(place: Place): Promise<void> {
  const { brokerUrl, resultBackend } = place
  const app = new App('limits', { brokerUrl, resultBackend })
  const children = [await startWorker(place, 'one'), await startWorker(place, 'two')]
  try {
    const results = await Promise.all(Array.from({ length: 40 }, () => app.sendTask<Turn>('turn')))
    const turns: Turn[] = []
    for (const [index, result] of results.entries()) {
      turns.push(await result.get({ timeout: PATIENCE }))
      if (index === 12) children[0]?.kill('SIGKILL')
    }
    const byStart = turns.toSorted((a, b) => a.from - b.from)
    for (const turn of byStart) {
      const beside = byStart.filter(other => other.from <= turn.from && turn.from < other.until).length
      assert.ok(beside <= MAX, `${beside} at a time`)
    }
    for (let n = RATE.max; n < byStart.length; n++) {
      const span = (byStart[n]?.from ?? 0) - (byStart[n - RATE.max]?.from ?? 0)
      assert.ok(span >= RATE.ms - JITTER, `${RATE.max + 1} starts in ${span} ms`)
    }
    assert.deepEqual(new Set(turns.map(turn => turn.by)), new Set(['one', 'two']))
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await app[Symbol.asyncDispose]()
  }
}

describe('two worker processes keep the limits of the cluster, also when one is killed', () => {
  test('sqlite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lovage-limits-'))
    try {
      await play({
        brokerUrl: `sqlite:///${join(folder, 'queue.db')}`,
        resultBackend: `db+sqlite:///${join(folder, 'results.db')}`,
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('redis', missing === undefined ? {} : { skip: missing }, async () => {
    await using database = await redisDatabase()
    await play({
      brokerUrl: database.url,
      resultBackend: database.url,
    })
  })

  test('postgres', needsPostgres, async () => {
    await using database = await ScratchDatabase.create()
    await play({
      brokerUrl: database.url(),
      resultBackend: database.url('db+postgresql'),
    })
  })

  test('rabbitmq, with the limits in the store of the results', {
    ...rabbit.needed,
    ...(missing === undefined ? {} : { skip: missing }),
  }, async () => {
    await using database = await redisDatabase()
    await play({ brokerUrl: rabbit.url, resultBackend: database.url })
  })
})

test('a worker on RabbitMQ without any store for its limits does not start, and says what to do', async () => {
  for (const limitStoreUrl of [undefined, 'amqp://127.0.0.1:1']) {
    const settings = { brokerUrl: 'amqp://127.0.0.1:1', ...(limitStoreUrl === undefined ? {} : { limitStoreUrl }) }
    await using app = new App('limits', settings, { environment: {} })
    app.task('one', () => 1, { maxConcurrent: 1 })
    await assert.rejects(new Worker(app).start(), { code: 'LVG_LIMIT_STORE', message: /limitStoreUrl/ })
  }
})
