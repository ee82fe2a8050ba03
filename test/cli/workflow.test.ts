import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, chain, chord } from '../../src/index.js'
import { Project } from './project.js'

async function sendTwo(project: Project): Promise<readonly string[]> {
  const url = `sqlite:///${project.database}`
  await using app = new App('demo', { brokerUrl: url, resultBackend: `db+${url}`, trackWorkflows: true })
  const add = app.task('tasks.add', (x: number, y: number) => x + y)
  const sum = app.task('tasks.sum', (all: readonly number[]) => all.length)
  const first = await app.apply(chain(add.s(1, 2), add.s(3)))
  const second = await app.apply(chord([add.s(1, 1), add.s(2, 2)], sum.s()))
  return [first.rootId ?? '', second.rootId ?? '']
}

test('workflows are listed, shown, cancelled and resumed from the command line', async () => {
  using project = new Project()
  const [first = '', second = ''] = await sendTwo(project)
  const listed = await project.run(['workflow', 'list'])
  assert.equal(listed.code, 0)
  assert.match(listed.stdout, /^ID +STATE +SENT\n/)
  for (const id of [first, second]) assert.match(listed.stdout, new RegExp(`^${id} +running +2`, 'm'))

  const shown = await project.run(['workflow', 'show', second])
  const lines = shown.stdout.trimEnd().split('\n')
  assert.equal(lines[0], `${second}  running`)
  assert.equal(lines[1], `  tasks.add [${second}] PENDING`)
  assert.match(lines[3] ?? '', /^ {4}tasks\.sum \[.*\] PENDING$/)

  const cancelled = await project.run(['workflow', 'cancel', second, '--json'])
  assert.deepEqual(JSON.parse(cancelled.stdout), { id: second, open: 3 })
  assert.doesNotMatch((await project.run(['workflow', 'list'])).stdout, new RegExp(second))
  const all = JSON.parse((await project.run(['workflow', 'list', '--all', '--json'])).stdout)
  assert.deepEqual(
    all.map(({ id, state }: { readonly id: string; readonly state: string }) => [id, state]).toSorted(),
    [
      [first, 'running'],
      [second, 'cancelled'],
    ].toSorted(),
  )

  const kept = await project.run(['workflow', 'resume', first, '--failed-only'])
  assert.match(kept.stdout, /^Sent 0 tasks of .*; 1 task under way\.$/m)
  const resumed = await project.run(['workflow', 'resume', second])
  assert.match(resumed.stdout, /^Sent 2 tasks of (?!.*nothing).*; 0 tasks under way\.$/m)
  assert.match((await project.run(['workflow', 'show', second])).stdout, /^\S+ {2}resumed as \S+\n/)
})

test('a workflow that nobody has kept is an error that says what to do', async () => {
  using project = new Project()
  const ran = await project.run(['workflow', 'show', 'nobody'])
  assert.notEqual(ran.code, 0)
  assert.match(ran.stderr, /LVG_UNKNOWN_WORKFLOW|trackWorkflows/)
  assert.equal((await project.run(['workflow', 'list'])).stdout, 'No workflows.\n')
})
