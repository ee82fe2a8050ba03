import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Project } from './project.js'

test('schedule: an entry is added, edited, paused, resumed, sent, told of and removed, beside those of the code', async () => {
  using project = new Project()
  const schedule = async (...words: readonly string[]): Promise<string> => {
    const ran = await project.run(['schedule', ...words])
    assert.equal(ran.code, 0, ran.stderr)
    return ran.stdout
  }
  assert.match(
    await schedule('add', 'ping', '-t', 'tasks.add', '-e', '30s', '-a', '[1, 2]'),
    /^Added ping: tasks\.add, every 30s/,
  )
  assert.match(await schedule('edit', 'ping', '--every', '0 4 * * *', '--zone', 'Europe/Berlin'), /^Changed ping/)
  const list = await schedule('list')
  assert.match(list, /^celery\.backend_cleanup .* code +0 /m)
  assert.match(list, /^ping +tasks\.add +at 04:00.* store +0 /m)
  await schedule('pause', 'ping')
  assert.match(await schedule('show', 'ping'), /^paused: true$/m)
  assert.equal(await schedule('next', 'ping'), 'never\n')
  await schedule('resume', 'ping')
  const times = (await schedule('next', 'ping', '10')).trim().split('\n')
  assert.equal(times.length, 10)
  for (const time of times) assert.match(time, /T0[23]:00:00\.000Z$/)
  assert.match(await schedule('run-now', 'ping'), /^ping-\S+\n$/)
  await schedule('remove', 'ping')
  assert.doesNotMatch(await schedule('list'), /ping/)
})

test('schedule: what cannot be kept is refused with its name and the reason, and nothing is stored', async () => {
  using project = new Project()
  const wrong = await project.run(['schedule', 'add', 'bad', '-t', 'tasks.add', '-e', 'now and then'])
  assert.notEqual(wrong.code, 0)
  assert.match(wrong.stderr, /LVG_BAD_ENTRY: .*"bad": schedule: /)
  const zone = await project.run([
    'schedule',
    'add',
    'bad',
    '-t',
    'tasks.add',
    '-e',
    '0 4 * * *',
    '--zone',
    'Mars/Base',
  ])
  assert.match(zone.stderr, /"bad": .*Mars\/Base/)
  const gone = await project.run(['schedule', 'show', 'bad'])
  assert.match(gone.stderr, /LVG_NO_ENTRY/)
  const code = await project.run(['schedule', 'remove', 'celery.backend_cleanup'])
  assert.match(code.stderr, /stands in the code/)
})
