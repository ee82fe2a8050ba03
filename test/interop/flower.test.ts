import assert from 'node:assert/strict'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { LoggedProcess } from '../support/python/logged-process.js'
import { celeryMissing, PROGRAMS, PYTHON } from '../support/python/python.js'
import { pythonWorker } from '../support/python/python-worker.js'
import { openRabbitMq, rabbitMqMissing } from '../support/services/rabbitmq.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'

/*
 * Flower's calls against a worker with child processes, by python/pyflower.py: a Lovage worker answers and tells what a Celery
 * worker does, and every page and button finds what it reads.
 */

interface Seen {
  readonly pages: Readonly<Record<string, unknown>> & {
    readonly pool: readonly string[]
    readonly broker: readonly string[]
  }
  readonly buttons: Readonly<Record<string, readonly [verdict: 'ok' | 'error', text: string]>>
  readonly tasks: readonly Readonly<{ told: readonly string[]; stable: Readonly<Record<string, unknown>> }>[]
  readonly worker: Readonly<Record<string, string>>
  readonly counted: readonly string[]
  readonly revoked: boolean
  readonly alive: boolean
}

const SETTINGS = JSON.stringify({ worker_pool_restarts: true })

for (const broker of ['rabbitmq', 'redis'] as const) {
  const skip =
    celeryMissing() ?? (await redisMissing()) ?? (broker === 'rabbitmq' ? await rabbitMqMissing() : undefined)
  describe(`Flower over ${broker}`, { skip: skip ?? false }, () => {
    test("every page and button of Flower finds in a Lovage worker what it finds in Celery's", async () => {
      await using redis = await redisDatabase()
      await using rabbit = broker === 'rabbitmq' ? await openRabbitMq('flower') : undefined
      const env = {
        LOVAGE_BROKER: rabbit?.url ?? redis.url,
        LOVAGE_BACKEND: redis.url,
        LOVAGE_REDIS: redis.url,
        LOVAGE_CONFIG: SETTINGS,
      }
      await using python = await pythonWorker('py@flower', { env, queues: ['py'], concurrency: 2 })
      await using lovage = await lovageWorker(env)

      const theirs = await flower('py@flower', 'py', env)
      const ours = await flower('ts@flower', 'ts', env)
      await Promise.all([python.ended, lovage.ended])

      assert.equal(lovage.child.exitCode, 0, lovage.log)
      const { pool, broker: connection, ...pages } = ours.pages
      const { pool: theirPool, broker: theirConnection, ...theirPages } = theirs.pages
      assert.deepEqual(pages, theirPages)
      // More rows are shown, too.
      assert.deepEqual(
        theirPool.filter(name => !pool.includes(name)),
        [],
      )
      assert.deepEqual(
        theirConnection.filter(name => !connection.includes(name)),
        [],
      )
      assert.deepEqual(ours.buttons, theirs.buttons)
      assert.deepEqual(ours.worker, theirs.worker)
      assert.deepEqual(ours.counted, theirs.counted)
      assert.deepEqual([ours.revoked, ours.alive], [true, false])
      assert.deepEqual(theirs.alive, false)
      assert.deepEqual(
        ours.tasks.map(task => ({ ...task.stable, told: task.told })),
        theirs.tasks.map(task => ({ ...task.stable, told: task.told, routing_key: 'ts' })),
      )
    })
  })
}

async function lovageWorker(env: Readonly<Record<string, string>>): Promise<LoggedProcess> {
  const own = { LOVAGE_NODENAME: 'ts@flower', LOVAGE_QUEUES: 'ts', LOVAGE_POOL: 'prefork', LOVAGE_CONCURRENCY: '2' }
  const script = join(import.meta.dirname, 'lovage-worker.js')
  const worker = new LoggedProcess('Lovage worker', [process.execPath, script], { env: { ...env, ...own } })
  await worker.says(/^ready$/m)
  return worker
}

async function flower(node: string, queue: string, env: Readonly<Record<string, string>>): Promise<Seen> {
  const words = [PYTHON, 'pyflower.py', node, queue]
  await using program = new LoggedProcess(words.join(' '), words, { cwd: PROGRAMS, env })
  const { stdout } = program.child
  if (stdout === null) return assert.fail('no standard output')
  const printed = await text(stdout)
  await program.ended
  if (program.child.exitCode !== 0) throw program.trouble('failed')
  return JSON.parse(printed) as Seen
}
