import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestOptions, test } from 'node:test'
import { LovageProcess } from './process.js'
import { Project } from './project.js'

const posix: TestOptions = { skip: process.platform === 'win32' ? 'Windows has no such signals' : false }

/** `tasks.hold` runs until the file `release` exists; `tasks.deaf` ignores its AbortSignal, too. */
const TASKS = `
import { existsSync } from 'node:fs'
const pause = () => new Promise(resolve => setTimeout(resolve, 5))
export const add = app.task('tasks.add', (x: number, y: number) => x + y)
export const hold = app.task('tasks.hold', async () => {
  const { signal } = currentTask()
  console.log('hold began')
  while (!existsSync('release')) { signal.throwIfAborted(); await pause() }
  return 'held'
})
export const deaf = app.task('tasks.deaf', async () => {
  console.log('deaf began')
  for (;;) await pause()
})
`

function spawnWorker(
  project: Project,
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): LovageProcess {
  project.plain('tasks', project.source('', TASKS))
  return new LovageProcess(['worker', '-A', 'tasks.mjs', '-l', 'info', ...words], { cwd: project.folder, env })
}

async function lovage(project: Project, ...words: readonly string[]): Promise<LovageProcess> {
  const ran = new LovageProcess([...words, '-A', 'tasks.mjs'], { cwd: project.folder })
  await ran.end()
  return ran
}

async function state(project: Project, id: string): Promise<string> {
  return JSON.parse((await lovage(project, 'result', id, '--json')).stdout).state
}

test('a worker runs what other processes send, one after another', async () => {
  using project = new Project()
  using worker = spawnWorker(project)
  await worker.says(/ready\./)
  for (const n of [1, 2, 3, 4]) {
    const ran = await lovage(project, 'call', 'tasks.add', '--args', `[${n}, 10]`, '--wait', '--timeout', '20')
    assert.equal(ran.stdout, `${n + 10}\n`, ran.stderr)
  }
  worker.kill('SIGTERM')
  assert.deepEqual(await worker.end(), { code: 0, signal: null })
})

test('D80 TERM lets a running task finish and exits with 0', posix, async () => {
  using project = new Project()
  using worker = spawnWorker(project)
  await worker.says(/ready\./)
  await lovage(project, 'call', 'tasks.hold', '--id', 'h1')
  await worker.says(/hold began/)
  worker.kill('SIGTERM')
  await worker.says(/Warm shutdown/)
  worker.kill('SIGTERM')
  project.write('release', '')
  assert.deepEqual(await worker.end(), { code: 0, signal: null })
  assert.equal(await state(project, 'h1'), 'SUCCESS')
})

test('D80 INT lets a running task finish and exits with 1', posix, async () => {
  using project = new Project()
  using worker = spawnWorker(project)
  await worker.says(/ready\./)
  await lovage(project, 'call', 'tasks.hold', '--id', 'h1')
  await worker.says(/hold began/)
  worker.kill('SIGINT')
  await worker.says(/Warm shutdown/)
  project.write('release', '')
  assert.deepEqual(await worker.end(), { code: 1, signal: null })
  assert.equal(await state(project, 'h1'), 'SUCCESS')
})

for (const [name, signals, env, code] of [
  ['QUIT interrupts a running task and exits with 0', ['SIGQUIT'], {}, 0],
  ['a second INT interrupts a running task and exits with 1', ['SIGINT', 'SIGINT'], {}, 1],
  ['TERM means QUIT with REMAP_SIGTERM=SIGQUIT', ['SIGTERM'], { REMAP_SIGTERM: 'SIGQUIT' }, 0],
] as const) {
  test(`D80 ${name}; the early-acked task is a FAILURE`, posix, async () => {
    using project = new Project()
    using worker = spawnWorker(project, [], env)
    await worker.says(/ready\./)
    await lovage(project, 'call', 'tasks.hold', '--id', 'h1')
    await worker.says(/hold began/)
    for (const [i, signal] of signals.entries()) {
      worker.kill(signal)
      if (i < signals.length - 1) await worker.says(/Warm shutdown/)
    }
    assert.deepEqual(await worker.end(), { code, signal: null })
    assert.match(worker.stderr, /Cold shutdown/)
    assert.equal(await state(project, 'h1'), 'FAILURE')
  })
}

test('D80 a late-acked task that is interrupted goes back to its queue', posix, async () => {
  using project = new Project()
  using worker = spawnWorker(project, ['--', 'task_acks_late=true'])
  await worker.says(/ready\./)
  await lovage(project, 'call', 'tasks.hold', '--id', 'h1')
  await worker.says(/hold began/)
  worker.kill('SIGQUIT')
  assert.deepEqual(await worker.end(), { code: 0, signal: null })
  const queues = JSON.parse((await lovage(project, 'queues', '-Q', 'celery', '--json')).stdout)
  assert.deepEqual([queues[0].ready, queues[0].held], [1, 0])
})

test('D80 the third signal ends a worker whose task does not listen, with 128 + n', posix, async () => {
  using project = new Project()
  using worker = spawnWorker(project)
  await worker.says(/ready\./)
  await lovage(project, 'call', 'tasks.deaf')
  await worker.says(/deaf began/)
  worker.kill('SIGINT')
  await worker.says(/Warm shutdown/)
  worker.kill('SIGINT')
  await worker.says(/Cold shutdown/)
  worker.kill('SIGINT')
  assert.deepEqual(await worker.end(), { code: 130, signal: null })
})

test('D80 a pid file belongs to one worker while it lives, and to the next after a kill', posix, async () => {
  using project = new Project()
  using first = spawnWorker(project, ['--pidfile', 'w.pid', '-n', 'first@x'])
  await first.says(/ready\./)
  assert.equal(readFileSync(project.path('w.pid'), 'utf8'), `${first.pid}\n`)
  using second = spawnWorker(project, ['--pidfile', 'w.pid', '-n', 'second@x'])
  assert.equal((await second.end()).code, 73)
  assert.match(second.stderr, new RegExp(`LVG_PID_FILE_HELD: Process ${first.pid} `))
  first.kill('SIGKILL')
  await first.end()
  using third = spawnWorker(project, ['--pidfile', 'w.pid', '-n', 'third@x'])
  await third.says(/ready\./)
  third.kill('SIGTERM')
  assert.equal((await third.end()).code, 0)
  assert.equal(existsSync(project.path('w.pid')), false)
})

test('HUP of a worker without a terminal opens its log anew and does not end it', posix, async () => {
  using project = new Project()
  using worker = spawnWorker(project)
  await worker.says(/ready\./)
  worker.kill('SIGHUP')
  await worker.says(/HUP/)
  worker.kill('SIGTERM')
  assert.equal((await worker.end()).code, 0)
})

test('a signal ends an ordinary command with 128 + n', posix, async () => {
  using project = new Project()
  project.plain('tasks', project.source('', TASKS))
  using call = new LovageProcess(['call', 'tasks.add', '--wait', '-A', 'tasks.mjs'], { cwd: project.folder })
  await call.says(/^task /)
  call.kill('SIGTERM')
  assert.equal((await call.end()).code, 143)
})

test('D80 wrong use and wrong configuration exit with 2', async () => {
  using project = new Project()
  for (const words of [['wroker'], ['worker', '--nonsense'], ['worker', '-A', 'nowhere.ts'], []]) {
    using ran = new LovageProcess(words, { cwd: project.folder })
    assert.equal((await ran.end()).code, 2, words.join(' '))
    assert.equal(ran.stdout, '')
  }
})

test('what init writes runs: a worker by its configuration, and send.ts', async () => {
  using project = new Project()
  const shop = project.path('shop')
  using init = new LovageProcess(['init', 'shop', '--javascript'], { cwd: project.folder })
  assert.equal((await init.end()).code, 0)
  // What `npm install` would put there: this very copy.
  mkdirSync(join(shop, 'node_modules', 'lovage'), { recursive: true })
  symlinkSync(join(import.meta.dirname, '..', '..', 'src'), join(shop, 'node_modules', 'lovage', 'dist'))
  project.write(
    join('shop', 'node_modules', 'lovage', 'package.json'),
    JSON.stringify({ name: 'lovage', type: 'module', exports: { '.': './dist/index.js' } }),
  )
  using worker = new LovageProcess(['worker', '-l', 'info'], { cwd: shop })
  await worker.says(/ready\./)
  using send = new LovageProcess([], { cwd: shop, script: 'send.js' })
  assert.equal((await send.end()).code, 0, send.stderr)
  assert.match(send.stdout, /2 \+ 3 = 5\nHello, world!\n$/)
  worker.kill('SIGTERM')
  assert.equal((await worker.end()).code, 0)
})
