import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type FakeIo, lovage, type Ran } from './fake-io.js'
import { Project } from './project.js'

const COMMANDS = `
export const add = app.task('tasks.add', (x: number, y: number) => x + y)
let level = 'low'
app.inspectCommand('level', () => level, { help: 'How loud it is.' })
app.controlCommand('set_level', ({ level: wanted, steps }) => {
  level = String(wanted)
  return { ok: 'level is ' + level + ' in ' + steps }
}, { alias: 'loud', args: { level: 'text', steps: 'integer' }, required: ['level'], usage: '<level> [steps]', help: 'Louder.' })
`

/** A place with a worker that has commands of its own. */
class Place implements AsyncDisposable {
  readonly project: Project = new Project()
  readonly #worker: FakeIo = this.project.io()
  readonly #ended: Promise<Ran>

  constructor() {
    const words = ['worker', '-A', this.module(), '-n', 'w1@h', '-q', '-f', 'w.log']
    this.#ended = lovage(words, this.#worker)
  }

  module(): string {
    return this.project.module('', COMMANDS)
  }

  /** With the worker's app; a reply is worth a wait. */
  run(...words: readonly string[]): Promise<Ran> {
    return lovage(['-A', this.module(), ...words, '-t', '30', '-d', 'w1@h'], this.project.io())
  }

  /** Resolves when the worker hears. */
  async up(): Promise<this> {
    for (;;) {
      const ran = await lovage(['-A', this.module(), 'status', '-t', '5', '-d', 'w1@h'], this.project.io())
      if (ran.code === 0) return this
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.raise('SIGTERM')
    await this.#ended
    this.project[Symbol.dispose]()
  }
}

let place: Place
before(async () => {
  place = await new Place().up()
})
after(() => place[Symbol.asyncDispose]())

test('inspect and status print what each node answers, as Celery does', async () => {
  const ping = await place.run('inspect', 'ping')
  assert.deepEqual([ping.code, ping.stdout], [0, '->  w1@h: OK\n        pong\n\n1 node online.\n'])
  const status = await place.run('status')
  assert.deepEqual([status.code, status.stdout], [0, '->  w1@h: OK\n\n1 node online.\n'])
  assert.equal((await place.run('inspect', 'reserved')).stdout, '->  w1@h: OK\n    - empty -\n\n1 node online.\n')
  assert.match((await place.run('inspect', 'registered')).stdout, /^-> {2}w1@h: OK\n {4}\* tasks\.add\n/)
  assert.match((await place.run('inspect', 'clock')).stdout, /^-> {2}w1@h: OK\n {4}\{\n {8}"clock": \d+\n {4}\}\n/)
})

test('--json prints replies by node, for control one by one, and nothing else', async () => {
  for (const json of ['--json', '-j']) {
    const inspected = await place.run('inspect', 'ping', json)
    assert.equal(inspected.stdout, '{"w1@h":{"ok":"pong"}}\n')
  }
  assert.equal((await place.run('status', '--json')).stdout, '{"w1@h":{"ok":"pong"}}\n')
  const limited = await place.run('control', 'time_limit', 'tasks.add', '1.5', '3', '--json')
  assert.equal(limited.stdout, '[{"w1@h":{"ok":"time limits set successfully"}}]\n')
})

test('control prints what each node answers, errors too', async () => {
  const unknown = await place.run('control', 'time_limit', 'no.such', '1')
  assert.deepEqual([unknown.code, unknown.stdout], [0, '->  w1@h: ERROR\n        unknown task\n'])
})

test('commands of the app are asked like those of Celery', async () => {
  assert.equal(
    (await place.run('control', 'set_level', 'high', '3')).stdout,
    '->  w1@h: OK\n        level is high in 3\n',
  )
  assert.match((await place.run('inspect', 'level')).stdout, /^-> {2}w1@h: OK\n {4}high\n/)
  assert.equal(
    (await place.run('control', 'loud', 'low', '1', '-q')).stdout,
    '->  w1@h: OK\n        level is low in 1\n',
  )
})

test('when nobody answers it says what Celery says, with status 69', async () => {
  using project = new Project()
  for (const words of [['inspect', 'ping'], ['control', 'enable_events'], ['status']]) {
    const ran = await project.run([...words, '-t', '0.2'])
    assert.equal(ran.code, 69)
    assert.match(ran.stderr, /^LVG_NO_REPLY: No nodes replied within time constraint/)
  }
})

test('shutdown is sent, and waits for no answer', async () => {
  using project = new Project()
  const ran = await project.run(['control', 'shutdown', '-d', 'nobody@h'])
  assert.deepEqual([ran.code, ran.stdout], [0, ''])
})

test('M51 commands and words that make no sense are refused before anything is sent', async () => {
  using project = new Project()
  for (const [words, complaint] of [
    [['inspect', 'pong'], /there is no inspect command "pong"\. Did you mean ping\? Known: report, /],
    [['inspect', 'shutdown'], /there is no inspect command/],
    [['inspect', 'hello'], /there is no inspect command/],
    [['control', 'rate_limit', 't'], /rate_limit takes arguments: <task_name>/],
    [['control', 'rate_limit', 't', '1', '2'], /rate_limit takes arguments/],
    [['inspect', 'ping', 'x'], /ping takes no arguments/],
    [['control', 'pool_grow', 'many'], /argument n must be a whole number; got "many"/],
    [['control', 'time_limit', 't', 'soon'], /argument soft must be a number/],
    [['inspect', 'conf', 'perhaps'], /argument with_defaults must be yes or no/],
  ] as const) {
    const ran = await project.run([...words])
    assert.equal(ran.code, 2, ran.stdout)
    assert.match(ran.stderr, complaint)
  }
})

test('--help lists the commands with what they do', async () => {
  const inspect = await lovage(['inspect', '--help'])
  assert.match(inspect.stdout, /query_task \[id1 \[id2/)
  assert.doesNotMatch(inspect.stdout, /hello/)
  const control = await lovage(['control', '--help'])
  assert.match(control.stdout, /rate_limit <task_name> <rate_limit/)
})

test('H41 status names queues in which messages wait for nobody', async () => {
  for (let i = 0; i < 3; i++) await place.project.run(['call', 'tasks.add', '--queue', 'lonely'])
  const ran = await place.run('status', '--json')
  assert.deepEqual([ran.code, ran.stdout], [0, '{"w1@h":{"ok":"pong"}}\n'])
  assert.match(ran.stderr, /3 messages in queue lonely, which no worker consumes/)
  assert.doesNotMatch(ran.stderr, /celery/)
})
