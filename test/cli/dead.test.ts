import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App } from '../../src/index.js'
import type { Message } from '../../src/ports.js'
import { queueName, taskId } from '../../src/ports.js'
import { deadQueue, toDeadLetter } from '../../src/protocol/dead-letter.js'
import { Project } from './project.js'

const CELERY = queueName('celery')

/** Puts a message into the dead-letter place of `celery`. */
async function bury(project: Project, id: string, message: Partial<Message> = {}): Promise<void> {
  await using app = appOf(project)
  await using connection = await (await app.broker()).connect({ name: 'test' })
  const letter = toDeadLetter(
    {
      headers: { id, task: 'tasks.add', lang: 'js', 'x-delivery-count': 3, ...message.headers },
      properties: {
        correlationId: id,
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        ...message.properties,
      },
      body: message.body ?? Buffer.from('[[1, 2], {}, {}]'),
    },
    {
      reason: 'poison',
      detail: 'killed its worker 3 times',
      queue: CELERY,
      exchange: '',
      routingKey: 'celery',
      deliveries: 3,
      firstSeen: Date.UTC(2026, 0, 1),
      diedAt: Date.UTC(2026, 0, 2),
      worker: 'celery@test',
    },
  )
  await connection.declare({ queues: [{ name: deadQueue(CELERY) }] })
  await connection.publish(letter, { exchange: '', routingKey: deadQueue(CELERY) }, { publishId: `bury-${id}` })
}

/** Ends a task, as far as the result backend knows. */
async function finish(project: Project, id: string): Promise<void> {
  await using app = appOf(project)
  const backend = await app.backend()
  await backend?.store(
    {
      taskId: taskId(id),
      status: 'FAILURE',
      result: undefined,
      error: { type: 'PoisonTaskError', args: [], module: null },
      traceback: undefined,
      children: undefined,
      dateDone: '2026-01-02T00:00:00.000000+00:00',
    },
    { ttl: undefined, fence: undefined },
  )
}

function appOf(project: Project): App {
  const url = `sqlite:///${project.database}`
  return new App('test', { brokerUrl: url, resultBackend: `db+${url}` }, { environment: {} })
}

async function dead(project: Project): Promise<readonly string[]> {
  const ran = await project.run(['dead', 'list', '--json'])
  assert.equal(ran.code, 0, ran.stderr)
  return JSON.parse(ran.stdout).map((letter: { id: string }) => letter.id)
}

test('D63 dead list shows id, queue, task and reason, and leaves every letter where it is', async () => {
  using project = new Project()
  assert.equal((await project.run(['dead', 'list'])).stdout, 'No dead letters.\n')
  await bury(project, 'one')
  await bury(project, 'two')
  for (const words of [
    ['dead', 'list'],
    ['dead', 'list', 'celery'],
  ]) {
    const ran = await project.run(words)
    assert.match(
      ran.stdout,
      /^one +celery +tasks\.add +poison +3 +2026-01-02T00:00:00\.000Z +killed its worker 3 times$/m,
    )
  }
  assert.deepEqual(await dead(project), ['one', 'two'])
  assert.deepEqual(JSON.parse((await project.run(['dead', 'list', '--limit', '1', '--json'])).stdout).length, 1)
})

test('D63 dead show tells everything of one letter', async () => {
  using project = new Project()
  await bury(project, 'one')
  const shown = JSON.parse((await project.run(['dead', 'show', 'celery', 'one', '--json'])).stdout)
  assert.deepEqual(
    [shown.reason, shown.headers.task, shown.body, shown.worker],
    ['poison', 'tasks.add', '[[1, 2], {}, {}]', 'celery@test'],
  )
  assert.match((await project.run(['dead', 'show', 'celery', 'one'])).stdout, /^detail: killed its worker 3 times$/m)
  const missing = await project.run(['dead', 'show', 'celery', 'none'])
  assert.deepEqual([missing.code, /^LVG_DEAD_NOT_FOUND/.test(missing.stderr)], [1, true])
})

test('D63 a letter without an id, with bytes that are no text, is found by what its body hashes to', async () => {
  using project = new Project()
  await bury(project, '', { headers: { id: null }, body: Uint8Array.of(255, 0, 255) })
  const [id] = await dead(project)
  assert.match(id ?? '', /^body-[0-9a-f]{12}$/)
  const shown = JSON.parse((await project.run(['dead', 'show', 'celery', id ?? '', '--json'])).stdout)
  assert.equal(shown.bodyBase64, '/wD/')
})

test('S100 what a hostile sender wrote cannot move the cursor of who looks at it', async () => {
  using project = new Project()
  await bury(project, 'evil\u001b[2J', { headers: { task: 'forged\nline' } })
  for (const words of [
    ['dead', 'list'],
    ['dead', 'show', 'celery', 'evil\u001b[2J'],
  ]) {
    const { stdout } = await project.run(words)
    assert.ok(stdout.includes('forged\\nline'), stdout)
    assert.ok(!stdout.includes('\u001b'))
  }
})

test('D63 dead requeue publishes with the same id and without the count, and removes the letter', async () => {
  using project = new Project()
  await bury(project, 'one')
  await bury(project, 'two')
  const ran = await project.run(['dead', 'requeue', 'celery', 'one'])
  assert.deepEqual([ran.code, ran.stdout], [0, 'Requeued 1 dead letter.\n'], ran.stderr)
  assert.deepEqual(await dead(project), ['two'])
  await using app = appOf(project)
  await using connection = await (await app.broker()).connect({ name: 'test' })
  const [delivery] = await connection.get(CELERY, 10)
  assert.equal(delivery?.message.headers['id'], 'one')
  assert.equal(delivery?.message.headers['x-delivery-count'], undefined)
  assert.equal(Buffer.from(delivery?.message.body ?? []).toString(), '[[1, 2], {}, {}]')
  assert.deepEqual([delivery?.faults, delivery?.redelivered], [0, false])
})

test('D63 dead requeue without an id takes all of the queue', async () => {
  using project = new Project()
  for (const id of ['one', 'two', 'three']) await bury(project, id)
  const ran = await project.run(['dead', 'requeue', 'celery', '--json'])
  assert.deepEqual(JSON.parse(ran.stdout), { requeued: ['one', 'two', 'three'], skipped: [] })
  assert.deepEqual(await dead(project), [])
})

test('D63 a letter whose task has a final state is requeued only after a yes or --force', async () => {
  using project = new Project()
  await bury(project, 'one')
  await finish(project, 'one')
  const refused = await project.run(['dead', 'requeue', 'celery', 'one'])
  assert.equal(refused.code, 1)
  assert.match(refused.stdout, /Left one: it has the state FAILURE \(--force/)
  const no = await project.run(['dead', 'requeue', 'celery', 'one'], { tty: true, input: '\n' })
  assert.equal(no.code, 1)
  assert.match(no.stderr, /FAILURE.*\[y\/N\]/)
  assert.deepEqual(await dead(project), ['one'])
  assert.equal((await project.run(['dead', 'requeue', 'celery', 'one'], { tty: true, input: 'y\n' })).code, 0)
  assert.deepEqual(await dead(project), [])
  await bury(project, 'two')
  await finish(project, 'two')
  assert.equal((await project.run(['dead', 'requeue', 'celery', '--force'])).code, 0)
  assert.deepEqual(await dead(project), [])
})

test('D63 dead purge drops one letter, or all after asking', async () => {
  using project = new Project()
  for (const id of ['one', 'two', 'three']) await bury(project, id)
  assert.equal((await project.run(['dead', 'purge', 'celery', 'two'])).stdout, 'Dropped 1 dead letter.\n')
  assert.deepEqual(await dead(project), ['one', 'three'])
  assert.equal((await project.run(['dead', 'purge', 'celery'])).code, 2)
  assert.equal((await project.run(['dead', 'purge', 'celery', 'none'])).code, 1)
  assert.equal((await project.run(['dead', 'purge', 'celery', '-f'])).stdout, 'Dropped 2 dead letters.\n')
  assert.deepEqual(await dead(project), [])
})
