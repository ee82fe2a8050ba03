import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FakeIo, lovage } from './fake-io.js'
import { Project } from './project.js'

async function waiting(project: Project): Promise<number> {
  const ran = await project.run(['queues', '--json'])
  assert.equal(ran.code, 0, ran.stderr)
  return JSON.parse(ran.stdout).reduce(
    (sum: number, row: { ready: number; delayed: number }) => sum + row.ready + row.delayed,
    0,
  )
}

test('call sends a task by name and prints its id', async () => {
  using project = new Project()
  const ran = await project.run(['call', 'some.python.task', '--args', '[1, "two"]', '--kwargs', '{"three": 3}'])
  assert.equal(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /^[0-9a-f-]{36}\n$/)
  assert.equal(await waiting(project), 1)
})

test('call takes the id, queue and delay it is given', async () => {
  using project = new Project()
  const ran = await project.run([
    'call',
    'tasks.add',
    '--id',
    'my-id',
    '--queue',
    'mail',
    '--countdown',
    '5m',
    '--json',
  ])
  assert.deepEqual(JSON.parse(ran.stdout), { id: 'my-id', task: 'tasks.add' })
  const queues = JSON.parse((await project.run(['queues', '-Q', 'mail', '--json'])).stdout)
  assert.deepEqual([queues[0].queue, queues[0].ready, queues[0].delayed], ['mail', 0, 1])
})

test('call reads arguments from a file and from standard input', async () => {
  using project = new Project()
  project.write('args.json', '[1,\n 2]')
  assert.equal((await project.run(['call', 'tasks.add', '-a', '@args.json'])).code, 0)
  assert.equal((await project.run(['call', 'tasks.add', '-a', '-'], { input: '[3, 4]' })).code, 0)
  assert.equal(await waiting(project), 2)
})

for (const [what, words, expected] of [
  ['JSON that ends too early', ['tasks.add', '--args', '[1, 2'], /--args .*ends too early/],
  ['JSON with an error inside', ['tasks.add', '--args', '[1, nope]'], /--args .*character \d+/],
  ['arguments that are no array', ['tasks.add', '--args', '{"x": 1}'], /--args must be a JSON array/],
  ['keyword arguments that are no object', ['tasks.add', '--kwargs', '[1]'], /--kwargs must be a JSON object/],
  ['a value that cannot be sent', ['tasks.add', '--args', '[NaN]'], /NaN/],
  ['10 MiB of arguments', ['tasks.add', '--args', `["${'x'.repeat(10 * 1024 * 1024)}"]`], /more than 8 MiB/],
  ['a task name with a line end', ['tasks\nadd'], /control character/],
  ['a queue name with a line end', ['tasks.add', '--queue', 'a\nb'], /control character/],
  ['a time that is none', ['tasks.add', '--eta', 'tomorrow'], /eta/],
  ['a file that is missing', ['tasks.add', '--args', '@missing.json'], /missing\.json/],
  ['a priority out of range', ['tasks.add', '--priority', '256'], /--priority.*0 to 255/],
] as const) {
  test(`M51 ${what} exits with 2, says so, and sends nothing`, async () => {
    using project = new Project()
    const ran = await project.run(['call', ...words])
    assert.equal(ran.code, 2, ran.stderr)
    assert.match(ran.stderr, expected)
    assert.equal(ran.stdout, '')
    assert.ok(ran.stderr.length < 2000)
    assert.equal(await waiting(project), 0)
  })
}

test('an error is JSON with --json', async () => {
  using project = new Project()
  const ran = await project.run(['call', 'tasks.add', '--args', '[', '--json'])
  assert.equal(JSON.parse(ran.stderr).error.code, 'LVG_USAGE')
})

test('call --wait and result print what the task returned', async () => {
  using project = new Project()
  const io = project.io()
  const worker = lovage(['worker', '-A', project.module(), '-c', '1'], io)
  const waited = await project.run(['call', 'tasks.add', '--args', '[2, 3]', '--wait', '--timeout', '30', '--json'])
  assert.equal(waited.code, 0, waited.stderr)
  const { id, result } = JSON.parse(waited.stdout)
  assert.equal(result, 5)
  assert.equal((await project.run(['result', id])).stdout, '5\n')
  assert.equal(JSON.parse((await project.run(['result', id, '--json'])).stdout).state, 'SUCCESS')
  io.raise('SIGTERM')
  assert.equal((await worker).code, 0)
})

test('a task that failed: call --wait and result exit with 1 and say why, --traceback prints the trace', async () => {
  using project = new Project()
  const io = project.io()
  const worker = lovage(['worker', '-A', project.module()], io)
  const waited = await project.run(['call', 'tasks.fail', '--id', 'f1', '--wait', '--timeout', '30'])
  assert.equal(waited.code, 1)
  assert.match(waited.stderr, /LVG_TASK_FAILED: .*out of range/)
  const result = await project.run(['result', 'f1'])
  assert.equal(result.code, 1)
  assert.match(result.stdout, /^FAILURE: \w+: out of range\n$/)
  assert.match((await project.run(['result', 'f1', '--traceback'])).stdout, /RangeError: out of range\n.*at /)
  assert.equal((await project.run(['result', 'f1', '--wait'])).code, 1)
  io.raise('SIGTERM')
  await worker
})

test('a task that nobody knows of is PENDING, and waiting for it ends with the time given', async () => {
  using project = new Project()
  const ran = await project.run(['result', 'nobody'])
  assert.deepEqual([ran.code, ran.stdout], [0, 'PENDING\n'])
  const waited = await project.run(['result', 'nobody', '--wait', '--timeout', '50ms'])
  assert.equal(waited.code, 1)
  assert.match(waited.stderr, /^LVG_RESULT_TIMEOUT/)
  assert.match((await project.run(['result', 'nobody', '--traceback'])).stderr, /^LVG_NO_TRACEBACK/)
})

test('a signal ends waiting with 128 + its number', async () => {
  using project = new Project()
  const io: FakeIo = project.io()
  const waited = lovage(['call', 'tasks.add', '--args', '[1, 2]', '--wait', '-A', project.module()], io)
  await io.stderr.has(/^task /)
  io.raise('SIGINT')
  assert.equal((await waited).code, 130)
})

test('results that are disabled say so', async () => {
  using project = new Project()
  const ran = await lovage(['result', 'x', '-b', `sqlite:///${project.database}`], project.io())
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^LVG_NO_RESULT_BACKEND/)
})
