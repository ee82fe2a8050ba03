import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventually } from '../support/brokers/sqlite-rig.js'
import { House, stop } from './house.js'

/* Errors that nobody catches, in a real worker: reliability F12. */

const TASKS = `
app.task('tasks.float', (text: string) => { Promise.reject(new RangeError('floating')); note(text) })
app.task('tasks.timer', async (text: string) => {
  setTimeout(() => { throw new RangeError('in a timer') }, 1)
  await pause(50)
  note(text)
})
app.task('tasks.late', (text: string) => {
  setTimeout(() => { throw new RangeError('after the end'); }, 100)
  note(text)
})
app.task('tasks.odd', (text: string) => { Promise.reject(null); setTimeout(() => { throw undefined }); note(text) })
`

const EXTENSION = `
app.use({
  name: 'rude',
  observe: ({ type }) => {
    if (type === 'task-succeeded') Promise.reject(new RangeError('in a hook'))
  },
})
`

/** An error that looks as one of ours does. */
const BUG = `
app.task('tasks.bug', (text: string) => {
  const bug = new TypeError('a bug')
  bug.stack = 'TypeError: a bug\\n    at Intake.take (' + process.env['OURS'] + 'worker/intake.js:1:1)'
  globalThis.bug = () => { throw bug }
  note(text)
})
const wait = setInterval(() => {
  if (!('bug' in globalThis)) return
  clearInterval(wait)
  setTimeout(globalThis.bug as () => void, 100)
}, 10)
`

describe('F12 errors of user code that nobody catches', () => {
  for (const [task, what, said] of [
    [
      'tasks.float',
      'a rejection that is not awaited',
      /left behind a rejection .*RangeError: floating|ValueError\('floating'\)/s,
    ],
    ['tasks.timer', 'an exception in a timer of a running task', /left behind an exception .*'in a timer'/s],
    ['tasks.late', 'an exception after its task has ended', /left behind an exception .*'after the end'/s],
    ['tasks.odd', 'things that are no errors', /left behind an exception/],
  ] as const) {
    test(`${what}: logged with its task, which succeeds, and the worker goes on`, async () => {
      await using house = new House({ tasks: TASKS })
      const worker = await house.worker()
      const sent = await house.client.sendTask(task, ['strayed'])
      await worker.says(said)
      assert.match(worker.stderr, new RegExp(`Task ${task}\\[${sent.id}\\] left behind`))
      assert.equal(await house.ended(sent.id), 'SUCCESS')
      await house.client.sendTask('tasks.note', ['next'])
      await house.hasRun('next')
      assert.deepEqual(await stop(worker), { code: 0, signal: null })
    })
  }

  test('a rejection in an extension: logged, the task it watched succeeds, and the worker goes on', async () => {
    await using house = new House({ tasks: EXTENSION })
    const worker = await house.worker()
    const sent = await house.client.sendTask('tasks.note', ['watched'])
    await worker.says(/Code outside any task left a rejection .*'in a hook'/s)
    assert.equal(await house.ended(sent.id), 'SUCCESS')
    await house.client.sendTask('tasks.note', ['next'])
    await house.hasRun('next')
    assert.deepEqual(await stop(worker), { code: 0, signal: null })
  })
})

test('F12 an error of our own: said as critical, running tasks finish, the rest goes back, and the worker exits with 1', async () => {
  await using house = new House({ tasks: BUG })
  const worker = await house.worker({
    words: ['-c', '1'],
    env: { OURS: new URL('../../src/', import.meta.url).href },
  })
  await house.client.sendTask('tasks.bug', ['bug'])
  await house.client.sendTask('tasks.hold', ['held'])
  await house.client.sendTask('tasks.note', ['waiting'])
  await worker.says(/Lovage itself left an exception .*a bug/s)
  await eventually('what waits to be back', async () => ((await house.queue())?.ready === 1 ? true : undefined))
  house.release()
  assert.deepEqual(await worker.end(), { code: 1, signal: null })
  assert.deepEqual(house.ran(), ['bug', 'began held', 'held'])
  const queue = await house.queue()
  assert.deepEqual([queue?.ready, queue?.held], [1, 0])
})
