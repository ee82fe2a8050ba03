import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { get } from 'node:http'
import { type TestOptions, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { LovageProcess } from './process.js'
import { Project } from './project.js'

/* How a worker lives as a process: in the background, watched, asked how it is. */

const posix: TestOptions = { skip: process.platform === 'win32' ? 'Windows has no such processes' : false }
const root: TestOptions = {
  skip: process.getuid?.() === 0 ? false : 'only root may change the user',
}

const TASKS = `
export const add = app.task('tasks.add', (x: number, y: number) => x + y)
export const who = app.task('tasks.who', () => [process.getuid?.(), process.getgid?.(), process.umask()])
export const compute = app.task('tasks.compute', (ms: number) => {
  console.log('computing')
  for (const end = performance.now() + ms; performance.now() < end; );
  return 'computed'
})
export const talk = app.task('tasks.talk', async () => {
  currentTask().log.info('first words')
  currentTask().log.warning('last words')
  console.log('to the terminal')
})
`

const DEADLINE_MS = 60_000

async function until<T>(what: string, look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await pause(50)
  }
}

function project(): Project {
  const made = new Project()
  made.plain('tasks', made.source('', TASKS))
  return made
}

async function lovage(place: Project, ...words: readonly string[]): Promise<LovageProcess> {
  const ran = new LovageProcess([...words, '-A', 'tasks.mjs'], { cwd: place.folder })
  await ran.end()
  return ran
}

async function call(place: Project, task: string, args: readonly unknown[] = []): Promise<unknown> {
  const ran = await lovage(place, 'call', task, '--args', JSON.stringify(args), '--wait', '--timeout', '60', '--json')
  assert.equal(ran.stdout === '', false, ran.stderr)
  return JSON.parse(ran.stdout)
}

interface Answer {
  readonly status: number
  readonly body: string
}

function ask(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get(url, response => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    }).on('error', reject)
  })
}

/** A worker in the background, ended with its test. */
class Daemon implements AsyncDisposable {
  readonly #pidFile: string

  constructor(place: Project, pidFile: string) {
    this.#pidFile = place.path(pidFile)
  }

  get pid(): number | undefined {
    if (!existsSync(this.#pidFile)) return undefined
    const pid = Number.parseInt(readFileSync(this.#pidFile, 'utf8'), 10)
    return Number.isNaN(pid) ? undefined : pid
  }

  kill(signal: NodeJS.Signals): void {
    if (this.pid !== undefined) process.kill(this.pid, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.pid === undefined) return
    this.kill('SIGTERM')
    await until('the end of the worker', () => this.pid === undefined)
  }
}

test(
  'a worker in the background works when its starter returns, writes to its log, and ends by TERM',
  posix,
  async () => {
    using place = project()
    await using daemon = new Daemon(place, 'mail.pid')
    using starter = new LovageProcess(
      ['worker', '-A', 'tasks.mjs', '-D', '-n', 'mail@%h', '--pidfile', '%n.pid', '-f', '%n%I.log', '-l', 'info'],
      { cwd: place.folder },
    )
    assert.deepEqual(await starter.end(), { code: 0, signal: null }, starter.stderr)
    assert.match(starter.stdout, new RegExp(`Started: process ${daemon.pid}, log .*mail\\.log`))
    assert.notEqual(daemon.pid, starter.pid)
    const state = spawnSync('ps', ['-o', 'sid=,tty=', '-p', String(daemon.pid)])
      .stdout.toString()
      .trim()
      .split(/\s+/)
    assert.deepEqual(state, [String(daemon.pid), '?'], 'a session of its own, without a terminal')
    assert.deepEqual(((await call(place, 'tasks.who')) as { result: unknown[] }).result.slice(2), [0o027])
    await call(place, 'tasks.talk')
    const log = () => readFileSync(place.path('mail.log'), 'utf8')
    await until('its lines', () => /last words/.test(log()) && /^to the terminal$/m.test(log()))
    assert.equal(statSync(place.path('mail.log')).mode & 0o777, 0o640)
    using second = new LovageProcess(['worker', '-A', 'tasks.mjs', '-D', '-n', 'mail@%h', '--pidfile', '%n.pid'], {
      cwd: place.folder,
    })
    assert.equal((await second.end()).code, 73)
    assert.match(second.stderr, /LVG_PID_FILE_HELD/)
  },
)

test('a worker that cannot start in the background says why, with its exit status', posix, async () => {
  using place = new Project()
  place.write('tasks.mjs', 'export const app = new Appp(')
  using starter = new LovageProcess(['worker', '-A', 'tasks.mjs', '-D', '-f', 'w.log'], { cwd: place.folder })
  assert.equal((await starter.end()).code, 2)
  assert.match(starter.stderr, /LVG_MODULE_SYNTAX/)
})

test(
  'HUP of a worker in the background starts it anew under the same pid file; USR2 opens its log anew',
  posix,
  async () => {
    using place = project()
    await using daemon = new Daemon(place, 'w.pid')
    using starter = new LovageProcess(
      ['worker', '-A', 'tasks.mjs', '-D', '--pidfile', 'w.pid', '-f', 'w.log', '-l', 'info'],
      {
        cwd: place.folder,
      },
    )
    assert.equal((await starter.end()).code, 0, starter.stderr)
    const first = daemon.pid
    renameSync(place.path('w.log'), place.path('w.log.1'))
    daemon.kill('SIGUSR2')
    await until(
      'the new log',
      () => existsSync(place.path('w.log')) && /USR2/.test(readFileSync(place.path('w.log'), 'utf8')),
    )
    daemon.kill('SIGHUP')
    await until('the next worker', () => daemon.pid !== undefined && daemon.pid !== first)
    const ready = () => (readFileSync(place.path('w.log'), 'utf8').match(/ready\./g) ?? []).length
    await until('it to be ready', () => ready() === 1)
    assert.equal(((await call(place, 'tasks.add', [2, 3])) as { result: unknown }).result, 5)
  },
)

test('--uid gives up root for good before the app is loaded', { ...posix, ...root }, async () => {
  using place = new Project()
  const nobody = spawnSync('id', ['-u', 'nobody']).stdout.toString().trim()
  const group = spawnSync('id', ['-g', 'nobody']).stdout.toString().trim()
  place.plain('tasks', `console.error('loaded as', process.getuid?.())\n${place.source('', TASKS)}`)
  chmodSync(place.folder, 0o755)
  chownSync(place.folder, Number(nobody), Number(group))
  await using daemon = new Daemon(place, 'w.pid')
  using starter = new LovageProcess(
    ['worker', '-A', 'tasks.mjs', '-D', '--uid', 'nobody', '--pidfile', 'w.pid', '-f', 'w.log', '--umask', '022'],
    { cwd: place.folder },
  )
  assert.equal((await starter.end()).code, 0, starter.stderr)
  assert.match(readFileSync(place.path('w.log'), 'utf8'), new RegExp(`loaded as ${nobody}`))
  assert.equal(statSync(place.path('w.log')).uid, Number(nobody))
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8')
  assert.match(status, new RegExp(`^Uid:\\s+${nobody}\\s+${nobody}\\s+${nobody}\\s+${nobody}$`, 'm'))
  assert.match(status, new RegExp(`^Gid:\\s+${group}\\s+${group}\\s+${group}\\s+${group}$`, 'm'))
})

test('a user that does not exist, a bad mask: refused with 2 before anything is loaded', posix, async () => {
  using place = project()
  for (const words of [
    ['--uid', 'nobody-of-that-name'],
    ['--umask', '9'],
    ['--gid', 'no-such-group', '--uid', '0'],
  ]) {
    using ran = new LovageProcess(['worker', '-A', 'tasks.mjs', ...words], { cwd: place.folder })
    assert.equal((await ran.end()).code, 2, words.join(' '))
    assert.match(ran.stderr, /^LVG_RIGHTS/)
  }
})

test('H47 health (G2) is told over HTTP, and a blocked event loop in the log, while it lasts and afterwards', async () => {
  using place = project()
  using worker = new LovageProcess(
    ['worker', '-A', 'tasks.mjs', '-l', 'info', '-n', 'w@here', '--health', '0', '--', 'worker_loop_lag_limit=2'],
    { cwd: place.folder },
  )
  await worker.says(/Health is told at http:\/\/127\.0\.0\.1:\d+\/livez/)
  const [, base = ''] = /Health is told at (http:\/\/127\.0\.0\.1:\d+)\//.exec(worker.stderr) ?? []
  await worker.says(/ready\./)
  const live = await ask(`${base}/livez`)
  const ready = await ask(`${base}/readyz`)
  assert.deepEqual([live.status, ready.status], [200, 200])
  assert.deepEqual(JSON.parse(ready.body).reasons, [])
  assert.equal((await ask(`${base}/metrics`)).status, 404)
  assert.equal((await ask(`${base}/`)).status, 404)
  const computing = lovage(place, 'call', 'tasks.compute', '--args', '[12000]', '--id', 'c1')
  await worker.says(/event loop of w@here has stood still for \d+ s; entered last or running: tasks\.compute\[c1\]/)
  assert.doesNotMatch(worker.stderr, /The event loop stood still for/, 'said while it lasts')
  await worker.says(/The event loop stood still for 1\d\.\d s; running meanwhile: tasks\.compute\[c1\]/)
  const after = await ask(`${base}/readyz`)
  assert.equal(after.status, 503)
  assert.match(JSON.parse(after.body).reasons.join(), /event loop stood still for 1\d\.\d s \(tasks\.compute\[c1\]\)/)
  assert.equal((await ask(`${base}/livez`)).status, 200)
  await computing
  worker.kill('SIGTERM')
  assert.equal((await worker.end()).code, 0)
})

test('an address for health that is taken or none at all: refused with 2', async () => {
  using place = project()
  using first = new LovageProcess(['worker', '-A', 'tasks.mjs', '-l', 'info', '--health', '0'], { cwd: place.folder })
  await first.says(/Health is told at/)
  const [, port = ''] = /:(\d+)\/livez/.exec(first.stderr) ?? []
  for (const address of [port, 'nonsense']) {
    using ran = new LovageProcess(['worker', '-A', 'tasks.mjs', '-n', 'x@y', '--health', address], {
      cwd: place.folder,
    })
    assert.equal((await ran.end()).code, 2)
    assert.match(ran.stderr, /LVG_HEALTH_ADDRESS/)
  }
})

test(
  '--watch starts the worker anew when a source file changes, and waits through one that cannot be parsed',
  posix,
  async () => {
    using place = project()
    const add = (result: string) => place.source('', TASKS.replace('x + y', result))
    place.write('tasks.ts', add('x + y'))
    using watch = new LovageProcess(['worker', '-A', 'tasks.ts', '-l', 'info', '--watch'], { cwd: place.folder })
    await watch.says(/ready\./)
    assert.equal(((await call(place, 'tasks.add', [2, 3])) as { result: unknown }).result, 5)
    place.write('tasks.ts', `${add('x * y')} (`)
    await watch.says(/watch: tasks\.ts changed; starting anew/)
    await watch.says(/LVG_MODULE_SYNTAX/)
    await watch.says(/ended with status 2; waiting for a change/)
    place.write('tasks.ts', add('x * y'))
    await until('the second worker', () => (watch.stderr.match(/ready\./g) ?? []).length === 2)
    assert.equal(((await call(place, 'tasks.add', [2, 3])) as { result: unknown }).result, 6)
    watch.kill('SIGTERM')
    assert.equal((await watch.end()).code, 0)
  },
)

test('lovage logs prints what a task has written, where its worker keeps it', async () => {
  using place = project()
  using worker = new LovageProcess(['worker', '-A', 'tasks.mjs', '-l', 'info', '--', 'task_logs=true'], {
    cwd: place.folder,
  })
  await worker.says(/ready\./)
  const following = new LovageProcess(['logs', 't1', '--follow', '-A', 'tasks.mjs'], { cwd: place.folder })
  const ran = await lovage(place, 'call', 'tasks.talk', '--id', 't1', '--wait', '--timeout', '60')
  assert.equal((await following.end()).code, 0, ran.stderr)
  const kept = await lovage(place, 'logs', 't1')
  for (const { stdout } of [following, kept]) {
    assert.match(stdout, /^\[\S+Z: INFO\] first words\n\[\S+Z: WARNING\] last words\n$/)
  }
  const none = await lovage(place, 'logs', 'nobody')
  assert.deepEqual([none.stdout, /No lines are kept/.test(none.stderr)], ['', true])
})

test(
  'H50 killed with a task under way and started again under the same name, again and again: it works at once',
  posix,
  async () => {
    using place = project()
    for (let round = 0; round < 3; round++) {
      using worker = new LovageProcess(
        ['worker', '-A', 'tasks.mjs', '-l', 'info', '-n', 'same@here', '--pidfile', 'w.pid'],
        {
          cwd: place.folder,
        },
      )
      await worker.says(/ready\./)
      assert.equal(((await call(place, 'tasks.add', [round, 1])) as { result: unknown }).result, round + 1)
      await lovage(place, 'call', 'tasks.compute', '--args', '[600000]')
      // Received is not yet acknowledged: what is killed so early comes again, and would stop the next worker's loop.
      await worker.says(/computing/)
      worker.kill('SIGKILL')
      await worker.end()
    }
  },
)
