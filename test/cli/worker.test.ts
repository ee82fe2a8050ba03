import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ExitCode } from '../../src/cli/exit-code.js'
import { type FakeIo, lovage } from './fake-io.js'
import { Project } from './project.js'

/** Tasks that report when they start, and end when told or interrupted. */
const SLOW = `
export const slow = app.task('tasks.slow', async () => {
  const { signal, log } = currentTask()
  log.critical('slow task began')
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
})
`

interface Started {
  readonly io: FakeIo
  readonly code: Promise<ExitCode>
}

/** A worker that is consuming. */
async function start(project: Project, words: readonly string[] = [], settings = '', tasks?: string): Promise<Started> {
  const io = project.io()
  const ran = lovage(['worker', '-A', project.module(settings, tasks), '-f', 'w.log', '-l', 'info', ...words], io)
  const code = ran.then(({ code }) => code)
  await Promise.race([logged(project, /ready\./), code])
  return { io, code }
}

/** Resolves when the log holds the pattern; the log is a file, so it is looked at until a deadline. */
async function logged(project: Project, pattern: RegExp, file = 'w.log'): Promise<void> {
  const deadline = performance.now() + 20_000
  while (performance.now() < deadline) {
    if (existsSync(project.path(file)) && pattern.test(readFileSync(project.path(file), 'utf8'))) return
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.fail(`${pattern} was not logged`)
}

test('a worker prints who and where it is, its queues and its tasks', async () => {
  using project = new Project()
  const { io, code } = await start(project, ['-n', 'mail@%n', '-Q', 'a,b', '-c', '3'])
  io.raise('SIGTERM')
  assert.equal(await code, 0)
  for (const part of [
    /^mail@\S+ {2}lovage \d/m,
    /app: +demo/,
    /transport: +sqlite:/,
    /results: +db\+sqlite:/,
    /concurrency: 3 \(inline\)/,
    /^\.> a +exchange=a\(direct\) key=a$/m,
    /^\. tasks\.add$/m,
  ]) {
    assert.match(io.stderr.text, part)
  }
  assert.equal(io.stdout.text, '')
})

test('--quiet leaves the banner out, and so does a log in JSON', async () => {
  using project = new Project()
  for (const words of [['--quiet'], ['--log-format', 'json', '-f', 'json.log']]) {
    const io = project.io()
    const ran = lovage(['worker', '-A', project.module(), '-l', 'info', '-f', 'w.log', ...words], io)
    await logged(project, /ready\./, words.includes('json.log') ? 'json.log' : 'w.log')
    io.raise('SIGTERM')
    assert.equal((await ran).code, 0)
    assert.equal(io.stderr.text, '')
  }
  for (const line of readFileSync(project.path('json.log'), 'utf8').trim().split('\n'))
    assert.ok(JSON.parse(line).message)
})

test('D80 TERM stops an idle worker with 0, INT with 1, QUIT with 0', async () => {
  for (const [signal, expected] of [
    ['SIGTERM', 0],
    ['SIGINT', 1],
    ['SIGQUIT', 0],
  ] as const) {
    using project = new Project()
    const { io, code } = await start(project)
    io.raise(signal)
    assert.equal(await code, expected, signal)
  }
})

test('a second INT interrupts what is running', async () => {
  using project = new Project()
  const { io, code } = await start(project, [], '', SLOW)
  assert.equal((await project.run(['call', 'tasks.slow'])).code, 0)
  await logged(project, /slow task began/)
  io.raise('SIGINT')
  assert.match(io.stderr.text, /Warm shutdown/)
  io.raise('SIGINT')
  assert.match(io.stderr.text, /Cold shutdown/)
  assert.equal(await code, 1)
})

test('the third signal exits at once', async () => {
  using project = new Project()
  const { io, code } = await start(project, [], '', SLOW)
  assert.equal((await project.run(['call', 'tasks.slow'])).code, 0)
  await logged(project, /slow task began/)
  for (let i = 0; i < 3; i++) io.raise('SIGINT')
  assert.deepEqual(io.exits, [130])
  await code
})

test('HUP opens the log file anew', async () => {
  using project = new Project()
  const { io, code } = await start(project)
  renameSync(project.path('w.log'), project.path('w.log.1'))
  io.raise('SIGHUP')
  await logged(project, /HUP/)
  io.raise('SIGTERM')
  assert.equal(await code, 0)
})

test('log and pid files have the letters of the node name in their names', async () => {
  using project = new Project()
  const io = project.io()
  const ran = lovage(
    ['worker', '-A', project.module(), '-l', 'info', '-n', 'mail@web1', '-f', '%n%I.log', '--pidfile', '%p.pid'],
    io,
  )
  await logged(project, /mail@web1 ready/, 'mail.log')
  assert.equal(readFileSync(project.path('mail@web1.pid'), 'utf8'), `${process.pid}\n`)
  io.raise('SIGTERM')
  assert.equal((await ran).code, 0)
  assert.equal(existsSync(project.path('mail@web1.pid')), false)
})

test('D80 a pid file that a living process holds ends the start with 73', async () => {
  using project = new Project()
  writeFileSync(project.path('w.pid'), '1234567\n')
  const io = project.io()
  io.isProcessAlive = () => true
  const ran = await lovage(['worker', '-A', project.module(), '--pidfile', 'w.pid'], io)
  assert.equal(ran.code, 73)
  assert.match(ran.stderr, /^LVG_PID_FILE_HELD: Process 1234567/)
})

test('settings after -- are the strongest, and unknown ones exit with 2', async () => {
  using project = new Project()
  const { io, code } = await start(project, ['--', 'worker.concurrency=7', 'task_default_queue=other'])
  io.raise('SIGTERM')
  assert.equal(await code, 0)
  assert.match(io.stderr.text, /concurrency: 7/)
  assert.match(io.stderr.text, /^\.> other /m)
  const unknown = await project.run(['worker', '--', 'worker.concurency=7'])
  assert.deepEqual([unknown.code, /LVG_UNKNOWN_SETTING.*workerConcurrency/.test(unknown.stderr)], [2, true])
  const noSetting = await project.run(['worker', '--', 'nonsense'])
  assert.deepEqual([noSetting.code, /name=value/.test(noSetting.stderr)], [2, true])
})

test('a pool that there is not exits with 2', async () => {
  using project = new Project()
  const ran = await project.run(['worker', '-P', 'nonsense'])
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^LVG_BAD_SETTING: .*one of inline, .*'nonsense'/)
})

for (const [pool, shown] of [
  ['solo', '1 (inline)'],
  ['prefork', '2 (prefork)'],
  ['threads', '2 (threads)'],
] as const) {
  test(`-P ${pool} works, and the banner says ${shown}`, async () => {
    using project = new Project()
    const { io, code } = await start(project, ['-P', pool, '-c', '2'], 'workerProcAliveTimeout: 60')
    io.raise('SIGTERM')
    assert.equal(await code, 0)
    assert.ok(io.stderr.text.includes(`concurrency: ${shown}`), io.stderr.text)
  })
}

test('H46 the inline pool refuses a hard limit for all tasks with 2, and names the pools that have one', async () => {
  using project = new Project()
  const ran = await project.run(['worker', '--time-limit', '2'])
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /LVG_POOL_TIME_LIMIT: .*prefork or threads/)
})

test('what has no effect in this version is accepted and said', async () => {
  using project = new Project()
  const { io, code } = await start(project, ['--max-tasks-per-child', '5'])
  io.raise('SIGTERM')
  assert.equal(await code, 0)
  const log = readFileSync(project.path('w.log'), 'utf8')
  assert.match(log, /WARNING.*has no children/)
})

test('-I and the setting include load more modules, and their tasks are known', async () => {
  using project = new Project()
  const main = project.module("include: ['other']")
  project.write('more.ts', `import { app } from '${main}'\napp.task('more.task', () => 1)\n`)
  project.write('other.ts', `import { app } from '${main}'\napp.task('other.task', () => 1)\n`)
  const io = project.io()
  const ran = lovage(['worker', '-A', main, '-I', 'more', '-f', 'w.log', '-l', 'info'], io)
  await logged(project, /ready\./)
  io.raise('SIGTERM')
  assert.equal((await ran).code, 0)
  for (const task of [/^\. more\.task$/m, /^\. other\.task$/m, /^\. tasks\.add$/m]) assert.match(io.stderr.text, task)
})

test('--purge drops what waits before the start', async () => {
  using project = new Project()
  await project.run(['call', 'tasks.add', '--args', '[1, 2]'])
  const { io, code } = await start(project, ['--purge'])
  io.raise('SIGTERM')
  assert.equal(await code, 0)
  assert.ok(!readFileSync(project.path('w.log'), 'utf8').includes('received'))
  assert.equal(JSON.parse((await project.run(['queues', '--json'])).stdout)[0].ready, 0)
})

test('an unknown scheme of the broker exits with 2 and shows no password', async () => {
  using project = new Project()
  const ran = await project.run(['worker'], { env: { LOVAGE_BROKER_URL: 'carrier-pigeon://u:s3cret@host' } })
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /LVG_UNKNOWN_SCHEME/)
  assert.ok(!ran.stderr.includes('s3cret'))
})
