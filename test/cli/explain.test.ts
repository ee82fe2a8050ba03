import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Project } from './project.js'

test('H41 a task that nobody has is explained by the queue it waits in, which has no consumer', async () => {
  using project = new Project()
  const sent = await project.run(['call', 'tasks.add', '--args', '[1, 2]', '--id', 'e1'])
  assert.equal(sent.code, 0, sent.stderr)
  const told = await project.run(['explain', 'e1', '-t', '200ms'])
  assert.equal(told.code, 0, told.stderr)
  assert.equal(
    told.stdout,
    'No worker answers. If it was sent, it waits in one of: celery (1 ready, no consumer).\nStored state: none.\n',
  )
  const json = await project.run(['explain', 'e1', '-t', '200ms', '--json'])
  assert.equal(JSON.parse(json.stdout).queues[0].queue, 'celery')
})
