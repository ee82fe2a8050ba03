import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { doors } from '../../src/cli/doors.js'
import { loadModule } from '../../src/lib/node-load-module.js'
import { ChaosProxy } from '../../src/testing/chaos/chaos-proxy.js'
import { LovageProcess } from '../cli/process.js'
import { Project } from '../cli/project.js'
import { PoolStage } from '../support/pools/pool-stage.js'
import { redisDatabase, redisMissing } from '../support/services/redis.js'
import { LONG } from './long.js'

/* Child pools under what takes pipes and slots away: H43, H44. */

const MEGABYTE = 1024 * 1024
const BULK = LONG
  ? { children: 8, tasks: 1000, bytes: 20 * MEGABYTE, printed: 10 * MEGABYTE, breaks: 100 }
  : { children: 2, tasks: 9, bytes: 1.5 * MEGABYTE, printed: MEGABYTE, breaks: 3 }

const BULK_TASKS = `
export const bulk = app.task('bulk', (text: string, printed: number) => {
  for (let left = printed; left > 0; left -= 64_000) process.stdout.write('o'.repeat(Math.min(left, 64_000)))
  return text.split('').reverse().join('')
}, { acksLate: true, rejectOnWorkerLost: true })
`

/** What a child prints goes through a pipe of its own, to somebody who reads it. */
const PRINTED_AWAY = ['bash', '-c', 'exec "$@" > >(exec cat >/dev/null)', 'bash']

describe('H43 parent and child', { skip: (await redisMissing()) ?? false }, () => {
  test('H43 large arguments, large results and a flood of output pass each other, while children are killed and connections reset', async () => {
    await using redis = await redisDatabase()
    await using proxy = await ChaosProxy.before(redis.url)
    using project = new Project()
    const settings = `brokerUrl: process.env['BROKER'] ?? '${redis.url}', resultBackend: process.env['BROKER'] ?? '${redis.url}',
      limitMessageBytes: ${64 * MEGABYTE}, resultMaxBytes: ${64 * MEGABYTE}, taskMaxDeliveries: 1000, workerPrefetchMultiplier: 1, workerProcAliveTimeout: 60`
    const file = project.write('tasks.ts', project.source(settings, BULK_TASKS))
    const { app } = (await loadModule(file, doors)) as { readonly app: App } // written above
    await using _app = app
    using worker = new LovageProcess(
      ['worker', '-A', 'tasks.ts', '-P', 'prefork', '-c', String(BULK.children), '-n', 'bulk@here', '-l', 'info'],
      { cwd: project.folder, env: { BROKER: proxy.url }, under: PRINTED_AWAY },
    )
    await worker.says(/ready\./)
    const children = async (): Promise<readonly number[]> => {
      const stats = (await app.inspect({ limit: 1, timeout: 30 }).stats())['bulk@here']
      return stats !== undefined && 'pool' in stats ? (stats.pool['processes'] as readonly number[]) : []
    }
    const before = await children()
    assert.equal(before.length, BULK.children)

    let ended = 0
    const one = async (n: number): Promise<void> => {
      const text = `${n}:`.padEnd(BULK.bytes, 'abc')
      const sent = await app.sendTask<string>('bulk', [text, BULK.printed])
      const value = await sent.get({ timeout: 600 })
      assert.ok(value === text.split('').reverse().join(''), `task ${n} came to something else`)
      await sent.forget()
      ended++
      if (ended % Math.ceil(BULK.tasks / BULK.breaks) !== 0) return
      const [victim] = (await children()).toSorted(() => Math.random() - 0.5)
      if (victim !== undefined) kill(victim)
      proxy.reset()
    }
    const numbers = Array.from({ length: BULK.tasks }, (_, n) => n).values()
    const lane = async (): Promise<void> => {
      for (const n of numbers) await one(n)
    }
    await Promise.all(Array.from({ length: BULK.children }, lane))

    assert.equal(ended, BULK.tasks)
    await eventuallyAsync('all children', async () => (await children()).length === BULK.children)
    assert.ok(
      (await children()).some(pid => !before.includes(pid)),
      'nobody was killed',
    )
    await eventuallyAsync('an empty queue', async () => {
      await using connection = await (await app.broker()).connect({ name: 'look' })
      const { ready, held, delayed } = await connection.stats('celery' as Parameters<typeof connection.stats>[0])
      return ready + held + delayed === 0
    })
  })
})

const ODD_TASKS = `
import { appendFileSync } from 'node:fs'
export const odd = app.task('odd', (n: number, journal: string) => {
  appendFileSync(journal, n + ' ' + process.pid + '\\n')
  if (n % 20 === 3) throw new RangeError('odd')
  if (n % 20 === 9) process.exit(0)
  if (n % 20 === 13) process.exit(1)
  if (n % 20 === 17) setInterval(() => undefined, 1000)
  return n
})
`

for (const [what, settings, most] of [
  ['one task each', 'workerMaxTasksPerChild: 1', 1],
  ['seven tasks each', 'workerMaxTasksPerChild: 7', 7],
  ['a limit of memory that each of them exceeds', 'workerMaxMemoryPerChild: 1', 1],
] as const) {
  // A child takes a tenth of a second of a core to start, and more to load its modules.
  const tasks = LONG ? 10_000 : most === 1 ? 20 : 60
  test(`H44 ${tasks} tasks, some of which throw, exit or leave something open, in children for ${what}: all end, no slot is lost`, async () => {
    await using stage = await PoolStage.open('prefork', ODD_TASKS, settings)
    const journal = stage.project.path('journal')
    const ids = await Promise.all(Array.from({ length: tasks }, (_, n) => stage.send('odd', [n, journal])))
    const states = new Map<string, number>()
    for (const [n, id] of ids.entries()) {
      const { status, error, result } = await stage.end(id)
      if (status === 'SUCCESS') assert.equal(result, n)
      const state = error?.type ?? status
      states.set(state, (states.get(state) ?? 0) + 1)
    }

    const twentieth = tasks / 20
    const expected = { SUCCESS: twentieth * 17, ValueError: twentieth, WorkerLostError: twentieth * 2 }
    assert.deepEqual(Object.fromEntries(states), expected)
    const ran = readFileSync(journal, 'utf8').trim().split('\n')
    assert.equal(new Set(ran.map(line => line.split(' ')[0])).size, tasks)
    assert.equal(ran.length, tasks)
    const byChild = new Map<string, number>()
    for (const line of ran) {
      const pid = line.split(' ')[1] ?? ''
      byChild.set(pid, (byChild.get(pid) ?? 0) + 1)
    }
    // One that is too large serves until there is another.
    if (what.includes('memory')) assert.match(stage.lines, /takes \d+ KiB and is replaced/)
    else assert.ok(Math.max(...byChild.values()) <= most, 'a child has run more than it may')
    // Both slots run something at once.
    const both = [1, 2].map(() => stage.send('odd', [0, journal]))
    for (const id of await Promise.all(both)) assert.equal((await stage.end(id)).status, 'SUCCESS')
  })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has gone by itself.
  }
}

async function eventuallyAsync(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`waited in vain for ${what}`)
}
