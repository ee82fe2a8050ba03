import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { type TestOptions, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { doors } from '../../src/cli/doors.js'
import { loadModule } from '../../src/lib/node-load-module.js'
import { LovageProcess } from '../cli/process.js'
import { Project } from '../cli/project.js'
import { eventually } from '../support/pools/pool-stage.js'

/* H51 with child processes: who stands still is the worker, its child, or both. Real processes, real leases, on a SQLite file. */

const posix: TestOptions = { skip: process.platform === 'win32' ? 'Windows has no such signals' : false }

const LEASE_MS = 1500

/**
 * The first attempt waits for the gate. What it does outside goes through a store that refuses whoever is older than the newest it
 * has seen, as the fencing token allows.
 */
const TASKS = `
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
export const probe = app.task('probe', async (id: string) => {
  const { clock, fence } = currentTask()
  const claim = fence?.claim ?? 0
  const path = (name: string) => id + '.' + name
  const isFirst = !existsSync(path('started'))
  appendFileSync(path('started'), process.pid + '\\n')
  while (isFirst && !existsSync(path('gate'))) await clock.sleep(10)
  const newest = existsSync(path('newest')) ? Number(readFileSync(path('newest'), 'utf8')) : 0
  const verdict = claim < newest ? 'refused' : 'done'
  if (verdict === 'done') writeFileSync(path('newest'), String(claim))
  appendFileSync(path('effects'), verdict + ' ' + process.pid + '\\n')
  await currentTask().updateState('LATE', process.pid).catch(() => undefined)
  return verdict + ' ' + process.ppid
}, { acksLate: true })
`

class Place extends Project implements AsyncDisposable {
  readonly app: Promise<App>

  constructor() {
    super()
    const settings = `leaseTime: ${LEASE_MS / 1000}, leaseRenewInterval: 0.4, workerPrefetchMultiplier: 1`
    const file = this.plain('tasks', this.source(settings, TASKS))
    this.app = loadModule(file, doors).then(({ app }) => app as App)
  }

  async worker(name: string): Promise<LovageProcess> {
    const words = ['worker', '-A', 'tasks.mjs', '-P', 'prefork', '-c', '1', '-n', `${name}@place`, '-l', 'info']
    const worker = new LovageProcess([...words, '--', 'workerProcAliveTimeout=60'], { cwd: this.folder })
    await worker.says(/ready\./)
    return worker
  }

  async send(id: string): Promise<void> {
    await (await this.app).sendTask('probe', [id], { taskId: id })
  }

  async value(id: string): Promise<unknown> {
    return await (await this.app).result(id).get({ timeout: 60 })
  }

  lines(name: string): readonly string[] {
    // A file that was made and not yet written into has none: a pid of 0 would be everybody's.
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8').split('\n').slice(0, -1) : []
  }

  /** The child that runs the first attempt. */
  async child(id: string): Promise<number> {
    await eventually(`${id} to start`, () => this.lines(`${id}.started`).length === 1)
    return Number(this.lines(`${id}.started`)[0])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.app)[Symbol.asyncDispose]()
    this[Symbol.dispose]()
  }
}

for (const who of ['worker', 'worker and child'] as const) {
  test(
    `H51 a ${who} that stood still: the newer attempt's state stays, the late child is refused, and both work on`,
    posix,
    async () => {
      await using place = new Place()
      using frozen = await place.worker('frozen')
      await place.send('a')
      const child = await place.child('a')
      const still = who === 'worker' ? [frozen.pid] : [frozen.pid, child]
      for (const pid of still) process.kill(pid, 'SIGSTOP')
      const stoppedAt = performance.now()
      using other = await place.worker('other')
      assert.equal(await place.value('a'), `done ${other.pid}`)
      await eventually('three leases', () => performance.now() - stoppedAt > 3 * LEASE_MS)

      place.write('a.gate', '')
      if (who === 'worker') await eventually('the late end', () => place.lines('a.effects').length === 2)
      for (const pid of still.toReversed()) process.kill(pid, 'SIGCONT')
      await eventually('the late end', () => place.lines('a.effects').length === 2)
      other.kill('SIGTERM')
      await other.end()
      await place.send('b')
      place.write('b.gate', '')
      assert.equal(await place.value('b'), `done ${frozen.pid}`)

      const effects = place.lines('a.effects').map(line => line.split(' ')[0])
      assert.deepEqual(effects, ['done', 'refused'])
      assert.equal(await place.value('a'), `done ${other.pid}`)
      assert.equal(place.lines('a.started').length, 2)
      const broker = await (await place.app).broker()
      await using connection = await broker.connect({ name: 'look' })
      const { ready, held } = await connection.stats('celery' as Parameters<typeof connection.stats>[0])
      assert.deepEqual([ready, held], [0, 0])
    },
  )
}

test(
  'H51 a child that stood still alone keeps its task: its worker holds the lease, and nobody else runs it',
  posix,
  async () => {
    await using place = new Place()
    using worker = await place.worker('w')
    await place.send('a')
    const child = await place.child('a')
    process.kill(child, 'SIGSTOP')
    const stoppedAt = performance.now()
    using _other = await place.worker('other')
    await eventually('three leases', () => performance.now() - stoppedAt > 3 * LEASE_MS)
    place.write('a.gate', '')
    process.kill(child, 'SIGCONT')
    assert.equal(await place.value('a'), `done ${worker.pid}`)
    assert.equal(place.lines('a.started').length, 1)
  },
)
