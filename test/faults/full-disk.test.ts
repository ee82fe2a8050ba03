import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestOptions, test } from 'node:test'
import { Disk, lacksDisk } from './disk/disk.js'
import { House, stop } from './house.js'

/* No room for log, pid file and spool: reliability F65. */

const disk: TestOptions = { skip: lacksDisk ?? false }

test(
  'F65 a disk that fills up under the log file: tasks go on, and later lines are written when there is room',
  disk,
  async () => {
    await using small = await Disk.mount()
    await using house = new House()
    const log = small.path('worker.log')
    const worker = house.spawn({ words: ['--logfile', log] })
    await worker.says(/\[tasks\]/)
    await house.client.sendTask('tasks.note', ['before'])
    await house.hasRun('before')
    await small.trouble('full')
    for (let i = 0; i < 5; i++) await house.client.sendTask('tasks.note', [`during ${i}`])
    await house.hasRun('during 4')
    await small.trouble(undefined)
    await house.client.sendTask('tasks.note', ['after'])
    await house.hasRun('after')
    assert.deepEqual(await stop(worker), { code: 0, signal: null })
    assert.match(readFileSync(log, 'utf8'), /'after'/)
  },
)

test('F65 no room for log file and pid file at the start: said, and the worker works without them', disk, async () => {
  await using small = await Disk.mount()
  await using house = new House()
  await small.trouble('full')
  const worker = house.spawn({ words: ['--logfile', small.path('worker.log'), '--pidfile', small.path('worker.pid')] })
  await worker.says(/ready\./)
  assert.match(worker.stderr, /no space left.*worker\.log|worker\.log.*no space left/i)
  assert.match(worker.stderr, /worker\.pid.*no space left/i)
  await house.client.sendTask('tasks.note', ['works'])
  await house.hasRun('works')
  assert.deepEqual(await stop(worker), { code: 0, signal: null })
})

test('F65 no room for the spool either: what is lost is said with its id, and the worker goes on', disk, async () => {
  await using small = await Disk.mount()
  await using full = await Disk.mount()
  await using house = new House({
    database: small.path('lovage.db'),
    settings: `resultWriteTimeout: 1, resultSpoolPath: '${full.path('spool')}'`,
  })
  const worker = await house.worker()
  const { id } = await house.client.sendTask('tasks.hold', ['held'])
  await house.hasRun('began held')
  await full.trouble('full')
  await small.trouble('full')
  house.release()
  await worker.says(new RegExp(`${id}.*(lost|spool)|(lost|spool).*${id}`))
  await small.trouble(undefined)
  await house.client.sendTask('tasks.note', ['next'])
  await house.hasRun('next')
  assert.deepEqual(await stop(worker), { code: 0, signal: null })
  assert.doesNotMatch(worker.stderr, /Internal error/)
})
