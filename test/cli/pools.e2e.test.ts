import assert from 'node:assert/strict'
import { type TestOptions, test } from 'node:test'
import type { App } from '../../src/app/app.js'
import { doors } from '../../src/cli/doors.js'
import { loadModule } from '../../src/lib/node-load-module.js'
import { isAlive } from '../../src/testing/conformance/pool-tasks.js'
import { eventually } from '../support/pools/pool-stage.js'
import { LovageProcess } from './process.js'
import { Project } from './project.js'

/* Workers with pools of children, as processes of their own. */

const posix: TestOptions = { skip: process.platform === 'win32' ? 'Windows has no such signals' : false }

const TASKS = `
export const add = app.task('tasks.add', (x: number, y: number) => x + y)
export const spin = app.task('tasks.spin', (): never => {
  process.stderr.write('spins in ' + process.pid + '\\n')
  for (;;);
}, { acksLate: true })
export const flood = app.task('tasks.flood', (megabytes: number) => {
  for (let n = 0; n < megabytes * 16; n++) console.log('x'.repeat(65_535))
  return 'said'
})
export const slow = app.task('tasks.slow', async (n: number) => {
  await currentTask().clock.sleep(100)
  return n
}, { acksLate: true })
`

class PoolProject extends Project implements AsyncDisposable {
  readonly #words: readonly string[]
  readonly #app: Promise<App>

  constructor(pool: string) {
    super()
    this.#words = ['-P', pool, '-c', '2', '-n', 'same@name', '-l', 'info', '--', 'workerProcAliveTimeout=60']
    const file = this.plain('tasks', this.source('', TASKS))
    this.#app = loadModule(file, doors).then(({ app }) => app as App)
  }

  async worker(): Promise<LovageProcess> {
    const worker = new LovageProcess(['worker', '-A', 'tasks.mjs', ...this.#words], { cwd: this.folder })
    await worker.says(/ready\./)
    return worker
  }

  async send(task: string, ...args: readonly unknown[]): Promise<string> {
    return (await (await this.#app).sendTask(task, args)).id
  }

  async value(id: string): Promise<unknown> {
    return await (await this.#app).result(id).get({ timeout: 60 })
  }

  /** Messages that are ready, and those that a worker holds. */
  async counts(): Promise<readonly number[]> {
    const broker = await (await this.#app).broker()
    await using connection = await broker.connect({ name: 'look' })
    const { ready, held } = await connection.stats('celery' as Parameters<typeof connection.stats>[0])
    return [ready, held ?? 0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#app)[Symbol.asyncDispose]()
    this[Symbol.dispose]()
  }
}

/** Process ids of children in which a task spins. */
async function spinning(project: PoolProject, worker: LovageProcess): Promise<readonly number[]> {
  const pids = (): readonly number[] => [...worker.stderr.matchAll(/spins in (\d+)/g)].map(([, pid]) => Number(pid))
  await project.send('tasks.spin')
  await project.send('tasks.spin')
  await eventually('two busy children', () => pids().length === 2)
  return pids()
}

test('D83 children end with their parent, busy loops and all', posix, async () => {
  await using project = new PoolProject('prefork')
  using worker = await project.worker()
  const children = await spinning(project, worker)
  assert.deepEqual(children.map(isAlive), [true, true])
  worker.kill('SIGKILL')
  await worker.end()
  await eventually('the end of the children', () => !children.some(isAlive))
})

for (const [signal, pool] of [
  ['SIGQUIT', 'prefork'],
  ['SIGQUIT', 'threads'],
] as const) {
  test(`D80 ${signal} ends a worker with pool ${pool} whose tasks keep their CPUs, with 0`, posix, async () => {
    await using project = new PoolProject(pool)
    using worker = await project.worker()
    const children = await spinning(project, worker)
    worker.kill(signal)
    assert.deepEqual(await worker.end(), { code: 0, signal: null })
    assert.ok(!children.some(isAlive))
    assert.deepEqual(await project.counts(), [2, 0])
  })
}

for (const pool of ['prefork', 'threads']) {
  test(`H43 a flood of output holds nothing up in pool ${pool}`, async () => {
    await using project = new PoolProject(pool)
    using worker = await project.worker()
    for (let n = 0; n < 4; n++) await project.send('tasks.flood', 3)
    await eventually('four ends', () => [...worker.stderr.matchAll(/tasks\.flood\[.*\] succeeded/g)].length === 4)
    worker.kill('SIGTERM')
    assert.deepEqual(await worker.end(), { code: 0, signal: null })
    assert.equal(worker.stdout.length, 4 * 3 * 1024 * 1024)
  })
}

test('H50 a worker that is killed and started again under its name runs what was left', posix, async () => {
  await using project = new PoolProject('prefork')
  for (let round = 0; round < 2; round++) {
    const ids: string[] = []
    {
      using killed = await project.worker()
      for (let n = 0; n < 3; n++) ids.push(await project.send('tasks.slow', n))
      // While one runs, or when one has just ended.
      await killed.says(round === 0 ? /received/ : /succeeded/)
      killed.kill('SIGKILL')
      await killed.end()
    }
    using again = await project.worker()
    for (const [n, id] of ids.entries()) assert.equal(await project.value(id), n)
    again.kill('SIGTERM')
    assert.deepEqual(await again.end(), { code: 0, signal: null })
  }
})
