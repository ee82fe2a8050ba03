import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Project } from './project.js'

async function send(project: Project, ...queues: readonly string[]): Promise<void> {
  for (const queue of queues) assert.equal((await project.run(['call', 'tasks.add', '--queue', queue])).code, 0)
}

async function ready(project: Project): Promise<Readonly<Record<string, number>>> {
  const rows = JSON.parse((await project.run(['queues', '--json'])).stdout)
  return Object.fromEntries(rows.map((row: { queue: string; ready: number }) => [row.queue, row.ready]))
}

test('queues shows every queue of the broker and every declared one, as a table and as JSON', async () => {
  using project = new Project()
  await send(project, 'mail', 'mail')
  const ran = await project.run(['queues'])
  assert.equal(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /^QUEUE +READY +HELD +DELAYED +CONSUMERS\n/)
  assert.match(ran.stdout, /^mail +2 +0 +0 +0$/m)
  assert.deepEqual(await ready(project), { celery: 0, mail: 2 })
})

test('purge asks, and drops only after a yes', async () => {
  using project = new Project()
  await send(project, 'celery')
  const no = await project.run(['purge'], { tty: true, input: 'n\n' })
  assert.equal(no.code, 1)
  assert.match(no.stderr, /celery.*\[y\/N\]/)
  assert.equal((await ready(project))['celery'], 1)
  const yes = await project.run(['purge'], { tty: true, input: 'yes\n' })
  assert.deepEqual([yes.code, yes.stdout], [0, 'Purged 1 message from 1 queue.\n'])
  assert.equal((await ready(project))['celery'], 0)
})

test('purge refuses where nobody can be asked, unless told --force', async () => {
  using project = new Project()
  await send(project, 'celery')
  const refused = await project.run(['purge'])
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /^LVG_USAGE: .*--force/)
  assert.equal((await ready(project))['celery'], 1)
  assert.deepEqual(JSON.parse((await project.run(['purge', '-f', '--json'])).stdout), {
    messages: 1,
    queues: [{ queue: 'celery', messages: 1 }],
  })
  assert.equal((await project.run(['purge', '-f'])).stdout, 'No messages purged from 1 queue.\n')
})

test('purge -Q names queues, -X leaves some out', async () => {
  using project = new Project()
  await send(project, 'a', 'b', 'c')
  assert.equal((await project.run(['purge', '-f', '-Q', 'a,b', '-X', 'b'])).code, 0)
  assert.deepEqual(await ready(project), { a: 0, b: 1, c: 1, celery: 0 })
})

test('list bindings shows which exchange and key lead to which queue', async () => {
  using project = new Project()
  const ran = await project.run(['list', 'bindings'])
  assert.equal(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /^celery +celery +direct +celery$/m)
})
